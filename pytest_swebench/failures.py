"""What can go wrong, why, and what to do about it: one row a class of errors, and one a case that people meet.

`python -m pytest_swebench.failures` prints docs/errors.md, which is made from these rows.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pytest_swebench import errors
from pytest_swebench.errors import SwebenchError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Failure:
    """A class of errors: the usual reasons, and the fix that is told where the message itself has none."""

    kind: type[SwebenchError]
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Case:
    """Something that goes wrong by name: `says` is part of the message that tells it.

    `code` is the exit code of the command, where the class of the error does not tell.
    """

    name: str
    kind: type[SwebenchError] | None
    says: str
    fix: str
    code: int | None = None


_ROWS: Final = (
    Failure(
        errors.InputError,
        "an option, a setting or a file that means nothing, or clashes with another",
        "change what the message names",
    ),
    Failure(
        errors.DatasetError,
        "no such dataset or split, a malformed row, or a hub that is out of reach",
        "name a dataset that `swebench-runner list-instances` can read; offline, a file or `demo`",
    ),
    Failure(
        errors.SelectionError,
        "a misspelt arm, instance or model, or filters that leave nothing",
        "take a name that the message lists",
    ),
    Failure(
        errors.InfraError,
        "the registry, git or what stands around the tests gave way",
        "mend what the message names, then go on with --resume",
    ),
    Failure(
        errors.DockerUnavailable,
        "Docker is not installed, not running, or not for this user",
        "start Docker, until `docker info` answers; `swebench-runner doctor` tells what is in its way",
    ),
    Failure(
        errors.SandboxLost,
        "the engine was restarted, the container was removed, or the machine ran out of memory",
        "see that Docker stays up and has memory and disk, then go on with --resume",
    ),
    Failure(
        errors.NeedsNetwork,
        "the instance's own script installs packages before its tests",
        "give the tests a network by --grade-network=bridge",
    ),
    Failure(
        errors.OutOfResources,
        "the tests take more memory than they may have, or the disk of the engine or of the results is full",
        "lift the limit or free the disk that the message names, then go on with --resume",
    ),
    Failure(
        errors.ProviderError,
        "no network, an overloaded or limited endpoint (429, 5xx), or an answer that was cut",
        "see that the endpoint answers, ask less of it by --rpm, or allow more by --generation-timeout; then --resume",
    ),
    Failure(
        errors.RefusedError,
        "a registry refuses, or a log grew beyond its cap",
        "do what the message says; the same again ends the same way",
    ),
    Failure(
        errors.ImageMissing,
        "it was never built or pushed, its registry wants a login, or not for this architecture",
        "docker login to its registry, or name a mirror in SWEBENCH_DOCKER_NAMESPACE",
    ),
    Failure(
        errors.ImageRefused,
        "the image is private, the login is missing or over, or the registry blocks this place",
        "docker login to its registry, or name a mirror in SWEBENCH_DOCKER_NAMESPACE",
    ),
    Failure(
        errors.ProviderRefused,
        "a wrong key (401, 403), a model or address that is not there (404), a request of a wrong shape",
        "see key, address and model by swebench-runner models PROVIDER",
    ),
    Failure(
        errors.ContextOverflow,
        "problem and files together are longer than the model reads",
        "choose a model that reads more, or a smaller --context-tokens",
    ),
    Failure(
        errors.LimitReached,
        "time, steps or tokens of the cell are used up; the diff so far is graded",
        "allow more by --generation-timeout or --max-turns",
    ),
    Failure(
        errors.BudgetExhausted,
        "the next call might cost more than a cap leaves room for",
        "allow more by --max-cost, then go on with --resume",
    ),
    Failure(
        errors.ReplayMiss,
        "the prompt, the model or a setting changed since the answers were recorded",
        "ask a provider by --provider and --model, or record the answer by --cassette=once",
    ),
    Failure(
        errors.RecordError,
        "the disk is full, or a file of the run was changed by somebody else",
        "free space, then go on with --resume",
    ),
)
FAILURES: Final[Mapping[str, Failure]] = MappingProxyType({row.kind.__name__: row for row in _ROWS})
"""Name of a class in errors.py -> what is known of it."""

_OURS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Busy": "see that the endpoint answers, or ask less of it by --rpm and -n; then go on with --resume",
        "RunStopped": "go on with --resume",
        "WorkerLost": "see if memory ran out (dmesg), use fewer workers, then go on with --resume",
    }
)

CASES: Final = (
    Case(
        "provider not configured",
        errors.InputError,
        "no model provider is configured",
        "swebench-runner setup, or --provider and --model, or --provider=replay:FILE, which costs nothing",
    ),
    Case(
        "key missing",
        errors.InputError,
        "needs a key",
        "swebench-runner secrets set PROVIDER, or the provider's variable in the environment",
    ),
    Case("key refused (401, 403)", errors.ProviderRefused, "it does not take the key from", "correct that very key"),
    Case(
        "key pasted with blanks or line ends inside",
        errors.InputError,
        "holds blanks or characters outside ASCII",
        "paste it again; what stands around it is removed by itself",
    ),
    Case("model or address not there (404)", errors.ProviderRefused, "HTTP 404", "swebench-runner models PROVIDER"),
    Case("rate limit (429)", errors.ProviderError, "HTTP 429", "it is waited out by itself; --rpm and --tpm ask less"),
    Case("network", errors.ProviderError, "tried", "see that the endpoint answers; then --resume"),
    Case("timeout of a model", errors.ProviderError, "no complete answer within", "--generation-timeout"),
    Case("token limit", errors.ContextOverflow, "HTTP 400", "a model that reads more, or a smaller --context-tokens"),
    Case("timeout of tests", None, "tests_timed_out", "--eval-timeout; the cell is unresolved, not broken", 0),
    Case(
        "registry denied",
        errors.ImageRefused,
        "refuses to give it",
        "docker login, another SWEBENCH_DOCKER_NAMESPACE, or DOCKER_DEFAULT_PLATFORM=linux/amd64 for this run",
    ),
    Case(
        "dataset offline",
        errors.DatasetError,
        "cannot reach the hub",
        "once with a network, which keeps a copy; or a local file, or `demo`",
        3,
    ),
    Case(
        "partial batch",
        None,
        "patches. Continue with partial results?",
        "--allow-partial takes more than half as enough; --resume makes the missing ones",
        1,
    ),
    Case("no Docker", errors.DockerUnavailable, "Docker", "start it; swebench-runner doctor"),
    Case(
        "memory of the tests",
        errors.OutOfResources,
        "ran out of the memory",
        "--sandbox-option memory=8g, or fewer gradings at a time by --eval-max-workers",
    ),
    Case(
        "disk of the engine full",
        errors.OutOfResources,
        "no space was left on",
        "swebench-runner clean, --image-disk-cap; then --resume",
    ),
    Case(
        "disk full",
        errors.RecordError,
        "No space left on device",
        "free space, then --resume: what is paid is kept",
        4,
    ),
)


def fix_of(name: str) -> str:
    """Return what to do about an error of the class called `name`, "" for a class of somebody else."""
    found = FAILURES.get(name)
    return found.fix if found else _OURS.get(name, "")


def errors_page() -> str:
    """Return docs/errors.md."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    from pytest_swebench.checks.check import Cause
    from pytest_swebench.checks.fixes import HEADLINES
    from pytest_swebench.cli.outcome import code_of

    yield "# What goes wrong, and what to do"
    yield ""
    yield "<!-- made by: python -m pytest_swebench.failures > docs/errors.md -->"
    yield ""
    yield "Every message says what happened, with the value it happened to, what is accepted, and the fix. Where cells"
    yield "broke, the summary adds the fix, a log and its last lines. `swebench-runner --json` has them in `error`:"
    yield "`type`, `message`, `fix`, `log`, `log_tail`."
    yield ""
    yield "## By case"
    yield ""
    yield "| case | the message says | error | exit code | what to do |"
    yield "|---|---|---|---|---|"
    for case in CASES:
        kind = f"`{case.kind.__name__}`" if case.kind else ""
        code = int(code_of(case.kind)) if case.code is None and case.kind else case.code
        yield f"| {case.name} | {case.says} | {kind} | {code} | {case.fix} |"
    yield ""
    yield "## By class"
    yield ""
    yield "`pytest` ends with its own codes: 1 where a cell broke, 4 for input that is refused before anything is paid,"
    yield "2 after Ctrl-C, 8 where a cap stopped the run. The codes below are those of `swebench-runner`."
    yield ""
    yield "| error | what happened | why | what to do | cell | exit code |"
    yield "|---|---|---|---|---|---|"
    for name, row in FAILURES.items():
        happened = (inspect.getdoc(row.kind) or "").partition("\n")[0]
        yield f"| `{name}` | {happened} | {row.why} | {row.fix} | {_ends(row.kind)} | {int(code_of(row.kind))} |"
    yield ""
    yield "## What doctor and preflight find"
    yield ""
    yield "| cause | in words | exit code |"
    yield "|---|---|---|"
    for cause in Cause:
        yield f"| `{cause}` | {HEADLINES.get(cause, '')} | {cause.exit_code} |"


def _ends(kind: type[SwebenchError]) -> str:
    """Return how a cell ends that meets this error."""
    if issubclass(kind, errors.InputError):
        return "none begins"
    if issubclass(kind, errors.RefusedError | errors.InfraError | errors.BudgetExhausted):
        return "`infra`"
    if issubclass(kind, errors.LimitReached):
        return "graded, or `limit`"
    return "none is recorded" if issubclass(kind, errors.RecordError) else "`error`"


if __name__ == "__main__":
    print(errors_page(), end="")
