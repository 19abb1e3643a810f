import pytest

from ledgerlib import AmountError, Money


def test_parse_reads_decimals():
    assert Money.parse("12.50 EUR") == Money(1250, "EUR")


def test_parse_fills_missing_decimals():
    assert Money.parse("3.5 USD") == Money(350, "USD")
    assert Money.parse("7 USD") == Money(700, "USD")


def test_parse_reads_negative_amounts():
    assert Money.parse("-3.25 USD") == Money(-325, "USD")


def test_parse_ignores_thousands_separators():
    assert Money.parse("1,200.00 EUR") == Money(120000, "EUR")


def test_parse_knows_currencies_without_decimals():
    assert Money.parse("500 JPY") == Money(500, "JPY")
    with pytest.raises(AmountError, match="0 decimals"):
        Money.parse("5.5 JPY")


def test_parse_refuses_words():
    with pytest.raises(AmountError, match="not a number"):
        Money.parse("many EUR")


def test_str_shows_all_decimals():
    assert str(Money(1205, "EUR")) == "12.05 EUR"
    assert str(Money(-325, "USD")) == "-3.25 USD"
    assert str(Money(1500, "KWD")) == "1.500 KWD"


def test_add_refuses_mixed_currencies():
    with pytest.raises(AmountError, match="cannot add USD to EUR"):
        Money(1, "EUR") + Money(1, "USD")


def test_split_divides_evenly():
    assert Money(900, "EUR").split(3) == [Money(300, "EUR")] * 3


def test_split_refuses_nobody():
    with pytest.raises(AmountError, match="cannot split 0 ways"):
        Money(900, "EUR").split(0)
