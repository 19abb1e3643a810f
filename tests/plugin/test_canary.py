"""A key, wherever it is kept, turns up in nothing that a run writes, shows or starts."""

from __future__ import annotations

import base64
import contextlib
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.errors import NotFound

from pytest_swebench.grading.harness.call import row_of
from pytest_swebench.redact import REDACTED
from pytest_swebench.sandbox.engine import connect
from pytest_swebench.sandbox.reaper import LABEL_INSTANCE
from tests.plugin.conftest import Run, outcomes
from tests.support.keyring_service import beside_keychain
from tests.support.llm_server import Behaviour, LLMServer, ScriptedAnswer, Status, prompt_text
from tests.support.trivial import FIX, trivial_image, trivial_instance

CANARY = "sk-canary/0123+456789"
# pytest shortens what it shows of long values, maybe in the middle of the key
FORMS = [CANARY, CANARY[:8], CANARY[-8:], base64.b64encode(CANARY.encode()).decode()]
# An arm that lets slip what it knows by every way there is, and a test that fails with an answer in its hands.
CONFTEST = """
    import logging, os, warnings
    from pytest_swebench.providers.protocol import Message, Request

    def asked(provider):
        request = Request(model="m", messages=(Message("user", "leak"),))
        return provider.complete(request, timeout_s=30)

    class Leaky:
        name, version, paid, oracle = "leaky", "1", True, False
        def check(self, instances): pass
        def solve(self, context):
            answer = asked(context.provider)
            print("printed", answer.text)
            logging.getLogger("leaky").error("logged %s", answer.text)
            warnings.warn(f"warned {answer.text}")
            raise RuntimeError(f"raised {answer.text}")

    def pytest_swebench_arms():
        return [Leaky()]
"""
TESTS = """
    import warnings
    import pytest
    from conftest import asked

    @pytest.mark.experiment(dataset="demo")
    def test_swebench(experiment):
        experiment.judge()

    def test_that_fails(provider):
        answer = asked(provider)
        print("printed", answer.text)
        warnings.warn(f"warned {answer.text}")
        shortened = [["p" * length + answer.text + "p" * 200] for length in range(90, 120, 3)]
        assert answer.text == "something else"

    def test_whose_teardown_fails(provider, request):
        answer = asked(provider)
        request.addfinalizer(lambda: pytest.fail(answer.text))

    def test_that_is_skipped(provider):
        pytest.skip(asked(provider).text)

    @pytest.mark.xfail(strict=True)
    def test_that_is_expected_to_fail(provider):
        raise ValueError(asked(provider).text)
"""


def credentials(server: LLMServer) -> str:
    """Return the key as it came over the wire."""
    headers = server.requests[-1].headers
    return headers.get("x-api-key", "") or headers["authorization"].removeprefix("Bearer ")


def echoing(body: dict[str, Any], server: LLMServer) -> Behaviour:
    """Send the key back: in an answer to the leaky arm, in an error text, and in an edit of a file."""
    key = credentials(server)
    if "leak" in prompt_text(body).splitlines():
        return ScriptedAnswer(text=f"your key {key}")
    if "tinyconf" in prompt_text(body):
        return Status(400, {"error": {"message": f"key {key} is not valid", "type": "auth"}})
    if "add() subtracts" in prompt_text(body):
        return ScriptedAnswer(text=f"your key {key}\n```diff\n{FIX}```\n")
    patch = f"diff --git a/k b/k\n--- /dev/null\n+++ b/k\n@@ -0,0 +1 @@\n+{key}\n"
    return ScriptedAnswer(text=f"your key {key}\n```diff\n{patch}```\n")


@pytest.fixture
def server() -> Iterator[LLMServer]:
    with LLMServer(lambda body: echoing(body, server)) as server:
        yield server


