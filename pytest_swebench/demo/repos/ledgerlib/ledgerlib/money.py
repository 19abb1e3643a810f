"""Amounts of money, kept in whole minor units so that sums never round."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import AmountError

MINOR_DIGITS = {"JPY": 0, "KRW": 0, "KWD": 3}


def minor_digits(currency: str) -> int:
    """Return how many decimals a currency has."""
    return MINOR_DIGITS.get(currency, 2)


@dataclass(frozen=True)
class Money:
    """So many minor units (cents, for most) of one currency."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, text: str) -> Money:
        """Read `12.50 EUR`, `-3 USD` or `1,200.00 EUR`."""
        parts = text.split()
        if len(parts) != 2:
            raise AmountError(f"expected '<number> <currency>', found {text!r}")
        number, currency = parts
        digits = minor_digits(currency)
        whole, _, fraction = number.replace(",", "").partition(".")
        if len(fraction) > digits:
            raise AmountError(f"{currency} has {digits} decimals, found {number!r}")
        try:
            units = int(whole) * 10**digits
            cents = int(fraction.ljust(digits, "0")) if fraction else 0
        except ValueError:
            raise AmountError(f"not a number: {number!r}") from None
        return cls(units - cents if units < 0 else units + cents, currency)

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise AmountError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.minor + other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        digits = minor_digits(self.currency)
        if digits == 0:
            return f"{self.minor} {self.currency}"
        base = 10**digits
        whole = int(self.minor / base)
        fraction = abs(self.minor) % base
        return f"{whole}.{fraction:0{digits}d} {self.currency}"

    def split(self, ways: int) -> list[Money]:
        """Divide the amount among `ways` people."""
        if ways < 1:
            raise AmountError(f"cannot split {ways} ways")
        share = self.minor // ways
        return [Money(share, self.currency) for _ in range(ways)]
