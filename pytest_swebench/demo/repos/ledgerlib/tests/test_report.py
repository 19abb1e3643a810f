from ledgerlib import balance_report, parse_journal, register_report
from ledgerlib.report import shorten

TEXT = """\
2024-03-01 Corner shop
    Expenses:Food        12.50 EUR
    Assets:Cash

2024-03-05 A bookshop with a very long name
    Expenses:Books       30.00 EUR
    Assets:Cash
"""


def test_balance_report_sums_by_account():
    report = balance_report(parse_journal(TEXT))
    assert report.splitlines()[2:] == [
        "Assets:Cash     -42.50 EUR",
        "Expenses:Books   30.00 EUR",
        "Expenses:Food    12.50 EUR",
    ]


def test_balance_report_keeps_to_one_branch():
    report = balance_report(parse_journal(TEXT), under="Expenses")
    assert "Assets" not in report
    assert "Expenses:Food" in report


def test_register_report_runs_a_total():
    report = register_report(parse_journal(TEXT), "Assets:Cash")
    assert report.splitlines()[-1].endswith("-30.00 EUR  -42.50 EUR")


def test_register_report_shortens_payees():
    report = register_report(parse_journal(TEXT), "Expenses:Books")
    assert "A bookshop with a v…" in report


def test_shorten_keeps_what_fits():
    assert shorten("exact", 5) == "exact"
    assert shorten("longer", 5) == "long…"
