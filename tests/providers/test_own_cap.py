"""What an arm grants a cell where the person says nothing of it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from pytest_swebench.errors import BudgetExhausted, InputError
from pytest_swebench.providers.admission import make_gate
from pytest_swebench.providers.budget import Account, Caps
from pytest_swebench.providers.ledger import Ledger
from pytest_swebench.providers.prices import Prices
from pytest_swebench.providers.protocol import Usage
from pytest_swebench.providers.rate import Limiter
from tests.support.ledgers import INPUT, Make, answer, request

TWO_CALLS = 2 * (INPUT + 10)


def call(ledger: Ledger, account: Account) -> None:
    """Make a call that costs the most it can."""
    ledger.settle(ledger.reserve(account, request(), timeout_s=0), answer(Usage(input=INPUT, output=10)))


def test_the_arms_own_cap_ends_the_cell_that_reaches_it(make: Make) -> None:
    ledger = make()
    account = ledger.account("one", "v", "openai", own_cap_usd=TWO_CALLS)
    for _ in range(2):
        call(ledger, account)
    with pytest.raises(BudgetExhausted) as stopped:
        ledger.reserve(account, request(), timeout_s=0)
    assert stopped.value.scope == "cell"
    told = f"the arm's own limit ${TWO_CALLS:,}.00 of one: ${TWO_CALLS:,}.00 spent or reserved"
    assert str(stopped.value).startswith(told)
    assert str(stopped.value).endswith("; --max-cost-per-cell sets another")
    other = ledger.account("two", "v", "openai", own_cap_usd=TWO_CALLS)
    call(ledger, other)
    assert ledger.tripped() == []  # nobody has set it, and no other cell is stopped


@pytest.mark.parametrize("cap", [TWO_CALLS / 2, 10.0 * TWO_CALLS])
def test_a_cap_that_a_person_sets_takes_its_place(make: Make, cap: float) -> None:
    ledger = make(max_cost_per_cell_usd=cap)
    account = ledger.account("one", "v", "openai", own_cap_usd=TWO_CALLS)
    for _ in range(int(cap / TWO_CALLS * 2)):
        call(ledger, account)
    with pytest.raises(BudgetExhausted, match=r"^--max-cost-per-cell ") as stopped:
        call(ledger, account)
    assert "sets another" not in str(stopped.value)


def test_wider_caps_hold_beside_it(make: Make) -> None:
    ledger = make(max_cost_usd=INPUT + 10)
    account = ledger.account("one", "v", "openai", own_cap_usd=TWO_CALLS)
    call(ledger, account)
    with pytest.raises(BudgetExhausted, match=r"^--max-cost "):
        call(ledger, account)


def test_without_a_price_it_is_left_out(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "ledger.sqlite", Caps(max_tokens=10_000), Prices())) as ledger:
        account = ledger.account("one", "v", "openai", own_cap_usd=0.0)
        ledger.reserve(account, request(), timeout_s=0)
        with pytest.raises(BudgetExhausted, match="--max-tokens"):
            ledger.reserve(account, request(10_000), timeout_s=0)


def test_it_reaches_the_ledger_through_the_gate(make: Make, tmp_path: Path) -> None:
    with closing(Limiter(tmp_path / "ledger.sqlite")) as limiter:
        gate = make_gate(make(), limiter, "one", "v", "openai", own_cap_usd=1.0)
        with pytest.raises(BudgetExhausted, match="the arm's own limit"):
            gate.enter(request(), timeout_s=0.0)


@pytest.mark.parametrize("cap", [-1.0, float("nan"), 1e9])
def test_a_sum_that_is_none_is_refused(make: Make, cap: float) -> None:
    with pytest.raises(InputError, match=r"the arm of one: max_cost_usd .* is no cap: give an amount from 0"):
        make().account("one", "v", "openai", own_cap_usd=cap)
