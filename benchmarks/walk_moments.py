"""The moments of a newcomer's walk: what is asked of a tool in each, and what its cell says of the answer."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from walk_judge import BROKEN, NO_IMAGE, NO_INSTANCE, TOLD, basic, hindered, resolved, told
from walk_place import GOOD, INSTANCES, KEY, POOR, Place
from walk_process import MOST_S, Seen, watch
from walk_tools import UNPRICED, Tool, Wish

PATIENCE_S: Final = 100.0
LATER_S: Final = 10.0
WORKERS: Final = 2
REPS: Final = 3
CALLS_BEFORE_STOP: Final = 6


@dataclass(slots=True)
class Walk:
    """One tool's way through the moments of a place; `texts` takes what it said, a file a command."""

    tool: Tool
    place: Place
    texts: Path
    folders: dict[str, Path] = field(default_factory=dict)
    said: int = 0
    again: bool = False  # what was stopped has gone on to its end

    def watch(
        self,
        words: list[str],
        folder: Path,
        env: dict[str, str],
        most_s: float = MOST_S,
        stop_when: Callable[[], bool] | None = None,
    ) -> Seen:
        """Watch a command, and keep what it said."""
        seen = watch(words, folder, env, most_s=most_s, stop_when=stop_when)
        self.said += 1
        head = f"$ {' '.join(words)}\n# {seen.seconds:.1f} s, rc {seen.code}\n"
        (self.texts / f"{self.tool.name}-{self.said:02}-{folder.name}.txt").write_text(head + seen.text)
        return seen


def help_(walk: Walk) -> str:
    seen = [walk.watch(walk.tool.help(), walk.place.folder("help"), walk.place.env(walk.tool.name)) for _ in range(3)]
    best = min(seen, key=lambda one: one.seconds)  # the first one may have read the disk
    first = "-" if best.first_s is None else f"{best.first_s:.2f}"
    return f"first byte {first} s, {best.seconds:.2f} s, {best.cpu_s:.2f} s CPU, {best.rss_mb:.0f} MB, rc {best.code}"


def bare(walk: Walk) -> str:
    seen = walk.watch(walk.tool.bare(), walk.place.folder("bare"), walk.place.env(walk.tool.name), most_s=30)
    return f"{basic(seen)}: {seen.lines[0].strip(' ╭─╮│')[:60] if seen.lines else 'nothing'}"


def documented(name: str) -> Callable[[Walk], str]:
    """Return the moment of a documented command where no network is."""

    def moment(walk: Walk) -> str:
        words = walk.tool.default() if name == "default" else walk.tool.known()
        if isinstance(words, str):
            return words
        env = walk.place.env(walk.tool.name, OPENAI_API_KEY=KEY)
        seen = walk.watch(words, walk.place.folder(name), env, most_s=PATIENCE_S)
        passed = re.search(r"(\d+) passed", seen.text)
        return f"{basic(seen)}; {f'ran, {passed[0]}' if passed else told(seen, TOLD[name])}"

    return moment


def refused(name: str) -> Callable[[Walk], str]:
    """Return the moment in which something is wrong that the tool should say."""

    def moment(walk: Walk) -> str:
        rows = walk.place.rows(INSTANCES[:2])
        if name == "missing-image":
            rows = [{**row, "image": NO_IMAGE} for row in rows]
        folder = walk.place.folder(name)
        wish = Wish(
            name=f"{folder.name}-{int(time.time())}",
            rows=rows,
            dataset="verifeid" if name == "unknown-dataset" else "",
            instance=NO_INSTANCE if name == "unknown-instance" else "",
            models=(UNPRICED if name == "unpriced-model" else GOOD,),
            key=name != "missing-key",
            priced=name != "unpriced-model",
        )
        commands = walk.tool.run(wish, walk.place, folder)
        if isinstance(commands, str):
            return commands
        closed = {"DOCKER_HOST": f"unix://{folder / 'closed.sock'}"} if name == "dead-docker" else {}
        before = walk.place.calls()
        seen = walk.watch(commands[0].words, folder, commands[0].env | closed, most_s=PATIENCE_S)
        calls = walk.place.calls() - before
        paid = f"; {calls} calls paid" if calls else ""
        return f"{basic(seen)}; {hindered(seen) or told(seen, TOLD[name])}{paid}"

    return moment


def broken(walk: Walk) -> str:
    cells = []
    for (name, (text, what)), stem in zip(BROKEN.items(), ("bad", "nokey", "unknown", "nodiff"), strict=True):
        folder = walk.place.folder(f"predictions-{stem}")
        file = folder / f"{stem}.jsonl"
        patch = {"instance_id": INSTANCES[0], "model_name_or_path": "m", "model_patch": "this is no patch\n"}
        file.write_text(f"{text or json.dumps(patch)}\n")
        words = walk.tool.evaluate(file, walk.place, folder)
        if isinstance(words, str):
            return words
        seen = walk.watch(words, folder, walk.place.env(walk.tool.name), most_s=PATIENCE_S)
        cells.append(f"{name}: {basic(seen)}, {told(seen, what)}")
    return "<br>".join(cells)


def solve(walk: Walk) -> str:
    return _work(walk, "solve", Wish(name="", rows=walk.place.rows(), workers=WORKERS, graded=True))


