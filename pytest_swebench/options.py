"""The command-line options, and whether any of them wakes the plugin up."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any, Final

import pytest

from pytest_swebench.config.active import ini_options, settings_of
from pytest_swebench.stash import CHOSEN_PATHS, FOREIGN_MARKER

_GROUP: Final = "swebench"
_PREFIX: Final = "swe_"  # of every option's name in `config.option`
MARKER_KEYS: Final = ("dataset", "split", "arms", "models", "model", "temperatures", "max_turns", "provider")
EXPERIMENT_MARK: Final = b"mark.experiment"
MARKER_LINE: Final = f"experiment({', '.join(MARKER_KEYS)}): run benchmark cells as tests"


def _taking(*fixtures: bytes) -> re.Pattern[bytes]:
    """Return what finds, in source, a function with a parameter of these names, or `usefixtures` of them."""
    name = rb"\b(?:" + b"|".join(fixtures) + rb")\b"
    return re.compile(rb"\bdef\s+\w+\s*\([^)]*?" + name + rb"\s*[,:=)]|usefixtures\([^)]*?[\"']" + name + rb"[\"']")


# a marker may be somebody else's; together with one of these fixtures it is ours
_NEED_CELL: Final = (b"cell", b"experiment", b"instance", b"variant", b"arm", b"sandbox", b"grader")
_ASKS_FOR_CELL: Final = _taking(*_NEED_CELL)
_ASKS_FOR_OURS: Final = _taking(*_NEED_CELL, b"provider", b"rep_number", b"writer_pool")


def add_options(parser: pytest.Parser) -> None:
    """Register every option; all default to None so that a set one can be told apart."""
    group = parser.getgroup(_GROUP, "SWE-bench experiments (-m experiment)")

    def add(name: str, help_text: str, **more: Any) -> None:
        group.addoption(name, dest=f"{_PREFIX}{name[2:].replace('-', '_')}", default=None, help=help_text, **more)

    add(
        "--dataset",
        "demo, lite, verified, full, multilingual, multimodal, pro, a hub name, or a local file or folder",
        metavar="NAME",
    )
    add("--split", "split of the dataset (default: test)", metavar="NAME")
    add(
        "--arms",
        "comma list of strategies to compare, e.g. gold,null,singleshot (default: singleshot)",
        metavar="NAMES",
    )
    add(
        "--provider",
        "anthropic, openai, openrouter, huggingface, ollama, chutes, or replay:FILE (env: PROVIDER)",
        metavar="NAME",
    )
    add("--provider-url", "base URL of an OpenAI- or Anthropic-compatible server (env: BASE_URL)", metavar="URL")
    add("--model", "model id as the provider names it (env: MODEL)", metavar="ID")
    add("--models", "comma list of model ids; each gives variants of its own", metavar="IDS")
    add(
        "--temperatures",
        "comma list of temperatures, or 'default' for the provider's own (default: 0.2)",
        metavar="NUMBERS",
    )
    add("--instances", "comma list of substrings; an instance id must hold one of them", metavar="PARTS")
    add("--instance-ids", "comma list of exact instance ids, or @FILE with one a line", metavar="IDS")
    add("--language", "only instances in this language, e.g. python, go, javascript, typescript", metavar="NAME")
    add("--max-instances", "at most so many instances, 0 for all", type=int, metavar="N")
    add("--shuffle", "shuffle the instances with this seed before --max-instances cuts", type=int, metavar="SEED")
    add("--patches", "predictions file, or output folder of another tool, for the arm 'predictions'", metavar="PATH")
    add("--sandbox", "auto, docker, local, or one that a plugin adds (default: auto)", metavar="NAME")
    add(
        "--sandbox-profile",
        "hardened (default), or official for the containers that the official harness makes",
        choices=["hardened", "official"],
    )
    add(
        "--sandbox-option",
        "a setting of the containers, e.g. memory=8g; may be given again (memory, cpus, pids, user, ...)",
        action="append",
        metavar="NAME=VALUE",
    )
    add(
        "--grade-network",
        "network of grading containers: auto (default: only where the reference patch needs it), none, bridge",
        choices=["auto", "none", "bridge"],
    )
    add("--eval-timeout", "seconds that the tests of one patch may take (default: 1800)", type=float, metavar="S")
    add(
        "--eval-max-workers",
        "gradings at one time, over all -n workers (default: by cores and memory)",
        type=int,
        metavar="N",
    )
    add("--no-control", "leave the negative control of resolved cells out", action="store_true")
    add(
        "--harness",
        "who grades: builtin (default), or official for the installed official harness",
        choices=["builtin", "official"],
    )
    add("--max-patch-size", "refuse patches of --patches above so many MB (default: none)", type=float, metavar="MB")
    add("--pro-scripts", "checkout of SWE-bench_Pro-os, for Pro rows (env: SWEBENCH_PRO_SCRIPTS)", metavar="DIR")
    add("--image-disk-cap", "remove images we pulled, least recently used first, above e.g. 50g", metavar="SIZE")
    add("--image-prefetch", "images pulled ahead of the queue (default: 2, 0 for none)", type=int, metavar="N")
    add("--output-dir", "where results go (env: OUTPUT_DIR, default: results)", metavar="DIR")
    add(
        "--outcome",
        "what passes: resolved (default), or capture for every valid record",
        choices=["resolved", "capture"],
    )
    add(
        "--fail-under",
        "exit 1 if a variant resolves less than this share (0-1) of its attempted cells",
        type=float,
        metavar="SHARE",
    )
    add("--watch", "show a live table, a line a variant, while cells run (on a terminal)", action="store_true")
    _add_calls(add)
    _add_runs(add)
    _add_gate(add)
    _add_reports(add)
    for name, text, kind in ini_options():
        parser.addini(name, text, type=kind, default=None)
    parser.addini(
        "experiment_paths", "what `pytest -m experiment` runs when no path is given", type="paths", default=[]
    )


def _add_calls(add: Callable[..., None]) -> None:
    """Register what shapes, limits and keeps the calls of models."""
    add("--context", "files a prompt shows: bm25 (default), or the hub's sets 13K, 27K, 40K", metavar="NAME")
    add("--context-tokens", "size of that context (default: 13000, more where it must be)", type=int, metavar="N")
    add(
        "--generation-timeout",
        "seconds an arm may work on a cell, retries included (default: 300; agents have more)",
        type=float,
        metavar="S",
    )
    add("--max-turns", "comma list of most model calls of arms that take turns (default: the arm's own)", metavar="NS")
    add("--tool-calls", "most calls of each tool by each agent of a team (default: none)", type=int, metavar="N")
    add(
        "--agent-network",
        "none (default), or install: agents get a tool that installs packages, with a network for that alone",
        choices=["none", "install"],
    )
    add("--max-cost", "USD the whole run may cost; never exceeded", type=float, metavar="USD")
    add("--max-cost-per-variant", "USD all cells of one variant may cost", type=float, metavar="USD")
    add("--max-cost-per-cell", "USD one cell may cost; its diff so far is graded", type=float, metavar="USD")
    add("--max-tokens", "tokens the run may use, for models of unknown price", type=int, metavar="N")
    add(
        "--price",
        "USD per million tokens, [MODEL=]IN,OUT[,CACHE_READ[,CACHE_WRITE]]; 0 for your own server; may be given again",
        action="append",
        metavar="PRICE",
    )
    add("--rpm", "requests a minute, over all -n workers (default: what the endpoint says)", type=int, metavar="N")
    add("--tpm", "tokens a minute, over all -n workers (default: what the endpoint says)", type=int, metavar="N")
    add(
        "--cassette",
        "record what each cell asks and gets, replay it for nothing, or once: replay, and record what is missing",
        choices=["record", "replay", "once"],
    )
    add("--cassette-dir", "where cassettes lie (default: <output-dir>/cassettes)", metavar="DIR")
    add("--cache", "answer a question that was asked before, in any run, from <output-dir>/cache", action="store_true")


def _add_runs(add: Callable[..., None]) -> None:
    """Register how a run is named, resumed and cut short."""
    add("--run-id", "name of the run; one that exists is resumed: its done cells are left out", metavar="NAME")
    add("--resume", "go on with a run: its name, or the latest one", nargs="?", const="latest", metavar="RUN")
    add("--checkpoint", "file that names the run and what it has done; if it exists, that run goes on", metavar="FILE")
    add(
        "--rerun-failed",
        "a new run of the cells that a run, its name or the latest, did not resolve, and of nothing else",
        nargs="?",
        const="latest",
        metavar="RUN",
    )
    add("--generate-only", "leave the patches ungraded", action="store_true")
    add("--generation-output", "write the patches to FILE, as predictions (JSONL)", metavar="FILE")
    add(
        "--allow-partial",
        "with --generation-output: exit 0 if more than half of the cells left a patch",
        action="store_true",
    )


def _add_gate(add: Callable[..., None]) -> None:
    """Register what holds a run against its baseline."""
    add(
        "--baseline",
        "judge the run against a saved baseline, another run, or any results; the verdict is the exit status",
        metavar="RUN",
    )
    add("--baseline-variant", "hold all variants against this one of the baseline (default: by name)", metavar="NAME")
    add("--max-drop", "drop that --baseline tolerates, e.g. 3pp or 0.03 (default: 3pp)", metavar="POINTS")
    add("--confidence", "one-sided confidence of --baseline (default: 0.95)", type=float, metavar="SHARE")
    add(
        "--gate",
        "what fails: strict (default: all but pass), lenient (not inconclusive), report (nothing)",
        choices=["strict", "lenient", "report"],
    )
    add("--allow-drift", "judge although conditions or instances differ from the baseline's", action="store_true")
    add(
        "--sequential",
        "look at the gate on the way and stop once it is decided: ten planned looks, or =anytime, after each instance",
        nargs="?",
        const="planned",
        metavar="RULE",
    )
    add(
        "--fail-on-new-failures",
        "K or more instances that the baseline resolved every time, three times or more, fail the gate if they fail",
        type=int,
        metavar="K",
    )
    add("--gate-markdown", "write the gate's page, Markdown, to FILE as well", metavar="FILE")


def _add_reports(add: Callable[..., None]) -> None:
    """Register what is made of a run when it is over, and where else it is told."""
    add("--run-report", "when the run is over, write it as one HTML file, reports/index.html", action="store_true")
    add(
        "--evaluate",
        "when the run is over, write the analysis of errors, charts and the HTML report into its reports/",
        action="store_true",
    )
    add("--langsmith", "trace every cell to LangSmith (env: LANGSMITH_TRACING, LANGSMITH_API_KEY)", action="store_true")


def keep_file_argument(args: list[str]) -> None:
    """Turn `--instance-ids @FILE` into `--instance-ids=@FILE`, in place.

    pytest reads an argument that starts with `@` as a file of further arguments.
    """
    for place, (name, value) in enumerate(itertools.pairwise(tuple(args))):
        if name == "--instance-ids" and value.startswith("@"):
            args[place : place + 2] = [f"{name}={value}"]


def is_active(config: pytest.Config) -> bool:
    """Say whether this is an experiment run.

    It is if `-m` asks for experiments, or if one of our options is set or a file with experiments is named, unless
    `-m` leaves experiments out. Anything else is somebody's ordinary test run, also where a project has a marker
    `experiment` of its own: a named file counts if its tests take fixtures that need a cell, and `-m` does unless the
    project registers such a marker and its tests take none of our fixtures.
    """
    expression = config.getoption("markexpr", "") or ""
    if asks_for_experiments(config):
        return not _means_another_marker(config)
    if expression and not _matches(expression):
        return False
    chosen = any(value is not None for name, value in vars(config.option).items() if name.startswith(_PREFIX))
    return chosen or _names_experiment(config)


def asks_for_experiments(config: pytest.Config) -> bool:
    """Say whether `-m` names the marker `experiment` and selects what carries it."""
    expression = config.getoption("markexpr", "") or ""
    return "experiment" in expression and _matches(expression)


def _matches(expression: str) -> bool:
    """Say whether a test marked `experiment` and nothing else is selected by `-m expression`."""
    from _pytest.mark.expression import Expression

    try:
        return Expression.compile(expression).evaluate(lambda name, /, **_: name == "experiment")
    except SyntaxError:  # pytest reports it in its own words
        return False


def _means_another_marker(config: pytest.Config) -> bool:
    if FOREIGN_MARKER not in config.stash:
        own = any(re.match(r"experiment\b", line) and line != MARKER_LINE for line in config.getini("markers"))
        config.stash[FOREIGN_MARKER] = own and not _takes_our_fixtures(config)
    return config.stash[FOREIGN_MARKER]


def _takes_our_fixtures(config: pytest.Config) -> bool:
    """Say whether a Python file in the paths to collect, a conftest.py as well, takes a fixture of ours."""
    for arg in config.args:
        start = config.invocation_params.dir / arg.partition("::")[0]
        for file in [start] if start.is_file() else start.rglob("*.py"):
            if _ASKS_FOR_OURS.search(file.read_bytes()):
                return True
    return False


def _names_experiment(config: pytest.Config) -> bool:
    if names_no_path(config):
        return False
    files = (config.invocation_params.dir / arg.partition("::")[0] for arg in config.args)
    return any(_holds_experiment(file.read_bytes()) for file in files if file.is_file())


def _holds_experiment(source: bytes) -> bool:
    return EXPERIMENT_MARK in source and _ASKS_FOR_CELL.search(source) is not None


def names_no_path(config: pytest.Config) -> bool:
    """Say whether no path was given on the command line, so that the default experiment may step in."""
    return config.args_source is not config.ArgsSource.ARGS


def names_no_dataset(config: pytest.Config) -> bool:
    """Say whether our default experiment runs with nothing chosen, so that the embedded demo steps in."""
    if CHOSEN_PATHS not in config.stash:
        return False
    return settings_of(config)["dataset"].is_default and not config.getoption("swe_provider")
