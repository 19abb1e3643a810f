from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from pytest_swebench.errors import ProviderError
from pytest_swebench.providers.limits import KINDS, LONGEST_WAIT_S, PROBE_S
from pytest_swebench.providers.protocol import Message, Request, Usage
from pytest_swebench.providers.rate import Limiter, Turn, lane_name

TAKER = Path(__file__).parents[1] / "support" / "turn_taker.py"


def request(max_tokens: int = 100, size: int = 10) -> Request:
    return Request(model="m", messages=(Message("user", "x" * size),), max_tokens=max_tokens)


def take(limiter: Limiter, timeout_s: float = 0.0, lane: str = "lane", max_tokens: int = 100) -> Turn:
    return limiter.take(lane, request(max_tokens), timeout_s=timeout_s)


def next_wait_s(limiter: Limiter, lane: str = "lane") -> float:
    """Return how long the next turn would be waited for, by the words of the refusal to wait."""
    with pytest.raises(ProviderError) as told:
        take(limiter, lane=lane)
    return float(str(told.value).partition("comes in ")[2].partition(" s")[0])


def learnt_rate(path: Path) -> float | None:
    """Return the requests a minute that refusals taught."""
    with closing(sqlite3.connect(path)) as db:
        guess: float | None = db.execute("SELECT guess FROM lanes").fetchone()[0]
    return guess


def test_without_limits_every_turn_comes_at_once(tmp_path: Path) -> None:
    with closing(Limiter(tmp_path / "run.sqlite")) as limiter:
        before = time.monotonic()
        turns = [take(limiter) for _ in range(20)]
        assert all(before <= turn.at <= time.monotonic() for turn in turns)


def test_a_turn_that_comes_too_late_is_not_waited_for(tmp_path: Path) -> None:
    with closing(Limiter(tmp_path / "run.sqlite", rpm=6)) as limiter:
        take(limiter)
        with pytest.raises(
            ProviderError, match=r"lane: the next turn comes in \d+\.\d s, after the 0\.0 s given: calls"
        ):
            take(limiter)
        # it was not used up by asking
        assert 8.0 < next_wait_s(limiter) < 60 / 6 / 0.96


def test_who_is_interrupted_gives_turn_and_tokens_back(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from pytest_swebench.providers.protocol import Message, Request\n"
        "from pytest_swebench.providers.rate import Limiter\n"
        "asked = Request(model='m', messages=(Message('user', 'x'),), max_tokens=1000)\n"
        "Limiter(Path(sys.argv[1]), rpm=6, tpm=100).take('lane', asked, timeout_s=600)\n"
    )
    with closing(Limiter(path, rpm=6, tpm=100)) as limiter:
        take(limiter)
        before_s = next_wait_s(limiter)
        with subprocess.Popen([sys.executable, "-c", script, path], stderr=subprocess.PIPE, text=True) as process:
            wait_for_turns(path, at_least=2)
            waited_for_s = next_wait_s(limiter)
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=30)
        assert "KeyboardInterrupt" in told
        assert waited_for_s > before_s + 300
        assert next_wait_s(limiter) <= before_s


