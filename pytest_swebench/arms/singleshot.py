"""`singleshot`: the issue and what matters of the repository go into one request; the answer's edits are the patch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_swebench.arms.context.material import Material, from_repository, from_retrieved
from pytest_swebench.arms.context.prompt import load_prompt
from pytest_swebench.arms.context.retrieved import retrieved_files
from pytest_swebench.arms.context.shown import LISTING_TOKENS, Shown, file_text, show, show_smallest
from pytest_swebench.arms.edits import EditError, diff_from_answer
from pytest_swebench.arms.protocol import Solution, SolveContext, refuse_scenarios
from pytest_swebench.cell import digest
from pytest_swebench.datasets.contexts import SETS, fetch_contexts
from pytest_swebench.datasets.hub import default_cache_dir
from pytest_swebench.datasets.instance import Instance, Problem
from pytest_swebench.errors import ContextOverflow, InfraError, InputError, LimitReached, RefusedError, unknown
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.estimate import Expected
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason
from pytest_swebench.providers.tokens import count_tokens, estimate_tokens
from pytest_swebench.sandbox.protocol import Sandbox

BM25: Final = "bm25"
SIZES_TOKENS: Final = (13_000, 27_000, 40_000)
ANSWER_TOKENS: Final = 8_192
LEAST_TOKENS: Final = 2_000
_REVISION: Final = 3  # of what is retrieved, how it is cut and how answers are read; the rest counts by itself
_COUNTING_S: Final = 30.0
_ALL: Final = 1_000_000  # more than any pre-retrieved text has
_MARGIN: Final = 0.9  # of a limit that an endpoint names: it counts in tokens of its own
_SHORTEST_ANSWER: Final = 300
_DENSEST: Final = 0.6  # the estimate takes 3 bytes for a token; prose and code have up to 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleshotSettings:
    """Where the shown files come from, and how much there may be.

    `context` is `bm25` (retrieved from the repository) or one of the hub's sets `13K`, `27K`, `40K`. Without
    `context_tokens` a request has the first of `SIZES_TOKENS` in which the files that the issue names (else the best
    match) have room, and all of a set. Raises InputError.
    """

    context: str = BM25
    context_tokens: int | None = None
    answer_tokens: int = ANSWER_TOKENS

    def __post_init__(self) -> None:
        if self.context not in {BM25, *SETS}:
            raise InputError(f"--context: {unknown('context', self.context, {BM25, *SETS})}")
        if self.context_tokens is not None and self.context_tokens < LEAST_TOKENS:
            raise InputError(
                f"--context-tokens {self.context_tokens!r}: a request needs at least {LEAST_TOKENS} tokens; give e.g. "
                f"{SIZES_TOKENS[0]}, or leave it out"
            )

    @property
    def sizes_tokens(self) -> tuple[int, ...]:
        """The sizes a request may have, ascending."""
        if self.context_tokens is not None:
            return (self.context_tokens,)
        return SIZES_TOKENS if self.context == BM25 else (_ALL,)


class Singleshot:
    """One request, one patch."""

    name = "singleshot"
    paid = True
    oracle = False

    def __init__(self, settings: SingleshotSettings | None = None, *, cache_dir: Path | None = None) -> None:
        self._settings = settings or SingleshotSettings()
        self._cache_dir = cache_dir or default_cache_dir()
        self._prompt = load_prompt()
        shape = [dataclasses.asdict(self._settings), self._settings.sizes_tokens]
        self.version = digest([_REVISION, self._prompt.digest, shape])

    def check(self, instances: list[Instance]) -> None:
        """Raise InputError for prompt scenarios and, with a set of the hub, for instances that it lacks."""
        refuse_scenarios(self.name, instances)
        if self._settings.context != BM25:
            fetch_contexts(self._settings.context, [one.instance_id for one in instances], self._cache_dir)

    def expected(self, problem: Problem) -> Expected:
        """Return the size of the one request, from instructions and issue alone to as much as may be shown."""
        least = self._prompt.frame_tokens + estimate_tokens(problem.statement)
        most = self._settings.sizes_tokens[-1]
        if most == _ALL:
            retrieved = self._retrieved(problem)
            most = least + LISTING_TOKENS + sum(estimate_tokens(file_text(*file)) + 1 for file in retrieved.items())
        return Expected(
            calls=(1, 1),  # one that is refused as too long is not billed
            input_tokens=(min(int(least * _DENSEST), most), most),
            output_tokens=(_SHORTEST_ANSWER, self._settings.answer_tokens),
        )

    def solve(self, context: SolveContext) -> Solution:
        """Ask once; a request that the model finds too long is shortened and sent once more."""
        sandbox = context.sandbox()
        material = self._material(context.problem, sandbox)
        shown = show_smallest(material, self._settings.sizes_tokens, self._prompt.frame_tokens)
        notes = []
        try:
            answer = self._ask(context, material, shown, self._settings.answer_tokens, context.timeout_s)
        except ContextOverflow as overflow:
            counted = self._counted(context, material, shown)
            shown, room = self._shorter(material, shown, overflow.limit_tokens, counted)
            notes.append(f"the request was too long for the model, so it was cut to {shown.size_tokens} tokens")
            try:
                answer = self._ask(context, material, shown, room, context.timeout_s)
            except ContextOverflow as again:
                raise LimitReached(Stop.CONTEXT, f"too long for the model even when cut: {again}") from again
        if shown.cut:
            notes.append("the middle of the issue was left out")
        if material.wanted & set(shown.left_out) or notes:
            notes.append(shown.notice)
        return _solution(answer, sandbox, notes)

    def _material(self, problem: Problem, sandbox: Sandbox) -> Material:
        if self._settings.context == BM25:
            return from_repository(problem, sandbox, self._cache_dir)
        return from_retrieved(problem, sandbox, self._retrieved(problem))

    def _retrieved(self, problem: Problem) -> dict[str, str]:
        paths = fetch_contexts(self._settings.context, [problem.instance_id], self._cache_dir)
        return retrieved_files(paths[problem.instance_id].read_bytes().decode())

    def _ask(
        self, context: SolveContext, material: Material, shown: Shown, answer_tokens: int, timeout_s: float
    ) -> Answer:
        request = self._request(context, material, shown, answer_tokens)
        return context.provider.complete(request, timeout_s=timeout_s)

    def _request(self, context: SolveContext, material: Material, shown: Shown, answer_tokens: int) -> Request:
        return Request(
            model=context.variant.model,
            messages=(Message("user", self._prompt.text(material.repo, shown)),),
            max_tokens=answer_tokens,
            temperature=context.variant.temperature,
            sample=context.rep,
        )

    def _counted(self, context: SolveContext, material: Material, shown: Shown) -> int | None:
        """Return the tokens of what was too long as the endpoint counts them, None where it does not."""
        request = self._request(context, material, shown, self._settings.answer_tokens)
        try:
            return count_tokens(context.provider, request, timeout_s=_COUNTING_S)
        except (InfraError, RefusedError):  # an estimate has to do
            return None

    def _shorter(self, material: Material, shown: Shown, limit_tokens: int, counted: int | None) -> tuple[Shown, int]:
        """Return what fits into a model's limit, or into half of what was too long, and the room for the answer.

        `counted` tells how far the endpoint's tokens are from our estimate.
        """
        answer = self._settings.answer_tokens
        if limit_tokens:
            answer = min(answer, limit_tokens // 2)
        sent = estimate_tokens(self._prompt.text(material.repo, shown))
        size = int((limit_tokens - answer) * _MARGIN * sent / (counted or sent))
        if not 0 < size < sent:  # nothing named, or the model's tokens are shorter than we think
            size = sent // 2
        return show(material, size, self._prompt.frame_tokens), answer


def _solution(answer: Answer, sandbox: Sandbox, notes: list[str]) -> Solution:
    """Turn an answer into what it leaves; the reason for a missing patch comes first in the notes."""
    patch, lack = "", ""
    try:
        patch = diff_from_answer(answer.text, lambda path: _lossless(sandbox.read(path)))
        lack = "" if patch else "the answer holds no edit"
    except EditError as error:
        lack = str(error)
    if answer.stop_reason is StopReason.REFUSAL:
        lack = "the model refused"
    return Solution(
        patch=patch,
        stop=Stop.ANSWER_CUT if answer.stop_reason is StopReason.MAX_TOKENS else Stop.SUBMITTED,
        response_text=answer.text,
        notes="; ".join(filter(None, (lack, *notes))),
        per_step_tokens={"ap_singleshot": answer.usage.total},
    )


def _lossless(content: bytes) -> str:
    # a diff must hold the very bytes of the file, or it does not apply
    return content.decode("utf-8", errors="surrogateescape")
