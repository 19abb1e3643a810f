"""Reading journals from text."""

from __future__ import annotations

import re
from datetime import date

from .errors import LedgerError, ParseError
from .journal import Journal, Posting, Transaction
from .money import Money

_HEADER = re.compile(r"(\d{4}-\d{2}-\d{2})\s+(.+)")
_GAP = re.compile(r"\s{2,}|\t")


def parse_journal(text: str) -> Journal:
    """Read a journal: header lines start at the margin, postings are indented, `;` starts a comment."""
    journal = Journal()
    header: tuple[int, date, str] | None = None
    postings: list[Posting] = []

    def finish() -> None:
        if header is None:
            return
        line, day, payee = header
        try:
            journal.add(Transaction(day, payee, tuple(postings)))
        except LedgerError as error:
            raise ParseError(line, str(error)) from error

    for number, raw in enumerate(text.splitlines(), start=1):
        content = raw.partition(";")[0].rstrip()
        if not content:
            continue
        if content[0].isspace():
            if header is None:
                raise ParseError(number, "posting before any transaction")
            postings.append(_posting(number, content.strip()))
            continue
        finish()
        header, postings = _header(number, content), []
    finish()
    return journal


def _header(number: int, content: str) -> tuple[int, date, str]:
    match = _HEADER.fullmatch(content)
    if match is None:
        raise ParseError(number, f"expected '<date> <payee>', found {content!r}")
    try:
        day = date.fromisoformat(match[1])
    except ValueError as error:
        raise ParseError(number, str(error)) from None
    return number, day, match[2].strip()


def _posting(number: int, content: str) -> Posting:
    account, *rest = _GAP.split(content, maxsplit=1)
    if not rest:
        return Posting(account)
    try:
        return Posting(account, Money.parse(rest[0]))
    except LedgerError as error:
        raise ParseError(number, str(error)) from error
