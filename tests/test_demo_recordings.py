from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pytest_swebench.calling import DEMO_RECORDINGS
from pytest_swebench.datasets.demo import demo_answers, load_demo
from pytest_swebench.demo.record import exchanges
from pytest_swebench.errors import ReplayMiss
from pytest_swebench.providers.protocol import Answer, Request
from pytest_swebench.providers.replay import ReplayProvider, write_recordings


@pytest.fixture(scope="module")
def made() -> list[tuple[Request, Answer]]:
    return list(exchanges())


def test_recordings_are_what_record_would_write_now(made: list[tuple[Request, Answer]], tmp_path: Path) -> None:
    write_recordings(tmp_path / "again.jsonl", made)
    assert (tmp_path / "again.jsonl").read_bytes() == DEMO_RECORDINGS.read_bytes(), (
        "run python -m pytest_swebench.demo.record"
    )


def test_every_cell_of_the_demo_is_answered_with_its_own_answer(made: list[tuple[Request, Answer]]) -> None:
    provider = ReplayProvider(DEMO_RECORDINGS)
    firsts = [request for request, _ in made if request.sample == 1]
    assert len(firsts) == len(load_demo())
    for request, answers in zip(firsts, demo_answers().values(), strict=True):
        for rep in range(1, 6):
            answer = provider.complete(dataclasses.replace(request, sample=rep), timeout_s=1.0)
            assert answer.text == answers[(rep - 1) % len(answers)]["text"]


def test_changed_prompt_is_a_miss_that_shows_the_change(made: list[tuple[Request, Answer]]) -> None:
    request = made[0][0]
    (message,) = request.messages
    changed = dataclasses.replace(message, content=message.content.replace("<issue>", "<problem>", 1))
    with pytest.raises(ReplayMiss, match=r"differs in message 1 \(user\) at character \d+: recorded 'issue>"):
        ReplayProvider(DEMO_RECORDINGS).complete(dataclasses.replace(request, messages=(changed,)), timeout_s=1.0)


@pytest.mark.parametrize("setting", [{"temperature": 0.3}, {"model": "other"}, {"max_tokens": 1}])
def test_changed_setting_is_a_miss_that_names_it(
    made: list[tuple[Request, Answer]], setting: dict[str, float | str]
) -> None:
    (name,) = setting
    with pytest.raises(ReplayMiss, match=f"differs in {name}: recorded"):
        ReplayProvider(DEMO_RECORDINGS).complete(dataclasses.replace(made[0][0], **setting), timeout_s=1.0)
