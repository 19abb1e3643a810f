import pytest

from ledgerlib import Money, ParseError, parse_journal

TEXT = """\
; household
2024-03-01 Corner shop
    Expenses:Food        12.50 EUR   ; bread
    Assets:Cash

2024-03-02 Salary
    Assets:Bank          2,000.00 EUR
    Income:Salary
"""


def test_parse_reads_every_transaction():
    journal = parse_journal(TEXT)
    assert [transaction.payee for transaction in journal.transactions] == ["Corner shop", "Salary"]


def test_parse_completes_postings():
    journal = parse_journal(TEXT)
    assert journal.transactions[0].postings[1].amount == Money(-1250, "EUR")


def test_parse_names_the_line_of_a_bad_amount():
    with pytest.raises(ParseError, match="line 2: not a number"):
        parse_journal("2024-03-01 Shop\n    Expenses:Food    x EUR\n")


def test_parse_refuses_postings_without_header():
    with pytest.raises(ParseError, match="before any transaction"):
        parse_journal("    Expenses:Food    1 EUR\n")


def test_parse_names_the_line_of_an_unbalanced_transaction():
    with pytest.raises(ParseError, match="line 1: Shop: does not balance"):
        parse_journal("2024-03-01 Shop\n    A    1 EUR\n    B    1 EUR\n")
