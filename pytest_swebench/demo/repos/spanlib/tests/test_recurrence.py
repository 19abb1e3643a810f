from datetime import date

from spanlib import monthly, weekly


def test_monthly_keeps_the_day():
    assert list(monthly(date(2024, 1, 15), date(2024, 3, 31))) == [
        date(2024, 1, 15),
        date(2024, 2, 15),
        date(2024, 3, 15),
    ]


def test_monthly_includes_until():
    assert list(monthly(date(2024, 1, 15), date(2024, 2, 15)))[-1] == date(2024, 2, 15)


def test_monthly_never_passes_until():
    assert list(monthly(date(2024, 1, 15), date(2024, 3, 10))) == [date(2024, 1, 15), date(2024, 2, 15)]


def test_monthly_crosses_the_year():
    assert list(monthly(date(2023, 12, 1), date(2024, 1, 1))) == [date(2023, 12, 1), date(2024, 1, 1)]


def test_monthly_uses_the_last_day_of_short_months():
    assert list(monthly(date(2023, 1, 31), date(2023, 2, 28))) == [date(2023, 1, 31), date(2023, 2, 28)]


def test_monthly_is_empty_after_until():
    assert list(monthly(date(2024, 2, 1), date(2024, 1, 1))) == []


def test_weekly_yields_named_days():
    assert list(weekly(date(2024, 3, 1), date(2024, 3, 8), ["fri", "mon"])) == [
        date(2024, 3, 1),
        date(2024, 3, 4),
        date(2024, 3, 8),
    ]
