"""Make `recordings.jsonl` anew: the demo's answers, each filed under the request that `singleshot` really sends.

Run `python -m pytest_swebench.demo.record` after a change of the prompt, of a demo repository or of an answer; until
then the changed request finds no answer, as it should.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_swebench.arms.protocol import SolveContext
from pytest_swebench.arms.singleshot import Singleshot
from pytest_swebench.calling import DEMO_RECORDINGS
from pytest_swebench.cell import Variant
from pytest_swebench.datasets.demo import demo_answers, load_demo
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.providers.protocol import Answer, Request, StopReason, Usage
from pytest_swebench.providers.replay import write_recordings
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.spec import DEMO_MODEL, TEMPERATURE


def exchanges() -> Iterator[tuple[Request, Answer]]:
    """Yield every (request, answer) of the demo, by instance and sample."""
    answers = demo_answers()
    for instance in load_demo():
        request = _request(instance)
        for sample, answer in enumerate(answers[instance.instance_id], 1):
            yield dataclasses.replace(request, sample=sample), _answer(answer)


class _Listener:
    """A provider that keeps the request and answers nothing of use."""

    name = "listener"

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        self.requests.append(request)
        return Answer(text="(listening)", model=request.model, stop_reason=StopReason.END, usage=Usage())

    def close(self) -> None:
        """Do nothing."""


def _request(instance: Instance) -> Request:
    listener, backend = _Listener(), LocalBackend()
    sandbox = backend.open(instance)
    try:
        with tempfile.TemporaryDirectory() as folder:
            context = SolveContext(
                problem=instance.problem,
                variant=Variant("singleshot", "singleshot", DEMO_MODEL, TEMPERATURE),
                rep=1,
                provider=listener,
                sandbox=lambda: sandbox,
                folder=Path(folder),
            )
            Singleshot().solve(context)
    finally:
        sandbox.close()
        backend.close()
    return listener.requests[0]


def _answer(recorded: dict[str, Any]) -> Answer:
    return Answer(
        text=recorded["text"],
        model=DEMO_MODEL,
        stop_reason=StopReason(recorded["stop_reason"]),
        usage=Usage(input=recorded["usage"]["input"], output=recorded["usage"]["output"]),
    )


if __name__ == "__main__":
    write_recordings(DEMO_RECORDINGS, exchanges())
    print(f"wrote {DEMO_RECORDINGS}")
