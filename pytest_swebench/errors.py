"""Every error the package raises on purpose, and what each means for a cell.

SwebenchError
├── InputError          what the person gave cannot be run; shown as one message before anything is paid
│   ├── DatasetError    a dataset, split or row (file and line named)
│   └── SelectionError  arms, instances or variants that match nothing or clash
├── InfraError          broken ground that may heal: outcome `infra`, the only thing worth a rerun
│   ├── DockerUnavailable
│   ├── SandboxLost     a container or process died under us
│   ├── NeedsNetwork    tests could not be installed or run without a network
│   ├── OutOfResources  memory or disk gave out
│   └── ProviderError   network, 429, 5xx, a cut or nonsensical answer
├── RefusedError        broken ground that will not heal by itself: outcome `infra`, never rerun
│   ├── ImageMissing
│   ├── ImageRefused    a registry wants a login, or another one
│   └── ProviderRefused 401, 403, 404, a request the provider rejects
│       └── ContextOverflow     the request is longer than the model reads
├── LimitReached        a limit ended solving; carries the `Stop`
│   └── BudgetExhausted         a cap on cost or tokens; carries whose cap it is
├── ReplayMiss          a request that no recording answers: outcome `error`
└── RecordError         a record could not be written or read back
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final, Literal

from pytest_swebench.outcome import Stop

if TYPE_CHECKING:
    from collections.abc import Iterable


_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.ENOMEM})


class SwebenchError(Exception):
    """Base of every deliberate error of this package."""


class InputError(SwebenchError):
    """Bad input: the message names the offender, what is accepted, and the fix."""


class DatasetError(InputError):
    """A dataset, split or row that cannot be used."""


class SelectionError(InputError):
    """A selection that matches nothing, or names that clash."""


class InfraError(SwebenchError):
    """Infrastructure failed in a way that another attempt may survive."""


class DockerUnavailable(InfraError):
    """No Docker engine answers."""


class SandboxLost(InfraError):
    """A sandbox died or stopped answering while a cell was using it."""


class NeedsNetwork(InfraError):
    """The tests of an instance could not be installed or run for lack of a network."""


class OutOfResources(InfraError):
    """Memory or disk gave out, of this machine or of what a container may take."""


class ProviderError(InfraError):
    """A model endpoint failed or answered something that is not an answer."""


class RefusedError(SwebenchError):
    """Infrastructure gave a final no; repeating the request cannot help."""


class ImageMissing(RefusedError):
    """The instance's image is neither here nor in its registry."""


class ImageRefused(RefusedError):
    """A registry does not give the instance's image to this user."""


class ProviderRefused(RefusedError):
    """The provider rejects the request itself: key, permission, model or shape.

    `run_wide` says that every other request of the run would be rejected as well, as with a wrong key.
    """

    def __init__(self, message: str, *, run_wide: bool = False) -> None:
        super().__init__(message)
        self.run_wide = run_wide


class ContextOverflow(ProviderRefused):
    """The request is longer than the model's context; `limit_tokens` is what it takes, 0 where it does not say."""

    def __init__(self, message: str, limit_tokens: int = 0) -> None:
        super().__init__(message)
        self.limit_tokens = limit_tokens


class LimitReached(SwebenchError):
    """A limit of the cell ended solving; whatever diff exists is kept and graded."""

    def __init__(self, stop: Stop, message: str) -> None:
        super().__init__(message)
        self.stop = stop


class BudgetExhausted(LimitReached):
    """A cap does not leave room for the next call. `scope` is `cell`, `variant` or `run`: whose cap it is."""

    def __init__(self, scope: Literal["cell", "variant", "run"], message: str) -> None:
        super().__init__(Stop.COST, message)
        self.scope = scope


class ReplayMiss(SwebenchError):
    """The replay provider holds no answer for this very request."""


class RecordError(SwebenchError):
    """A record could not be written whole, or a file of records cannot be read."""


def of_system(error: OSError, message: str) -> InfraError:
    """Return what to raise for an `error` of the operating system: OutOfResources where disk or memory gave out."""
    return OutOfResources(message) if error.errno in _NO_ROOM else InfraError(message)


def unknown(what: str, value: str, known: Iterable[str]) -> str:
    """Say that `value` is no `what`, offer the nearest name, and list the accepted ones."""
    import difflib

    names = sorted(known)
    near = difflib.get_close_matches(value, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    return f"unknown {what} {value!r}{hint} known: {', '.join(names) or '(none)'}"
