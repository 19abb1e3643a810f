"""One key on its whole way: typed once, kept in a real keychain, used by runs, and seen nowhere else."""

from __future__ import annotations

from pathlib import Path

from tests.cli.test_secrets import CANARY, files_with, play
from tests.support.keyring_play import command
from tests.support.llm_server import LLMServer, Status
from tests.support.recorded import RecordedAnswers

ASKED = ("-d", "demo", "--arms", "singleshot", "--count", "2", "-p", "openai", "-m", "demo-model", "--max-workers", "2")


def test_key_of_the_keychain_is_in_no_file_no_process_and_no_word(tmp_path: Path) -> None:
    named = Status(401, {"error": {"message": f"the key {CANARY} is over"}})
    (tmp_path / "tmp").mkdir()
    with LLMServer(RecordedAnswers(), key=CANARY) as server, LLMServer([named], models=named) as telling:
        given = {"PROVIDER": "openai", "MODEL": "demo-model", "BASE_URL": server.openai_url}
        done, seen = play(
            tmp_path,
            command("secrets", "set", "openai", "-", "--log-file=set.log", given=f"{CANARY}\n", **given),
            command("run", *ASKED, "--log-file=run.log", "--", "--price=1,2", **given),
            command("run", *ASKED, "--log-file=told.log", "--base-url", telling.openai_url, "--", "--price=1,2"),
            command("show", "--json"),
            command("show"),
            command("config", "show", **given),
            command("doctor", "--json", "--log-file=doctor.log", **given),
            command("models", "openai", **given),
            command("models", "openai", "--provider-url", telling.openai_url),
            TMPDIR=str(tmp_path / "tmp"),
            SWEBENCH_CACHE_DIR=str(tmp_path / "cache"),
            DOCKER_HOST=f"unix://{tmp_path}/none.sock",
        )
        assert {received.headers["authorization"] for received in server.requests} == {f"Bearer {CANARY}"}
        assert len(server.requests) == 2
        assert {received.headers["authorization"] for received in telling.requests} == {f"Bearer {CANARY}"}
    kept, ran, refused, *shown, models, not_told = done
    assert [one.code for one in (kept, ran, refused, models, not_told)] == [0, 0, 3, 0, 3], [one.err for one in done]
    assert "the key [redacted] is over" in refused.out + refused.err
    assert "the key [redacted] is over" in shown[0].out
    assert "key of openai" in shown[2].out
    assert "keychain:openai" in shown[3].out
    texts = [one.out + one.err for one in done]
    assert [text for text in texts if holds_a_piece(text, CANARY)] == []
    assert seen == []
    assert files_with(tmp_path, CANARY) == []
    assert {path.name for path in tmp_path.glob("*.log")} == {"set.log", "run.log", "told.log", "doctor.log"}


def holds_a_piece(text: str, key: str, size: int = 12) -> bool:
    """Say whether any `size` characters of `key` in a row stand in `text`."""
    return any(key[start : start + size] in text for start in range(len(key) - size + 1))
