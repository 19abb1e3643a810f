"""Plain-text double-entry bookkeeping."""

from .errors import AmountError, BalanceError, LedgerError, ParseError
from .journal import Journal, Posting, Transaction
from .money import Money
from .parser import parse_journal
from .report import balance_report, register_report
from .table import Table

__all__ = [
    "AmountError",
    "BalanceError",
    "Journal",
    "LedgerError",
    "Money",
    "ParseError",
    "Posting",
    "Table",
    "Transaction",
    "balance_report",
    "parse_journal",
    "register_report",
]
