"""A run whose key is refused: one request, a typed exit code, and a line that goes on once the key is right."""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.cli.running import Run, asking, records
from tests.cli.running import env as env
from tests.cli.running import run as run
from tests.support.llm_server import LLMServer, Status
from tests.support.recorded import RecordedAnswers


def test_first_refusal_ends_the_run_and_a_right_key_goes_on(run: Run, tmp_path: Path) -> None:
    with LLMServer([Status(401)]) as server:
        asked = asking(server, "--arms", "singleshot", "--count", "3", "--", "--price=1,2")
        refused = run(*asked, LLM_API_KEY="sk-a-wrong-one")
        assert refused.returncode == 3
        assert len(server.requests) == 1
        first, *_, last = refused.stderr.splitlines()
        assert "1 of 3 cells have no answer that counts" in first
        assert "HTTP 401" in first
        assert "not_run=2" in refused.stdout.splitlines()[-1]
        server.behave_from_now_on(RecordedAnswers())
        again = run(*shlex.split(last.removeprefix("to go on: swebench-runner ")), LLM_API_KEY="sk-the-right-one")
        used = [received.headers["authorization"] for received in server.requests]
    assert again.returncode == 0, again.stdout + again.stderr
    assert used == ["Bearer sk-a-wrong-one", *["Bearer sk-the-right-one"] * 3]
    assert [record["attempt"] for record in records(tmp_path)].count(2) == 1
    assert len(records(tmp_path)) == 3
