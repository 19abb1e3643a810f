"""What workflows are tried with: a small repository, shapes and guards that do as they are told, a trace in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

from pytest_swebench.arms.protocol import Draft, SolveContext
from pytest_swebench.arms.workflow.declaration import Step
from pytest_swebench.arms.workflow.guard import Given
from pytest_swebench.arms.workflow.prompt import Prompt
from pytest_swebench.arms.workflow.shapes import Patch, Shape
from pytest_swebench.cell import Variant
from pytest_swebench.datasets.instance import Instance, Problem, Source
from pytest_swebench.grading.protocol import Grade
from pytest_swebench.providers.protocol import Provider
from pytest_swebench.records.trace import GuardReport
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.sandbox.protocol import Sandbox
from tests.support.calc import write_calc
from tests.support.kept import Kept

MEND: Final = {
    "edits": [{"file": "calc.py", "search": "    return a - b\n", "replace": "    return a + b\n"}],
    "reasoning": "add, do not subtract",
}
AMISS: Final = {"edits": [{"file": "calc.py", "search": "return a * b", "replace": "x"}], "reasoning": "a guess"}
PROMPT: Final = Prompt(role="You work.", task="Do it.\n\n$specification")


class Idea(Shape):
    """A thought."""

    key = "idea"
    text: str


class Plan(Shape):
    """A thought built on another."""

    key = "plan"
    text: str


@dataclass
class Told:
    """A guard that says what it was told to: "" for yes, a text for no, an exception to raise; yes from then on."""

    verdicts: Iterable[str | Exception] = ()
    name: str = "told"
    judges: type[Shape] = Shape
    takes: tuple[type[Shape], ...] = ()
    oracle: bool = False
    given: list[Given] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._verdicts = iter(self.verdicts)

    def check(self, answer: Any, given: Given) -> GuardReport:
        self.given.append(given)
        said = next(self._verdicts, "")
        if isinstance(said, Exception):
            raise said
        return GuardReport(passed=not said, feedback=said, fatal=said.startswith("FATAL"))

    def settings(self) -> Mapping[str, Any]:
        return {}


@dataclass(frozen=True)
class Fits:
    """A guard of patches that asks for the diff, and lets it raise."""

    name: ClassVar[str] = "fits"
    judges: ClassVar[type[Shape]] = Patch
    takes: ClassVar[tuple[type[Shape], ...]] = ()
    oracle: ClassVar[bool] = False

    def check(self, answer: Any, given: Given) -> GuardReport:
        return GuardReport(passed=bool(given.diff(answer)), feedback="it changes nothing")

    def settings(self) -> Mapping[str, Any]:
        return {}


@dataclass
class Cell:
    """A context, and what was told through it."""

    context: SolveContext
    sandbox: Sandbox
    traces: dict[str, Kept]
    drafts: list[Draft]

    def trace(self, workflow: str = "w") -> Kept:
        return self.traces[workflow]


@contextmanager
def calc_sandbox(folder: Path, more: Mapping[str, str] | None = None) -> Iterator[Sandbox]:
    """Open a working copy of `calc.py`, with `more` files."""
    source: Source = write_calc(folder / "calc")
    for name, text in (more or {}).items():
        (folder / "calc" / name).write_text(text)
    backend = LocalBackend()
    yield backend.open(Instance(problem=Problem(instance_id="calc__calc-1", statement=""), source=source, trusted=True))
    backend.close()


def cell_in(
    sandbox: Sandbox,
    provider: Provider,
    *,
    timeout_s: float = 300.0,
    temperature: float | None = None,
    evaluate: Callable[[str], Grade] | None = None,
) -> Cell:
    """Return a cell on `sandbox` whose models are `provider`."""
    traces: dict[str, Kept] = {}
    drafts: list[Draft] = []
    context = SolveContext(
        problem=Problem(instance_id="calc__calc-1", statement="add() in calc.py subtracts.", repo="calc/calc"),
        variant=Variant("w_m", "w", "m-1", temperature),
        rep=2,
        provider=provider,
        sandbox=lambda: sandbox,
        folder=Path(sandbox.workdir),
        timeout_s=timeout_s,
        evaluate=evaluate,
        trace=lambda workflow: traces.setdefault(workflow, Kept()),
        leave=drafts.append,
    )
    return Cell(context, sandbox, traces, drafts)


def step(name: str = "a", shape: type[Shape] = Idea, **rest: Any) -> Step:
    """Return a step with a plain prompt."""
    return Step(name=name, shape=shape, **{"prompt": PROMPT, **rest})