def test_who_is_paused_beyond_the_time_given_gives_the_turn_back(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with closing(Limiter(path, rpm=30)) as limiter, closing(Limiter(path, rpm=30)) as other:
        refused = take(limiter)
        waiting = ThreadPoolExecutor(1).submit(take, other, 3.0)
        wait_for_turns(path, at_least=2)
        limiter.heard(refused, 429, {"retry-after": "20"})
        with pytest.raises(ProviderError, match="the endpoint asked to pause"):
            waiting.result()
        assert next_wait_s(limiter) < 21  # 22 if the place were kept


def test_the_rate_alone_may_take_longer_and_a_pause_may_not(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with closing(Limiter(path, rpm=60)) as limiter:
        first = take(limiter)
        turn = limiter.take("lane", request(), timeout_s=0.0, patience_s=5.0)
        assert 0.5 < turn.rate_s < 1.1
        with pytest.raises(ProviderError, match="calls ahead of this one"):
            limiter.take("lane", request(), timeout_s=0.0, patience_s=0.2)
        limiter.heard(first, 429, {"retry-after": "4"})
        with pytest.raises(ProviderError, match="asked to pause"):
            limiter.take("lane", request(), timeout_s=3.0, patience_s=500.0)


def test_a_lane_is_named_without_a_password() -> None:
    for address in ("http://me:secret@host/v1", "http://me:se@cret@host/v1", "http://secret@host/v1"):
        assert lane_name("openai", address, "m") == "'m' of openai at http://host/v1"
    assert lane_name("openai", "http://host/v1/@m", "m") == "'m' of openai at http://host/v1/@m"


def test_lanes_do_not_slow_each_other(tmp_path: Path) -> None:
    with closing(Limiter(tmp_path / "run.sqlite", rpm=1)) as limiter:
        take(limiter, lane=lane_name("openai", "", "one"))
        take(limiter, lane=lane_name("openai", "", "two"))
        take(limiter, lane=lane_name("openai", "http://localhost:1", "one"))


@pytest.mark.parametrize(
    ("given", "headers", "wait_s"),
    [
        (None, {"x-ratelimit-limit-requests": "6"}, 10.4),
        (3, {"x-ratelimit-limit-requests": "6"}, 20.8),
        (6000, {"anthropic-ratelimit-requests-limit": "6"}, 10.4),
    ],
)
def test_the_stricter_of_a_given_and_a_told_limit_holds_for_all_processes(
    tmp_path: Path, given: float | None, headers: dict[str, str], wait_s: float
) -> None:
    path = tmp_path / "run.sqlite"
    with closing(Limiter(path, rpm=given)) as limiter, closing(Limiter(path, rpm=given)) as other:
        with closing(Limiter(path)) as unlimited:
            unlimited.heard(take(unlimited), 200, headers)
        take(limiter)
        assert next_wait_s(other) == pytest.approx(wait_s, abs=1.5)  # a second may be made up for


def test_tokens_are_taken_by_an_estimate_and_corrected_by_the_answer(tmp_path: Path) -> None:
    with closing(Limiter(tmp_path / "run.sqlite", tpm=6000)) as limiter:
        turn = take(limiter, max_tokens=40_000)
        estimated_s = turn.taken["tokens"] / 6000 / 0.96 * 60
        assert estimated_s > 100
        assert next_wait_s(limiter) == pytest.approx(estimated_s, abs=1.5)
        limiter.settle(turn, Usage(input=1000, output=1000, cache_read=500, cache_write=500))
        assert next_wait_s(limiter) == pytest.approx(3000 / 6000 / 0.96 * 60, abs=1.5)


def test_a_call_that_never_happened_gives_its_tokens_back(tmp_path: Path) -> None:
    with closing(Limiter(tmp_path / "run.sqlite", tpm=600)) as limiter:
        limiter.settle(take(limiter, max_tokens=40_000), None)
        take(limiter)


@pytest.mark.parametrize(("kind", "usage"), [("input", Usage(input=960)), ("output", Usage(output=960))])
def test_input_and_output_have_clocks_of_their_own(tmp_path: Path, kind: str, usage: Usage) -> None:
    with closing(Limiter(tmp_path / "run.sqlite")) as limiter:
        limiter.heard(take(limiter), 200, {f"anthropic-ratelimit-{kind}-tokens-limit": "1000"})
        limiter.settle(take(limiter), usage)
        assert next_wait_s(limiter) == pytest.approx(60, abs=1.5)
        limiter.heard(take(limiter, lane="other"), 200, {f"anthropic-ratelimit-{kind}-tokens-limit": "1000"})
        limiter.settle(take(limiter, lane="other"), Usage())
        take(limiter, lane="other")


def test_estimates_learn_from_what_calls_of_a_lane_use(tmp_path: Path) -> None:
    with closing(Limiter(tmp_path / "run.sqlite")) as limiter:
        first = take(limiter, max_tokens=1000)
        for _ in range(20):
            limiter.settle(take(limiter, max_tokens=1000), Usage(input=200, output=20))
        turn = take(limiter, max_tokens=1000)
        assert first.taken["output"] == 250
        assert turn.taken["output"] == pytest.approx(20, abs=5)
        assert turn.taken["input"] == pytest.approx(200, abs=10)
        assert set(turn.taken) == set(KINDS)


def test_a_request_to_come_back_later_pauses_all_processes(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with closing(Limiter(path, rpm=6000)) as limiter, closing(Limiter(path, rpm=6000)) as other:
        limiter.heard(take(limiter), 429, {"Retry-After": "7"})
        with pytest.raises(ProviderError, match="the endpoint asked to pause"):
            take(other)
        assert next_wait_s(other) == pytest.approx(7, abs=1)


@pytest.mark.parametrize(("status", "headers"), [(503, {"retry-after": "9"}), (529, {"retry-after-ms": "9000"})])
def test_an_overloaded_endpoint_that_names_a_wait_gets_it(tmp_path: Path, status: int, headers: dict[str, str]) -> None:
    with closing(Limiter(tmp_path / "run.sqlite")) as limiter:
        limiter.heard(take(limiter), status, headers)
        assert next_wait_s(limiter) == pytest.approx(9, abs=1)


@pytest.mark.parametrize(("status", "headers"), [(500, {}), (200, {"retry-after": "9"}), (401, {"retry-after": "9"})])
def test_other_answers_pause_nobody(tmp_path: Path, status: int, headers: dict[str, str]) -> None:
    with closing(Limiter(tmp_path / "run.sqlite")) as limiter:
        limiter.heard(take(limiter), status, headers)
        take(limiter)


@pytest.mark.parametrize(("asked", "pause_s"), [("120", LONGEST_WAIT_S), ("100000", PROBE_S)])
def test_a_pause_is_never_longer_than_two_minutes(tmp_path: Path, asked: str, pause_s: float) -> None:
    with closing(Limiter(tmp_path / "run.sqlite")) as limiter:
        limiter.heard(take(limiter), 429, {"retry-after": asked})
        assert next_wait_s(limiter) == pytest.approx(pause_s, abs=1)


def test_a_pause_moves_the_turns_that_are_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with closing(Limiter(path, rpm=120)) as limiter:
        earlier = take(limiter)
        for _ in range(3):  # of which two come at once, to make up for a second
            take(limiter, timeout_s=10.0)
        before = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, TAKER, path, "120", "0.01"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process:
            assert process.stdout.readline() == "ready\n"
            take(limiter, timeout_s=10.0)
            process.stdin.write("\n")
            process.stdin.flush()
            wait_for_turns(path, at_least=6)  # the process has its turn, half a second ahead
            limiter.heard(earlier, 429, {"retry-after": "2"})
            paused_until = time.monotonic() + 1.9
            went_out_at = float(process.stdout.readline())
        assert went_out_at >= paused_until > before


def test_a_pause_that_outlasts_the_time_given_ends_the_wait(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with closing(Limiter(path, rpm=60)) as limiter, closing(Limiter(path, rpm=60)) as other:
        refused = take(limiter)
        waiting = ThreadPoolExecutor(1).submit(take, other, 3.0)
        wait_for_turns(path, at_least=2)
        limiter.heard(refused, 429, {"retry-after": "60"})
        limiter.heard(refused, 503, {"retry-after": "1"})  # takes nothing off the longer pause
        with pytest.raises(ProviderError, match=r"after the 3\.0 s given: the endpoint asked to pause"):
            waiting.result()
        assert next_wait_s(limiter) == pytest.approx(60, abs=3)


def wait_for_turns(path: Path, *, at_least: int) -> None:
    """Wait until so many turns were taken, as far as not forgotten."""
    with closing(sqlite3.connect(path)) as db:
        while db.execute("SELECT recent FROM lanes").fetchone()[0] < at_least - 0.9:
            time.sleep(0.005)


def test_a_refusal_without_a_known_limit_halves_the_present_rate(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with closing(Limiter(path)) as limiter:
        turns = [take(limiter) for _ in range(10)]  # 10 in the first second: 600 a minute
        limiter.settle(turns[0], Usage())
        limiter.heard(turns[-1], 429, {"retry-after-ms": "1"})
        halved = learnt_rate(path)
        assert halved == pytest.approx(300, rel=0.1)
        # of all that were under way when it was refused, one refusal counts
        limiter.heard(turns[0], 429, {"retry-after-ms": "1"})
        assert learnt_rate(path) == halved


def test_a_refusal_that_names_no_wait_halves_a_known_rate_which_then_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with closing(Limiter(path, rpm=60)) as limiter:
        turn = take(limiter)
        limiter.settle(turn, Usage())
        limiter.heard(turn, 429, {})
        rates = [learnt_rate(path)]
        assert rates[0] == pytest.approx(60 * 0.96 / 2)
        while (rate := rates[-1]) is not None and len(rates) < 500:
            limiter.settle(turn, Usage())
            rates.append(learnt_rate(path))
            assert rates[-1] is None or rates[-1] > rate
        assert rates[-1] is None
        assert len(rates) > 60  # the last part of the way is taken slowly


def test_a_named_wait_and_a_known_limit_change_no_rate(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with closing(Limiter(path, rpm=60)) as limiter:
        limiter.heard(take(limiter), 429, {"retry-after": "1"})
        assert learnt_rate(path) is None


def test_a_learnt_rate_grows_fast_when_nothing_was_refused_for_long(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with closing(Limiter(path)) as limiter:
        turn = take(limiter)
        limiter.settle(turn, Usage())
        limiter.heard(turn, 429, {"retry-after-ms": "1"})
        for _ in range(100):
            limiter.settle(turn, Usage())
        slow = learnt_rate(path)
        with closing(sqlite3.connect(path)) as db:
            db.execute("UPDATE lanes SET cut_at = cut_at - 200")
            db.commit()
        for _ in range(100):
            limiter.settle(turn, Usage())
        fast = learnt_rate(path)
        assert slow is not None
        assert fast is not None
        assert slow < 70
        assert fast > slow + 80


def test_a_pause_does_not_count_as_a_time_of_few_calls(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with closing(Limiter(path)) as limiter:
        limiter.heard(take(limiter), 429, {"retry-after": "3"})
        turns = [take(limiter, timeout_s=10.0) for _ in range(10)]  # 10 in the first second after it
        limiter.settle(turns[0], Usage())
        limiter.heard(turns[-1], 429, {"retry-after-ms": "1"})
        assert learnt_rate(path) == pytest.approx(300, rel=0.1)


def test_an_endpoint_that_never_worked_teaches_no_rate(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with closing(Limiter(path)) as limiter:
        for _ in range(5):
            limiter.heard(take(limiter, timeout_s=5.0), 429, {"retry-after-ms": "1"})
        assert learnt_rate(path) is None


def test_an_outage_that_answers_429_costs_the_rate_one_half(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with closing(Limiter(path)) as limiter:
        for _ in range(200):
            limiter.settle(take(limiter), Usage())
        rates = set()
        for _ in range(10):
            limiter.heard(take(limiter, timeout_s=5.0), 429, {"retry-after-ms": "1"})
            rates.add(learnt_rate(path))
        assert len(rates) == 1


def test_refusals_that_name_no_wait_pause_longer_each_time(tmp_path: Path) -> None:
    with closing(Limiter(tmp_path / "run.sqlite", rpm=60_000)) as limiter:
        limiter.heard(take(limiter), 429, {})
        assert next_wait_s(limiter) == pytest.approx(1, abs=0.5)
        limiter.heard(take(limiter, timeout_s=5.0), 429, {})
        assert next_wait_s(limiter) == pytest.approx(2, abs=0.5)
        limiter.settle(take(limiter, timeout_s=5.0), Usage())
        limiter.heard(take(limiter, timeout_s=5.0), 429, {})
        assert next_wait_s(limiter) == pytest.approx(1, abs=0.5)


def test_times_of_an_earlier_boot_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    with closing(Limiter(path, rpm=1)) as limiter:
        limiter.heard(take(limiter), 429, {"retry-after": "100"})
        with closing(sqlite3.connect(path)) as db:
            db.execute("UPDATE lanes SET touched = touched + 1000000, paused_until = paused_until + 1000000")
            db.execute("UPDATE clocks SET next_at = next_at + 1000000")
            db.commit()
        take(limiter)
