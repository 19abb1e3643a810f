"""What a ledger counts, and which calls it refuses; how processes share one is in `test_ledger_shared.py`."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_swebench.errors import BudgetExhausted, InputError, ProviderError, RecordError
from pytest_swebench.providers.budget import Caps, Reservation, Spent, Total
from pytest_swebench.providers.ledger import Ledger
from pytest_swebench.providers.prices import Prices
from pytest_swebench.providers.protocol import Usage
from tests.support.ledgers import INPUT, Make, answer, request, reserve


def test_reading_what_nobody_spent_makes_no_file(make: Make, tmp_path: Path) -> None:
    ledger = make(max_cost_usd=1)
    assert (ledger.spent(), ledger.tripped()) == (Spent(), [])
    assert list(tmp_path.iterdir()) == []


def test_a_call_counts_at_its_worst_case_until_it_is_settled(make: Make) -> None:
    ledger = make()
    reservation = reserve(ledger, max_tokens=100)
    before = ledger.spent()
    assert (before.run, before.open, before.open_usd) == (Total(INPUT + 100, INPUT + 100), 1, INPUT + 100)
    ledger.settle(reservation, answer(Usage(input=3, output=4, cache_read=1, cache_write=2)))
    after = ledger.spent()
    assert (after.run, after.open, after.calls, after.matched) == (Total(10, 10), 0, 1, {"m": "--price"})


def test_totals_are_kept_by_run_variant_and_cell_and_by_all_processes(make: Make) -> None:
    for cell, variant in (("c1", "v1"), ("c2", "v1"), ("c3", "v2")):
        ledger = make()
        ledger.settle(reserve(ledger, cell=cell, variant=variant), answer(Usage(output=2)))
    spent = make().spent()
    assert spent.run == Total(6, 6)
    assert spent.variants == {"v1": Total(4, 4), "v2": Total(2, 2)}
    assert spent.cells == {"c1": Total(2, 2), "c2": Total(2, 2), "c3": Total(2, 2)}


def test_a_failed_call_is_free_only_if_it_was_not_billed(make: Make) -> None:
    ledger = make()
    ledger.fail(reserve(ledger), billed=False)
    assert (ledger.spent().run, ledger.spent().calls) == (Total(0, 0), 0)
    ledger.fail(reserve(ledger), billed=True)
    spent = ledger.spent()
    assert spent.calls == 1
    assert (spent.run, spent.lost, spent.lost_usd, spent.open) == (Total(INPUT + 10, INPUT + 10), 1, INPUT + 10, 0)


def test_a_call_ends_once(make: Make) -> None:
    ledger = make()
    reservation = reserve(ledger)
    ledger.settle(reservation, answer(Usage(output=1)))
    ledger.settle(reservation, answer(Usage(output=1)))
    ledger.fail(reservation, billed=True)
    assert ledger.spent().run == Total(1, 1)


@pytest.mark.parametrize(
    ("cap", "scope", "option"),
    [
        ("max_cost_usd", "run", "--max-cost"),
        ("max_cost_per_cell_usd", "cell", "--max-cost-per-cell"),
        ("max_cost_per_variant_usd", "variant", "--max-cost-per-variant"),
    ],
)
def test_a_cap_stops_the_call_that_could_exceed_it(make: Make, cap: str, scope: str, option: str) -> None:
    ledger = make(**{cap: INPUT + 20})
    ledger.settle(reserve(ledger), answer(Usage(output=10)))
    reserve(ledger)  # the very last cent
    with pytest.raises(BudgetExhausted) as stopped:
        reserve(ledger, max_tokens=11)
    assert stopped.value.scope == scope
    message = str(stopped.value)
    for part in (option, f"${INPUT + 20:,}.00", f"${INPUT + 20:,}.00 spent", f"${INPUT + 11:,}.00", "'m'"):
        assert part in message
    assert ("--resume" in message) is (scope != "cell")  # a cell that its own cap has ended is done


def test_another_cell_has_a_cap_of_its_own(make: Make) -> None:
    ledger = make(max_cost_per_cell_usd=INPUT + 10)
    reserve(ledger, cell="one")
    reserve(ledger, cell="two")
    with pytest.raises(BudgetExhausted, match=r"--max-cost-per-cell .* of one:"):
        reserve(ledger, cell="one", max_tokens=11)


def test_a_cap_on_tokens_stands_in_for_an_unknown_price(tmp_path: Path) -> None:
    prices = Prices()
    with closing(Ledger(tmp_path / "ledger.sqlite", Caps(max_tokens=INPUT + 30), prices)) as ledger:
        ledger.settle(reserve(ledger, max_tokens=30), answer(Usage(input=5, output=15)))
        reserve(ledger, max_tokens=10)
        with pytest.raises(BudgetExhausted, match=r"--max-tokens .* tokens: .* could need .* tokens"):
            reserve(ledger, max_tokens=INPUT + 40)
        spent = ledger.spent()
    assert (spent.unpriced, spent.run.usd, spent.run.tokens) == (2, 0.0, 20 + INPUT + 10)


def test_a_cap_on_cost_refuses_a_model_of_unknown_price(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "ledger.sqlite", Caps(max_cost_usd=10), Prices())) as ledger:
        with pytest.raises(InputError, match=r"price of model 'm' is unknown.*--price=m=IN,OUT"):
            reserve(ledger)
        assert ledger.spent().calls == 0


@pytest.mark.parametrize("cap", ["max_cost_usd", "max_cost_per_cell_usd", "max_cost_per_variant_usd"])
def test_a_cap_on_tokens_does_not_void_one_on_cost(tmp_path: Path, cap: str) -> None:
    caps = replace(Caps(max_tokens=1_000_000), **{cap: 10.0})
    told = r"price of model 'm' is unknown.*--price=m=IN,OUT.*--max-tokens=N alone"
    with closing(Ledger(tmp_path / "ledger.sqlite", caps, Prices())) as ledger, pytest.raises(InputError, match=told):
        reserve(ledger)


def test_without_caps_a_model_of_unknown_price_is_counted_as_such(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "ledger.sqlite", Caps(), Prices())) as ledger:
        ledger.settle(reserve(ledger), answer(Usage(output=7)))
        spent = ledger.spent()
    assert (spent.unpriced, spent.run, spent.matched) == (1, Total(0.0, 7), {})


def test_an_answer_of_an_unlisted_model_costs_what_the_asked_one_does(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "ledger.sqlite", Caps(), Prices())) as ledger:
        account = ledger.account("c", "v", "anthropic")
        asked = request(model="claude-sonnet-4-5")
        ledger.settle(ledger.reserve(account, asked, timeout_s=0), answer(Usage(output=1000), model="somebody"))
        spent = ledger.spent()
    assert spent.run.usd == pytest.approx(0.015)
    assert spent.matched == {"claude-sonnet-4-5": "claude-sonnet-4-5"}


def test_a_charge_beyond_its_reservation_is_booked_and_counted(make: Make) -> None:
    ledger = make(max_cost_usd=INPUT + 10)
    ledger.settle(reserve(ledger), answer(Usage(output=INPUT + 500)))
    spent = ledger.spent()
    assert (spent.overruns, spent.run.usd) == (1, INPUT + 500)
    with pytest.raises(BudgetExhausted):
        reserve(ledger)


def test_a_tripped_cap_is_told_to_every_process_until_it_is_raised(make: Make) -> None:
    ledger = make(max_cost_usd=INPUT, max_cost_per_cell_usd=INPUT)
    assert ledger.tripped() == []
    with pytest.raises(BudgetExhausted) as stopped:
        reserve(ledger)
    same = make(max_cost_usd=INPUT)
    assert [(trip.scope, trip.name, trip.message) for trip in same.tripped()] == [("run", "", str(stopped.value))]
    assert make(max_cost_usd=INPUT - 1).tripped() == same.tripped()
    raised = make(max_cost_usd=INPUT + 100)
    assert raised.tripped() == []
    reserve(raised)


def test_the_cap_of_a_cell_names_the_cell(make: Make) -> None:
    ledger = make(max_cost_per_cell_usd=INPUT, max_cost_usd=INPUT + 10)
    with pytest.raises(BudgetExhausted):
        reserve(ledger, cell="one/v/r1")
    with pytest.raises(BudgetExhausted):
        reserve(ledger, cell="one/v/r1", max_tokens=1000)
    assert [(trip.scope, trip.name) for trip in ledger.tripped()] == [("run", ""), ("cell", "one/v/r1")]


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "settle", "billed", "unbilled"]),
        st.integers(0, 3),  # which ledger, and which cell
        st.integers(1, 60),  # tokens to write at most, or which open call
        st.floats(0, 1),  # how much of it was used
    ),
    max_size=40,
)


@settings(max_examples=60)
@given(operations=OPERATIONS, run_cap=st.integers(0, 2000), cell_cap=st.integers(0, 2000))
def test_no_order_of_calls_exceeds_a_cap(
    operations: list[tuple[str, int, int, float]],
    run_cap: int,
    cell_cap: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    caps = Caps(max_cost_usd=run_cap, max_cost_per_cell_usd=cell_cap)
    charged = [0.0] * 4
    open_calls: list[tuple[int, Reservation, int]] = []
    with ExitStack() as stack:
        ledgers = [stack.enter_context(closing(Ledger(path, caps, Prices(["0,10000000"])))) for _ in range(2)]
        for what, number, size, used in operations:
            ledger = ledgers[number % 2]
            if what == "reserve":
                try:
                    open_calls.append((number, reserve(ledger, size, cell=str(number)), size))
                except (BudgetExhausted, ProviderError):
                    held = [10 * most for cell, _, most in open_calls]
                    mine = [10 * most for cell, _, most in open_calls if cell == number]
                    assert (
                        sum(charged) + sum(held) + 10 * size > run_cap
                        or charged[number] + sum(mine) + 10 * size > cell_cap
                    )
            elif open_calls:
                cell, reservation, most = open_calls.pop(size % len(open_calls))
                output = int(used * most)
                if what == "settle":
                    ledger.settle(reservation, answer(Usage(output=output)))
                    charged[cell] += 10 * output
                else:
                    ledger.fail(reservation, billed=what == "billed")
                    charged[cell] += 10 * most if what == "billed" else 0
            assert sum(charged) + sum(10 * most for _, _, most in open_calls) <= run_cap
            assert max(charged) <= cell_cap
        assert ledgers[0].spent().run.usd == sum(charged) + sum(10 * most for _, _, most in open_calls)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), 1e12])
def test_a_cap_that_is_no_amount_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="give an amount"):
        Caps(max_cost_usd=value)


def test_a_file_that_fails_refuses_calls_but_loses_no_answer(make: Make, tmp_path: Path) -> None:
    ledger = make(max_cost_usd=10 * INPUT)
    reservation = reserve(ledger)
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as db:
        db.execute("ALTER TABLE totals RENAME TO gone")
        db.commit()
        ledger.settle(reservation, answer(Usage(output=1)))
        with pytest.raises(RecordError, match=r"cannot use '.*ledger.sqlite'"):
            reserve(ledger)
        db.execute("ALTER TABLE gone RENAME TO totals")
        db.commit()
    assert ledger.spent().run.usd == INPUT + 10
