"""Guards that run a generated test in the sandbox: `test_red`, `test_green` and `test_setup_verification`.

They go by pytest's exit code and its report, never by words in its output: exit code 1 is a test that failed, 2 to 5
are tests that never ran (https://docs.pytest.org/en/stable/reference/exit-codes.html).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_swebench.arms.workflow.guard import Given
from pytest_swebench.arms.workflow.guards.code import compiles
from pytest_swebench.arms.workflow.guards.generated import Ran, Runner, run_test
from pytest_swebench.arms.workflow.guards.reports import fatal, judged
from pytest_swebench.arms.workflow.shapes import GeneratedTest, Patch, Shape
from pytest_swebench.records.trace import GuardReport

TIMEOUT_S: Final = 300.0
SETUP_TIMEOUT_S: Final = 30.0
_LEAST_S: Final = 1.0
_SHOWN: Final = 5  # tests in a message
_MESSAGE: Final = 300  # characters of one test's message


@dataclass(frozen=True, slots=True)
class _RunsTest:
    """What guards share that run a generated test: the time they give, and what makes any test hopeless."""

    timeout_s: float = TIMEOUT_S
    name: str = ""
    judges: type[Shape] = GeneratedTest
    takes: tuple[type[Shape], ...] = ()
    oracle: bool = False

    def settings(self) -> Mapping[str, Any]:
        """Return the time it gives."""
        return {"timeout_s": self.timeout_s}

    def _judge(
        self,
        test: GeneratedTest,
        given: Given,
        objections: Callable[[Ran], Iterable[str]],
        *,
        diff: str = "",
        collect: bool = False,
    ) -> GuardReport:
        timeout_s = max(_LEAST_S, min(self.timeout_s, given.left_s()))
        if hopeless := _foreign(self.name, test, given):
            return hopeless
        ran = run_test(given.sandbox, test, diff=diff, timeout_s=timeout_s, collect=collect)
        if ran.runner is Runner.NONE:
            return fatal(self.name, "the environment has no Python, so no test can be run in it")
        late = [f"the test did not end within {timeout_s:g} s"] if ran.timed_out else []
        return judged(self.name, late or objections(ran))


@dataclass(frozen=True, slots=True)
class Red(_RunsTest):
    """Refuses a test that does not fail on the code as it is: it would show nothing."""

    name: str = "test_red"

    def check(self, answer: GeneratedTest, given: Given) -> GuardReport:
        """Run the test on the base commit. Raises InfraError."""
        return self._judge(answer, given, _not_red)


@dataclass(frozen=True, slots=True)
class Green(_RunsTest):
    """Refuses a patch that does not make the generated test pass."""

    name: str = "test_green"
    judges: type[Shape] = Patch
    takes: tuple[type[Shape], ...] = (GeneratedTest,)

    def check(self, answer: Patch, given: Given) -> GuardReport:
        """Run the test on the base commit with the patch. Raises EditError and InfraError."""
        return self._judge(given.take(GeneratedTest), given, _not_green, diff=given.diff(answer))


@dataclass(frozen=True, slots=True)
class Setup(_RunsTest):
    """Refuses a test that the environment cannot even collect."""

    timeout_s: float = SETUP_TIMEOUT_S
    name: str = "test_setup_verification"

    def check(self, answer: GeneratedTest, given: Given) -> GuardReport:
        """Import the test and look for tests, without running any. Raises InfraError."""
        return self._judge(answer, given, _not_collected, collect=True)


def _foreign(guard: str, test: GeneratedTest, given: Given) -> GuardReport | None:
    """Return a fatal verdict on a test in another language, where that is right: Python alone is run."""
    if given.problem.in_python or compiles(test.test_code, "<test>"):
        return None
    return fatal(guard, f"tests can be run in Python only, and the problem is in {given.problem.language!r}")


def _not_red(ran: Ran) -> Iterator[str]:
    if ran.exit_code == 0 and not ran.passed:
        yield "no test ran: all were skipped or expected to fail; the test must run and fail because of the fault"
    elif ran.exit_code == 0:
        yield f"the test passes on the code as it is ({len(ran.passed)} passed); it must fail because of the fault"
    elif ran.exit_code != 1 or ran.errors or not ran.failed:
        yield from _never_ran(ran)


def _not_green(ran: Ran) -> Iterator[str]:
    if ran.runner is Runner.UNAPPLIED:
        yield f"the patch does not apply:\n{ran.tail}"
    elif ran.exit_code == 0 and not ran.passed:
        yield "no test passes: all were skipped or expected to fail"
    elif ran.exit_code == 1 and ran.failed and not ran.errors:
        names = "\n".join(f"{name}: {message[:_MESSAGE]}" for name, message in ran.failed[:_SHOWN])
        yield f"tests that fail with the patch ({len(ran.failed)}):\n{names}\n\n{ran.tail}"
    elif ran.exit_code != 0:
        yield from _never_ran(ran)


def _not_collected(ran: Ran) -> Iterator[str]:
    if ran.exit_code:
        yield from _never_ran(ran)


def _never_ran(ran: Ran) -> Iterator[str]:
    """Say why there is no result that counts: errors around tests, or none of them ran."""
    if ran.errors:
        names = "\n".join(f"{name}: {message[:_MESSAGE]}" for name, message in ran.errors[:_SHOWN])
        what = f"the test is broken, an error occurred outside of its body:\n{names}"
    elif ran.exit_code == 5:
        what = "no test was found in the file"
    else:
        what = f"the test file could not be run (exit code {ran.exit_code})"
    hint = "\nThis environment has no pytest: use unittest or plain functions." if ran.runner is Runner.BARE else ""
    yield f"{what}{hint}\n\n{ran.tail}"
