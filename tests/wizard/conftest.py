from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_swebench.config import SETTINGS
from pytest_swebench.providers.registry import PROVIDERS
from pytest_swebench.secrets import GENERIC_KEY_ENV
from tests.support.calc import FIX, WRONG
from tests.support.hub_server import HubServer
from tests.support.keyring_service import beside_keychain
from tests.support.llm_server import ScriptedAnswer, prompt_text
from tests.support.runs import BARE
from tests.support.terminal import Terminal
from tests.support.trivial import IMAGE, trivial_image, trivial_instance

if TYPE_CHECKING:
    from docker import DockerClient

PROGRAM: Final = [sys.executable, "-m", "pytest_swebench"]
ROWS: Final = "rows.jsonl"
KEY: Final = "sk-canary-0123456789abcdef"
_OURS: Final = re.compile(
    r"SWEBENCH_(?!REQUIRE_DOCKER)|PYTEST_|CI$|NO_COLOR|COLUMNS|LINES|HF_|.*_proxy$", re.IGNORECASE
)

PAGES: Final = """\
import os
from pathlib import Path
from pytest_swebench.config import resolve
from pytest_swebench.wizard.choices import Choices, ChosenKey, Source
from pytest_swebench.wizard.key import keep, keep_page, key_page, keys_of
from pytest_swebench.wizard.saving import save_defaults
from pytest_swebench.wizard.screen import Screen
from pytest_swebench.wizard.source import source_page
folder = Path.cwd()
settings = resolve(os.environ, folder)
screen = Screen.of(settings, os.environ)
keys = keys_of(screen, settings)
"""

Start = Callable[..., Terminal]


@pytest.fixture
def network() -> Iterator[HubServer]:
    """A hub without datasets, which also answers for a registry: as much as the system checks ask."""
    with HubServer({}) as hub:
        yield hub


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder that a person stands in."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def env(tmp_path: Path, network: HubServer) -> dict[str, str]:
    """The environment of somebody who comes here for the first time, without any keychain."""
    keys = {name for spec in PROVIDERS.values() for name in spec.key_env} | {*GENERIC_KEY_ENV}
    settings = {name for setting in SETTINGS.values() for name in setting.env}
    kept = {name: value for name, value in os.environ.items() if name not in keys | settings and not _OURS.match(name)}
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text("{}")
    return kept | {
        "HOME": str(tmp_path),
        "TERM": "xterm-256color",
        "NO_COLOR": "1",
        "DOCKER_CONFIG": str(tmp_path / "docker"),
        "SWEBENCH_CACHE_DIR": str(tmp_path / "cache"),
        "HF_ENDPOINT": network.url,
        "SWEBENCH_DOCKER_NAMESPACE": f"{network.url.removeprefix('http://')}/none",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        "PYTEST_ADDOPTS": BARE,
        "ARMS": "singleshot",
    }


@pytest.fixture
def start(home: Path, env: dict[str, str]) -> Iterator[Start]:
    """Start the command on a terminal; whatever is left of it ends with the test."""
    begun: list[Terminal] = []

    def begin(*arguments: str, before: tuple[str, ...] = (), **variables: str) -> Terminal:
        terminal = Terminal([*before, *PROGRAM, *arguments], home, env | variables)
        begun.append(terminal)
        return terminal

    yield begin
    for terminal in begun:
        with terminal:
            pass


@pytest.fixture
def pages(home: Path, env: dict[str, str]) -> Iterator[Start]:
    """Show single pages on a terminal, by a script that may use what stands in `PAGES`."""
    begun: list[Terminal] = []

    def begin(script: str, **variables: str) -> Terminal:
        begun.append(Terminal([sys.executable, "-c", f"{PAGES}{script}"], home, env | variables))
        return begun[-1]

    yield begin
    for terminal in begun:
        with terminal:
            pass


def to_sources(one: Terminal, number: str | None = None) -> Terminal:
    """Go from the beginning of setup to the menu of compute sources, and take one of them."""
    one.answers("Press Enter to continue").answers("Press Enter to continue")
    return one if number is None else one.answers("Enter number [2]:", number)


def beside_a_keychain(
    home: Path,
    env: dict[str, str],
    tmp_path: Path,
    script: str,
    *,
    kept: Mapping[str, str] = MappingProxyType({}),
    program: Sequence[str] = PROGRAM,
) -> Terminal:
    """Run a script of the shell, in which `"$@"` is the command, beside a real Secret Service of its own.

    It holds what is `kept`, account -> secret.
    """
    before = beside_keychain(tmp_path / "keychain")
    (tmp_path / "kept.json").write_text(json.dumps(dict(kept)))
    own = {name: value for name, value in env.items() if name != "PYTHON_KEYRING_BACKEND"}
    outer, inner = f'"$@" < {tmp_path}/kept.json', f"exec < /dev/tty; rm {tmp_path}/kept.json; {script}"
    return Terminal(["sh", "-c", outer, "sh", *before, "sh", "-c", inner, "sh", *program], home, own)


@pytest.fixture
def rows(docker_client: DockerClient, home: Path) -> Path:
    """Five instances that are graded in a container: `answer` resolves all but the fourth and the fifth."""
    trivial_image(docker_client)
    return write_rows(home / ROWS, IMAGE)


def write_rows(path: Path, image: str, count: int = 5) -> Path:
    lines = []
    for number in range(1, count + 1):
        made = trivial_instance(number, image=image)
        row: dict[str, Any] = {
            "instance_id": made.instance_id,
            "repo": made.problem.repo,
            "base_commit": made.problem.base_commit,
            "problem_statement": f"add() subtracts, says report number {number}.",
            "version": made.problem.version,
            "patch": made.hidden.gold_patch,
            "test_patch": made.hidden.test_patch,
            "FAIL_TO_PASS": list(made.hidden.fail_to_pass),
            "PASS_TO_PASS": list(made.hidden.pass_to_pass),
            "eval_script": made.hidden.eval_script,
            "log_parser": made.hidden.log_parser,
            "eval_type": made.hidden.eval_type,
            "image": image,
        }
        lines.append(json.dumps(row))
    path.write_text("\n".join(lines) + "\n")
    return path


def going_on(one: Terminal, folder: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Type into a shell what an interrupted run said would go on with it."""
    (line,) = {line for line in one.text.splitlines() if line.startswith("to go on: ")}
    typed = f"{shlex.quote(sys.executable)} -m {line.removeprefix('to go on: ')}"
    return subprocess.run(
        ["sh", "-c", typed], cwd=folder, env=dict(env), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


def answer(body: dict[str, Any]) -> ScriptedAnswer:
    """Answer right, but for the reports number 4 and 5."""
    wrong = any(f"number {number}" in prompt_text(body) for number in (4, 5))
    return ScriptedAnswer(f"```diff\n{WRONG if wrong else FIX}```\n", usage={"input": 1000, "output": 100})
