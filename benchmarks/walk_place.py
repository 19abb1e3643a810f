"""Where a walk happens: real rows, a folder for each moment, a model that knows the answers, no other network."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.support.llm_server import LLMServer, ScriptedAnswer, Status, prompt_text

DATA_VARIABLE: Final = "SWEBENCH_SHARED_DATA"
ROWS: Final = "pypi_rows.jsonl"
INSTANCES: Final = ("mwaskom__seaborn-3010", "sympy__sympy-24661", "django__django-16642")
KEY: Final = "sk-walk-0123456789"
GOOD: Final = "m-good"
POOR: Final = "m-poor"  # right on the first instance, harmless on the others
NOWHERE: Final = "127.0.0.1:9"  # the discard service: refuses at once
HARMLESS: Final = """\
diff --git a/newcomer.txt b/newcomer.txt
new file mode 100644
--- /dev/null
+++ b/newcomer.txt
@@ -0,0 +1 @@
+nobody reads this
"""
_SAID: Final = 200  # characters of a statement that tell it from the others
_OWN: Final = re.compile(
    r"SWEBENCH_|MSWEA_|INSPECT_|LITELLM_|OPENAI_|ANTHROPIC_|HF_|LLM_|PYTEST_|COV|PYTHON|.*_API_KEY$"
    r"|(PROVIDER|MODEL|BASE_URL|OUTPUT_DIR|ARMS|EVALUATE|CI|VIRTUAL_ENV|XDG_\w+|.*_proxy)$",
    re.IGNORECASE,
)


class NoData(Exception):
    """The rows are not here; the message says how to bring them."""


@dataclass(slots=True)
class Place:
    """What every tool finds: `rows` by instance id, the model's server, an environment that is nobody's own."""

    root: Path
    server: LLMServer
    model: Model
    made: dict[str, int] = field(default_factory=dict)

    def folder(self, name: str) -> Path:
        """Make an empty folder."""
        self.made[name] = self.made.get(name, 0) + 1
        folder = self.root / f"{name}-{self.made[name]}"
        folder.mkdir(parents=True)
        return folder

    def env(self, tool: str, **more: str) -> dict[str, str]:
        """Return the variables of a newcomer's shell: a home of the tool's own, no settings, only loopback to reach."""
        home = self.root / "homes" / tool
        home.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not _OWN.match(name)}
        away = f"http://{NOWHERE}"
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), away)
        near = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
        return {**kept, "HOME": str(home), "COLUMNS": "120", **proxies, **near, **more}

    def rows(self, instances: Sequence[str] = INSTANCES) -> list[dict[str, Any]]:
        """Return the rows of these instances. Raises NoData."""
        return [self.model.rows[name] for name in instances] if self.model.rows else _no_data()

    def calls(self) -> int:
        """Return how many questions the model was asked so far."""
        return len(self.server.requests)


class Model:
    """Answers as an agent with a shell that knows the patch would: looks, patches, looks again, submits.

    It knows by the tools that it is offered whom it works for, by the statement which patch it is about, and by the
    answers before how far it is. Every answer takes `delay_s` seconds.
    """

    def __init__(self, rows: Mapping[str, dict[str, Any]], delay_s: float) -> None:
        self.rows = rows
        self._delay_s = delay_s
        self._said = {_plain(row["problem_statement"])[:_SAID]: name for name, row in rows.items()}

    def __call__(self, body: dict[str, Any]) -> ScriptedAnswer | Status:
        time.sleep(self._delay_s)
        prompt = _plain(prompt_text(body))
        asked = next((name for said, name in self._said.items() if said in prompt), None)
        tools = {tool["function"]["name"] for tool in body.get("tools", ())}
        if asked is None or not tools & {"run", "bash", "bash_session"}:
            return Status(400, {"error": {"message": f"unknown question, or no shell among {sorted(tools)}"}})
        right = body["model"].endswith(GOOD) or asked == INSTANCES[0]
        step = sum(message["role"] == "assistant" for message in body["messages"])
        usage = {"input": len(prompt) // 4, "output": 80}
        call = _call(step, self.rows[asked]["patch"] if right else HARMLESS, tools)
        return ScriptedAnswer(("I look.", "I mend it.", "I look again.", "Done.")[min(step, 3)], (call,), usage=usage)


def _call(step: int, patch: str, tools: set[str]) -> tuple[str, dict[str, Any]]:
    commands = ["git status --short | head; ls", f"git apply - <<'END_OF_PATCH'\n{patch.rstrip()}\nEND_OF_PATCH"]
    if "bash" in tools:
        changed = " ".join(re.findall(r"^\+\+\+ b/(.+)$", patch, re.MULTILINE))
        commands += [f"git add -N {changed} && git diff -- {changed} > patch.txt && cat patch.txt"]
        commands += ["echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT && cat patch.txt"]
        return "bash", {"command": commands[min(step, 3)]}
    if step > 2:
        return "submit", {} if "run" in tools else {"answer": "done"}
    commands += ["git diff | cat"]
    if "run" in tools:
        return "run", {"command": commands[step]}
    return "bash_session", {"action": "type_submit", "input": commands[step]}


def _plain(text: str) -> str:
    return " ".join(text.split())


def _no_data() -> list[dict[str, Any]]:
    raise NoData(f"needs {DATA_VARIABLE}, a folder with {ROWS}, and the images that its rows name")


@contextmanager
def place(root: Path, delay_s: float) -> Iterator[Place]:
    """Serve the model for the time of a walk in the folder `root`."""
    data = os.environ.get(DATA_VARIABLE)
    lines = Path(data, ROWS).read_text(encoding="utf-8").splitlines() if data else []
    model = Model({row["instance_id"]: row for row in map(json.loads, lines)}, delay_s)
    with LLMServer(model, key=KEY) as server:
        yield Place(root, server, model)


def write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write JSON lines; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path
