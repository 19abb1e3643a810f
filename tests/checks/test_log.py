from __future__ import annotations

from pathlib import Path

import pytest

from pytest_swebench.checks.log import Log, tail
from pytest_swebench.sandbox.images.pull import Progress


def test_tail_is_the_last_lines_that_hold_anything(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == ()
    log.write_text("".join(f"line {number}\n\n" for number in range(9)))
    assert tail(log, 2) == ("line 7", "line 8")


def test_lines_are_told_and_kept_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "canary-0123456789abcdef")
    said: list[str] = []
    log = Log(tmp_path / "log", said.append)
    log.say("the key is canary-0123456789abcdef")
    log.keep("kept alone")
    assert said == ["the key is [redacted]"]
    assert log.path.read_text() == "the key is [redacted]\nkept alone\n"


def test_pull_is_told_now_and_then_and_its_waits_at_once(tmp_path: Path) -> None:
    said: list[str] = []
    log = Log(tmp_path / "log", said.append)
    for progress in (
        Progress("a/b:c"),  # nothing is known yet
        Progress("a/b:c", done_bytes=1_000_000, total_bytes=9_000_000),
        Progress("a/b:c", done_bytes=2_000_000, total_bytes=9_000_000),  # too soon to say it again
        Progress("a/b:c", note="again in 2 s"),
    ):
        log.pulling(progress)
    assert said == ["pulling a/b:c: 1 of 9 MB", "pulling a/b:c: again in 2 s"]
