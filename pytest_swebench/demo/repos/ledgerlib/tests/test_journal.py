from datetime import date

import pytest

from ledgerlib import BalanceError, Journal, Money, Posting, Transaction

DAY = date(2024, 3, 1)


def eur(minor):
    return Money(minor, "EUR")


def test_balanced_transaction_is_kept():
    transaction = Transaction(DAY, "Shop", (Posting("Expenses:Food", eur(500)), Posting("Assets:Cash", eur(-500))))
    assert transaction.completed() == transaction


def test_unbalanced_transaction_is_refused():
    transaction = Transaction(DAY, "Shop", (Posting("Expenses:Food", eur(500)), Posting("Assets:Cash", eur(-400))))
    with pytest.raises(BalanceError, match="off by 1.00 EUR"):
        transaction.completed()


def test_elided_amount_balances_the_rest():
    transaction = Transaction(DAY, "Shop", (Posting("Expenses:Food", eur(500)), Posting("Assets:Cash")))
    assert transaction.completed().postings[1] == Posting("Assets:Cash", eur(-500))


def test_completed_postings_keep_their_order():
    transaction = Transaction(
        DAY,
        "Shop",
        (Posting("Expenses:Food", eur(500)), Posting("Assets:Cash"), Posting("Expenses:Home", eur(200))),
    )
    accounts = [posting.account for posting in transaction.completed().postings]
    assert accounts == ["Expenses:Food", "Assets:Cash", "Expenses:Home"]


def test_two_elided_amounts_are_refused():
    transaction = Transaction(DAY, "Shop", (Posting("A"), Posting("B"), Posting("C", eur(1))))
    with pytest.raises(BalanceError, match="more than one posting"):
        transaction.completed()


def test_register_includes_accounts_below():
    journal = Journal()
    journal.add(Transaction(DAY, "Shop", (Posting("Expenses:Food", eur(500)), Posting("Assets:Cash"))))
    assert [posting.account for _, posting in journal.register("Expenses")] == ["Expenses:Food"]


def test_register_is_ordered_by_day():
    journal = Journal()
    journal.add(Transaction(date(2024, 3, 9), "Late", (Posting("X", eur(1)), Posting("Y"))))
    journal.add(Transaction(date(2024, 3, 2), "Early", (Posting("X", eur(2)), Posting("Y"))))
    assert [transaction.payee for transaction, _ in journal.register("X")] == ["Early", "Late"]
