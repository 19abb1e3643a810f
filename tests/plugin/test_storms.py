"""A whole run, four workers, against an endpoint that misbehaves in every way: no cell lost, none wrongly scored."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_swebench.records.schema import sent_by
from tests.plugin.conftest import Run, outcomes, records
from tests.support.llm_server import Behaviour, Broken, Drip, LLMServer, RateLimit, ScriptedAnswer, Status
from tests.support.recorded import RecordedAnswers

FAULTS: tuple[Behaviour, ...] = (
    Status(500),
    Status(200, "<html>we will be back soon</html>", content_type="text/html"),
    Status(200, {}),
    Broken("cut"),
    Broken("early"),
    Broken("garbage"),
    Broken("hang up"),
    Status(429, headers={"retry-after": "1"}),
    Status(503),
)


@dataclass(frozen=True)
class Weather:
    """What happens in seconds since the first request; the limit is of requests a minute."""

    reps: int
    per_minute: int
    storms: tuple[tuple[float, float, str], ...]  # at, how long, Retry-After
    down: tuple[float, float]
    timeout_s: int
    dripping: int  # the number of the request whose answer drips; not before a storm, or both eat one cell's time


SHORT = Weather(2, 240, ((3, 4, "1"),), (9, 3), 30, 7)
LONG = Weather(12, 60, ((130, 200, "100000"), (380, 120, "20")), (540, 60), 300, 160)


class Misbehaving(RecordedAnswers):
    """Gives each question's first request one fault after the other, and answers the next ones.

    One request of the whole run, the `dripping` one, gets an answer that would take an hour.
    """

    def __init__(self, dripping: int) -> None:
        super().__init__()
        self.first = threading.Event()
        self.faults: Counter[str] = Counter()
        self._fault = itertools.cycle(FAULTS)
        self._dripping = dripping
        self._faulty: set[str] = set()
        self._requests = itertools.count(1)

    def __call__(self, body: dict[str, Any]) -> Behaviour:  # type: ignore[override]  # answers are one behaviour
        self.first.set()
        question = body["messages"][-1]["content"]
        if next(self._requests) == self._dripping:
            self.faults["drip"] += 1
            return Drip(interval_s=2.0, answer=ScriptedAnswer(text="slow " * 400))
        if question not in self._faulty:
            self._faulty.add(question)
            fault = next(self._fault)
            self.faults[type(fault).__name__] += 1
            return fault
        return super().__call__(body)


class Reluctant(RecordedAnswers):
    """Turns the first two requests away, one by a 429 and one as overloaded."""

    def __init__(self) -> None:
        super().__init__()
        self._first = iter((Status(429), Status(503)))

    def __call__(self, body: dict[str, Any]) -> Behaviour:  # type: ignore[override]  # answers are one behaviour
        return next(self._first, None) or super().__call__(body)


def test_a_record_tells_what_was_sent_and_what_a_rate_limit_turned_away(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    with LLMServer(Reluctant()) as server:
        asked = ("-m", "experiment", "--dataset=demo", "--instances=tinyconf-5", "--arms=singleshot")
        given = ("--provider=openai", f"--provider-url={server.openai_url}", "--model=demo-model", "--price=1,2")
        assert run(*asked, *given, "--outcome=capture").ret == 0
    (record,) = records(pytester.path)
    assert (record["calls"], record["provider_retries"], sent_by(record)) == (1, 2, (3, 1))


@pytest.mark.parametrize(
    ("wire", "weather"),
    [
        pytest.param("openai", SHORT, id="short-openai"),
        pytest.param("anthropic", LONG, id="long-anthropic", marks=pytest.mark.soak),
        pytest.param("openai", LONG, id="long-openai", marks=pytest.mark.soak),
    ],
)
def test_no_weather_costs_a_cell(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, wire: str, weather: Weather
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "test-key-12345")
    answers = Misbehaving(weather.dripping)
    with LLMServer(answers, limit=RateLimit(weather.per_minute)) as server:
        threading.Thread(target=blow, args=(server, answers, weather), daemon=True).start()
        url = server.anthropic_url if wire == "anthropic" else server.openai_url
        options = (
            *("-m", "experiment", "--dataset=demo", "--arms=singleshot", "--outcome=capture", "-n", "4"),
            *(f"--provider={wire}", f"--provider-url={url}", "--model=demo-model", "--price=1,2"),
            *(f"--count={weather.reps}", f"--rpm={weather.per_minute}", f"--generation-timeout={weather.timeout_s}"),
        )
        result = run(*options, timeout_s=1800)
        seen = server.traffic.as_json()
    assert result.ret == 0
    ended = outcomes(pytester.path)
    assert len(ended) == 13 * weather.reps
    # what the demo's first answers are worth, whoever asks how often
    assert Counter(ended.values()) == {
        "resolved": 6 * weather.reps,
        "unresolved": 4 * weather.reps,
        "no_patch": 2 * weather.reps,
        "limit": weather.reps,
    }
    told = [found for record in records(pytester.path) if (found := sent_by(record)) is not None]
    assert 0 < sum(limited for _, limited in told) <= seen["rejected"] + answers.faults["Status"]
    share = busiest_minute(seen["per_second"], weather) / weather.per_minute
    print(f"\n{wire}: {dict(answers.faults)}, {seen['accepted']} let in, {seen['rejected']} turned away, {share:.0%}")
    assert share <= 1.05
    if weather is LONG:
        assert share >= 0.9


def blow(server: LLMServer, answers: Misbehaving, weather: Weather) -> None:
    """Let the weather come, counted from the first request."""
    answers.first.wait()
    began = time.monotonic()
    happenings = [(at, lambda s=s, after=after: server.storm(s, retry_after=after)) for at, s, after in weather.storms]
    happenings.append((weather.down[0], lambda: server.down(weather.down[1])))
    for at, happen in sorted(happenings, key=lambda one: one[0]):
        time.sleep(max(0.0, began + at - time.monotonic()))
        happen()


def busiest_minute(per_second: dict[str, list[int]], weather: Weather) -> float:
    """Return the most requests of any minute that were sent, let in or not, storms and outages left out."""
    sent = {int(second): accepted for second, (accepted, rejected) in per_second.items() if not rejected}
    last = max(sent)
    return max(sum(sent.get(start + i, 0) for i in range(60)) for start in range(max(1, last - 60) + 1))
