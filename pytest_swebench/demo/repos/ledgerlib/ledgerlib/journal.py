"""Transactions and the journal that holds them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date

from .errors import BalanceError
from .money import Money


@dataclass(frozen=True)
class Posting:
    """One leg of a transaction; `amount` is None where the journal leaves it out."""

    account: str
    amount: Money | None = None


@dataclass(frozen=True)
class Transaction:
    """Postings of one day that add up to zero in every currency."""

    day: date
    payee: str
    postings: tuple[Posting, ...]

    def open_totals(self) -> dict[str, int]:
        """Return the minor units by currency that are not balanced yet, in order of appearance."""
        totals: dict[str, int] = defaultdict(int)
        for posting in self.postings:
            if posting.amount is not None:
                totals[posting.amount.currency] += posting.amount.minor
        return {currency: minor for currency, minor in totals.items() if minor}

    def completed(self) -> Transaction:
        """Return the transaction with its elided amount filled in."""
        elided = [posting for posting in self.postings if posting.amount is None]
        if len(elided) > 1:
            raise BalanceError(f"{self.payee}: more than one posting without an amount")
        totals = self.open_totals()
        if not elided:
            if totals:
                off = ", ".join(str(Money(minor, currency)) for currency, minor in totals.items())
                raise BalanceError(f"{self.payee}: does not balance, off by {off}")
            return self
        currency, minor = next(iter(totals.items()))
        filled = Posting(elided[0].account, Money(-minor, currency))
        postings = tuple(filled if posting.amount is None else posting for posting in self.postings)
        return replace(self, postings=postings)


@dataclass
class Journal:
    """All transactions, in the order they were written."""

    transactions: list[Transaction] = field(default_factory=list)

    def add(self, transaction: Transaction) -> None:
        """Append a transaction after balancing it."""
        self.transactions.append(transaction.completed())

    def postings(self) -> Iterator[tuple[Transaction, Posting]]:
        """Yield every posting with its transaction, by day."""
        for transaction in sorted(self.transactions, key=lambda item: item.day):
            for posting in transaction.postings:
                yield transaction, posting

    def register(self, account: str) -> list[tuple[Transaction, Posting]]:
        """Return the postings of an account and of those under it."""
        return [pair for pair in self.postings() if pair[1].account.startswith(account)]

    def balances(self) -> dict[str, dict[str, int]]:
        """Return minor units by account and currency."""
        totals: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for _, posting in self.postings():
            assert posting.amount is not None
            totals[posting.account][posting.amount.currency] += posting.amount.minor
        return {account: dict(by_currency) for account, by_currency in totals.items()}
