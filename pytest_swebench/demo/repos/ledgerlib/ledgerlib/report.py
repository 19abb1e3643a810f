"""The two reports: balances by account, and the register of one account."""

from __future__ import annotations

from .journal import Journal
from .money import Money
from .table import Table

PAYEE_WIDTH = 20


def shorten(text: str, width: int) -> str:
    """Cut `text` to `width` columns, an ellipsis marking the cut."""
    if len(text) <= width:
        return text
    return text[: width - 1] + "…"


def balance_report(journal: Journal, under: str = "") -> str:
    """Return a table of the balance of every account, or of those under one."""
    table = Table(["account", "balance"], align="<>")
    for account, by_currency in sorted(journal.balances().items()):
        if not account.startswith(under):
            continue
        for currency, minor in sorted(by_currency.items()):
            table.add(account, str(Money(minor, currency)))
    return table.render()


def register_report(journal: Journal, account: str) -> str:
    """Return a table of the postings of an account with a running total by currency."""
    table = Table(["day", "payee", "amount", "total"], align="<<>>")
    totals: dict[str, Money] = {}
    for transaction, posting in journal.register(account):
        amount = posting.amount
        assert amount is not None
        totals[amount.currency] = totals.get(amount.currency, Money(0, amount.currency)) + amount
        table.add(
            transaction.day.isoformat(),
            shorten(transaction.payee, PAYEE_WIDTH),
            str(amount),
            str(totals[amount.currency]),
        )
    return table.render()
