"""A newcomer's walk through this tool and its peers, in one sitting: a table of moments x tools.

A script plays the newcomer: it types what the documentation of each tool says, without a terminal, in empty folders,
with a home of its own and no network but loopback, where a model answers as one that knows the patches would. Every
figure is one run on a machine that may be busy (its load is told): ratios of 2 are solid, 20 % are not. It is a report;
nothing passes or fails.

    python benchmarks/newcomer_walk.py --mini PATH --inspect PATH --swebench PATH

PATH is the interpreter of an environment with mini-swe-agent; inspect-ai, inspect-evals, openai, swebench; or swebench.
Those left out have no column. Moments with real instances need Docker, their images, and SWEBENCH_SHARED_DATA, a folder
with `pypi_rows.jsonl`; without, their cells say so. Whether a message names cause and fix is told by regular
expressions over its last 15 lines; `--keep FOLDER` keeps all texts for a person's own judgement. A tool that had to be
killed may leave containers behind. Others who pull or remove images meanwhile disturb the official harness.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from walk_moments import MOMENTS, Walk
from walk_place import NoData, place
from walk_tools import Inspect, Mini, Official, Ours, Tool

from pytest_swebench.errors import DockerUnavailable

DELAY_S: Final = 0.3
PACKAGES: Final = ("pytest-swebench", "mini-swe-agent", "litellm", "inspect-ai", "inspect-evals", "swebench")


def main() -> None:
    given = arguments()
    # a shell starts background jobs deaf to Ctrl-C, and they would bring up their children so
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tools = [tool for tool in tools_of(given) if not given.only or tool.name in given.only]
    with tempfile.TemporaryDirectory(prefix="newcomer-walk-") as name:
        root = given.keep or Path(name)
        cells = walk_all(tools, given.moments, root, given.delay)
    print(f"{datetime.now():%Y-%m-%d %H:%M}, {os.cpu_count()} cores, Python {platform.python_version()}, load", end=" ")
    print(f"{cells.pop('load')}; one run each, model {given.delay} s a call")
    for tool in tools:
        print(f"- {tool.name}: {versions(tool.python)}")
    print(f"\n| moment | {' | '.join(tool.name for tool in tools)} |\n|---|{'---|' * len(tools)}")
    for moment in given.moments:
        row = (cells[f"{moment} {tool.name}"].replace("|", "\\|") for tool in tools)
        print(f"| {moment} | {' | '.join(row)} |")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=Path, default=Path(sys.executable), metavar="PATH", help="default: this one")
    for name in ("mini", "inspect", "swebench"):
        parser.add_argument(f"--{name}", type=Path, metavar="PATH", help=f"interpreter that has {name}")
    parser.add_argument("--only", type=words, default=(), metavar="TOOLS", help="ours,mini,inspect,swebench")
    parser.add_argument("--moments", type=moments, default=tuple(MOMENTS), metavar="NAMES", help=", ".join(MOMENTS))
    parser.add_argument("--delay", type=float, default=DELAY_S, metavar="S", help="what one answer of the model takes")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="walk here, and leave everything")
    return parser.parse_args()


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def moments(text: str) -> tuple[str, ...]:
    if unknown := [name for name in words(text) if name not in MOMENTS]:
        raise argparse.ArgumentTypeError(f"unknown moment {unknown[0]!r}; known: {', '.join(MOMENTS)}")
    return words(text)


def tools_of(given: argparse.Namespace) -> list[Tool]:
    """Return the columns, in order."""
    official = Official(given.swebench.absolute()) if given.swebench else None
    tools: list[Tool] = [Ours(given.ours.absolute())]
    tools += [Mini(given.mini.absolute(), official)] if given.mini else []
    tools += [Inspect(given.inspect.absolute())] if given.inspect else []
    return [*tools, official] if official else tools


def walk_all(tools: Sequence[Tool], names: Sequence[str], root: Path, delay_s: float) -> dict[str, str]:
    """Return `moment tool` -> cell; the tools take turns, so that all meet the machine as it is at that time.

    Ctrl-C ends the walk, and what was seen so far is told.
    """
    texts = root / "texts"
    texts.mkdir(parents=True, exist_ok=True)
    found = {f"{name} {tool.name}": "not walked" for name in names for tool in tools}
    loads = [os.getloadavg()[0]]
    with place(root.absolute(), delay_s) as here, suppress(KeyboardInterrupt):
        walks = [Walk(tool, here, texts) for tool in tools]
        for name in names:
            for walk in walks:
                try:
                    cell = MOMENTS[name](walk)
                except (NoData, DockerUnavailable) as missing:
                    cell = str(missing)
                found[f"{name} {walk.tool.name}"] = cell
                print(f"{name}, {walk.tool.name}: {cell}", file=sys.stderr, flush=True)
            loads.append(os.getloadavg()[0])
    return {**found, "load": f"{min(loads):.1f}-{max(loads):.1f}"}


def versions(python: Path) -> str:
    """Return which of the packages that matter an interpreter has."""
    script = (
        "import importlib.metadata as m\n"
        f"for name in {PACKAGES!r}:\n"
        "    try: print(name, m.version(name), end='; ')\n"
        "    except m.PackageNotFoundError: continue\n"
    )
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.strip("; ")


if __name__ == "__main__":
    main()