def compare(walk: Walk) -> str:
    rows = walk.place.rows(INSTANCES[:2])
    wish = Wish(name="", rows=rows, models=(GOOD, POOR), reps=REPS, workers=WORKERS, graded=True)
    return _work(walk, "compare", wish)


def _work(walk: Walk, name: str, wish: Wish) -> str:
    folder = walk.place.folder(name)
    wish = replace(wish, name=f"{folder.name}-{int(time.time())}")
    commands = walk.tool.run(wish, walk.place, folder)
    if isinstance(commands, str):
        return commands
    before = walk.place.calls()
    seen = [walk.watch(one.words, folder, one.env) for one in commands]
    graded = sum(one.seconds for one, of in zip(seen, commands, strict=True) if of.grades)
    whole = sum(one.seconds for one in seen)
    text = "\n".join(one.text for one in seen)
    if reason := next(filter(None, map(hindered, seen)), ""):
        return f"{whole:.1f} s, rc {seen[0].code}; {reason}"
    named = sum(row["instance_id"] in text for row in wish.rows)
    shares = f" (solving {whole - graded:.1f}, grading by another tool {graded:.1f})" if graded else ""
    codes = ",".join(sorted({str(one.code) for one in seen}))
    difference = ""
    if len(wish.models) > 1:
        said = re.search(r"difference|paired|\bvs\b", text, re.IGNORECASE)
        difference = f", difference of the arms {'told' if said else 'NOT told'}"
    given = "" if walk.tool.solves else "grades given patches: "
    return (
        f"{given}{whole:.1f} s{shares}, first word after {seen[0].first_s or whole:.1f} s, "
        f"{len(commands)} command{'s' * (len(commands) > 1)}, rc {codes}, "
        f"{sum(len(one.lines) for one in seen)} lines, {walk.place.calls() - before} calls, "
        f"{named}/{len(wish.rows)} instances named, resolved {resolved(text)}{difference}, "
        f"{sum(one.cpu_s for one in seen):.1f} s CPU, {max(one.rss_mb for one in seen):.0f} MB"
    )


def stop(walk: Walk) -> str:
    folder = walk.place.folder("stop")
    wish = Wish(name=f"{folder.name}-{int(time.time())}", rows=walk.place.rows())
    commands = walk.tool.run(wish, walk.place, folder)
    if isinstance(commands, str):
        return commands
    before, left = walk.place.calls(), _Containers(walk.tool.containers(wish.name))
    seen = walk.watch(
        commands[0].words,
        folder,
        commands[0].env,
        stop_when=lambda: walk.place.calls() - before >= CALLS_BEFORE_STOP if walk.tool.solves else left.count() > 0,
    )
    if seen.stopped_s is None:
        return hindered(seen) or f"never came to work: {basic(seen)}: {_last_words(seen)[:80]}"
    walk.folders["stop"], now = folder, left.count()
    time.sleep(LATER_S if now else 0)
    (folder / "again.json").write_text(json.dumps([commands[0].words, commands[0].env]))
    return (
        f"ended {seen.stopped_s:.1f} s after it, rc {seen.code}, containers left {now}"
        f"{f', {left.count()} after {LATER_S:.0f} s' if now else ''}, {walk.place.calls() - before} calls; "
        f"last line: {_last_words(seen)[:260]}"
    )


def _last_words(seen: Seen) -> str:
    return next((line.strip() for line in reversed(seen.lines) if re.search(r"\w", line)), "none")


def resume(walk: Walk) -> str:
    reason = "" if "stop" in walk.folders else stop(walk)
    return _again(walk) if "stop" in walk.folders else reason


def rerun(walk: Walk) -> str:
    if not walk.again:
        reason = resume(walk)
    return _again(walk) if walk.again else reason


def _again(walk: Walk) -> str:
    folder = walk.folders["stop"]
    words, env = json.loads((folder / "again.json").read_text())
    before = walk.place.calls()
    seen = walk.watch(words, folder, env)
    walk.again = True
    named = sum(row["instance_id"] in seen.text for row in walk.place.rows())
    calls = walk.place.calls() - before
    return f"{basic(seen)}, {calls} calls, {named}/{len(INSTANCES)} instances named, resolved {resolved(seen.text)}"


class _Containers:
    """Containers of one tool, beyond those that were there before; finished ones count too."""

    def __init__(self, filters: dict[str, str]) -> None:
        from pytest_swebench.sandbox.engine import connect

        self._client = connect()
        self._filters = filters
        self._before = self._ids()

    def count(self) -> int:
        return len(self._ids() - self._before)

    def _ids(self) -> set[str]:
        return {str(one["Id"]) for one in self._client.api.containers(all=True, filters=self._filters)}


MOMENTS: Final[Mapping[str, Callable[[Walk], str]]] = MappingProxyType(
    {
        "help": help_,
        "bare": bare,
        "default": documented("default"),
        "known-dataset": documented("known-dataset"),
        **{
            name: refused(name)
            for name in (
                "unknown-dataset",
                "unknown-instance",
                "missing-key",
                "unpriced-model",
                "dead-docker",
                "missing-image",
            )
        },
        "broken-predictions": broken,
        "solve": solve,
        "compare": compare,
        "interrupt": stop,
        "resume": resume,
        "rerun": rerun,
    }
)