def found_in(folder: Path, *but: str) -> list[str]:
    """Return the files below `folder` that hold the key, in whatever form."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in but]
    assert len(files) > 20
    return [str(path) for path in files if any(form.encode() in path.read_bytes() for form in FORMS)]


@pytest.mark.parametrize(
    ("place", "wire", "parallel"),
    [
        ("environment", "openai", ()),
        ("environment", "anthropic", ("-n2",)),
        ("keychain", "openai", ("-n2",)),
        ("keychain", "anthropic", ()),
        (".env", "openai", ()),
        (".env", "anthropic", ("-n2",)),
    ],
)
def test_key_turns_up_nowhere(
    run: Run,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    server: LLMServer,
    place: str,
    wire: str,
    parallel: tuple[str, ...],
) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_mine=TESTS)
    before: list[str] = []
    if place == "environment":
        monkeypatch.setenv("LLM_API_KEY", CANARY)
    elif place == "keychain":
        before = beside_keychain(tmp_path / "keychain")
    else:
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
        pytester.path.joinpath(".env").write_text(f"LLM_API_KEY={CANARY}\n")
    url = server.anthropic_url if wire == "anthropic" else server.openai_url
    command = [sys.executable, "-m", "pytest", "test_mine.py", "-m", "experiment or not experiment", "-l", "-rA"]
    command += ["--arms=singleshot,leaky", f"--provider={wire}", f"--provider-url={url}", "--model=m", "--price=0"]
    command += ["--instances=tinyconf-5,ledgerlib-12", "--junitxml=out.xml", "-o", "junit_logging=all"]
    command += ["--log-file=log.txt", "--log-cli-level=INFO", "--cassette=record", "--cache", *parallel]
    result = pytester.run(*before, *command, stdin=json.dumps({wire: CANARY}).encode(), timeout=120)
    assert {credentials(server)} == {CANARY}
    assert sorted(outcomes(pytester.path).values()) == ["error", "error", "infra", "unresolved"]
    shown = result.stdout.str() + result.stderr.str()
    junit = pytester.path.joinpath("out.xml").read_text()
    assert shown.count(REDACTED) > 5
    assert junit.count(REDACTED) > 5
    assert [line for line in (shown + junit).splitlines() if any(form in line for form in FORMS)] == []
    assert found_in(pytester.path, ".env") == []


# What a process in a container can see of its surroundings; a key in there would come out redacted.
LOOK = "cat /proc/[0-9]*/environ | tr '\\0' '\\n'; env; cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'"
LOOKING = f"""
    from pathlib import Path
    from pytest_swebench.arms.singleshot import Singleshot

    class Looking(Singleshot):
        name = "looking"
        def solve(self, context):
            Path("seen_by_arm.txt").write_text(context.sandbox().run({LOOK!r}, timeout_s=60).output)
            return super().solve(context)

    def pytest_swebench_arms():
        return [Looking()]
"""


class Watch:
    """Notes what the engine tells of every container of one instance, and of its image, while a run works."""

    def __init__(self, instance_id: str) -> None:
        self.told: dict[str, str] = {}
        self._filters = {"label": f"{LABEL_INSTANCE}={instance_id}"}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch")

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        client = connect()
        while not self._over.wait(0.05):
            for found in client.api.containers(filters=self._filters):
                if found["Id"] in self.told:
                    continue
                with contextlib.suppress(NotFound):  # gone in the meantime
                    told = [client.api.inspect_container(found["Id"]), client.api.history(found["ImageID"])]
                    self.told[found["Id"]] = json.dumps(told)
        client.close()


def test_key_enters_no_container(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, docker_engine: None, server: LLMServer
) -> None:
    client = connect()
    trivial_image(client)
    client.close()
    # the log is what the grading container sees, and a second for the watch to see the container
    script = trivial_instance(0).hidden.eval_script.replace("cd /testbed", f"sleep 1; {LOOK}; cd /testbed")
    instance = trivial_instance(901, eval_script=script)
    pytester.path.joinpath("rows.jsonl").write_text(json.dumps(row_of(instance)) + "\n")
    pytester.makeconftest(LOOKING)
    monkeypatch.setenv("LLM_API_KEY", CANARY)
    options = ["--dataset=rows.jsonl", "--arms=looking", "--provider=openai", "--model=m", "--price=0", "--no-control"]
    with Watch(instance.instance_id) as watch:
        result = run("-m", "experiment", *options, f"--provider-url={server.openai_url}")
    result.assert_outcomes(passed=1)
    assert outcomes(pytester.path) == {f"{instance.instance_id}/looking/r1": "resolved"}
    assert {credentials(server)} == {CANARY}
    assert len(watch.told) >= 2  # where the arm worked, and where it was graded
    seen = [*watch.told.values(), pytester.path.joinpath("seen_by_arm.txt").read_text()]
    (log,) = pytester.path.glob("results/*/cells/*/*/*/test_output.txt")
    seen.append(log.read_text())
    assert all("PATH=" in text for text in seen)
    assert [text for text in seen if REDACTED in text or any(form in text for form in FORMS)] == []
    assert found_in(pytester.path) == []
