"""The errors of the library."""


class LedgerError(ValueError):
    """Base of all errors raised here."""


class AmountError(LedgerError):
    """A text that is no amount, or amounts that do not mix."""


class BalanceError(LedgerError):
    """A transaction whose postings do not add up to zero."""


class ParseError(LedgerError):
    """A journal line that cannot be read."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line
