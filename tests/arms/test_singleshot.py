from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.arms.protocol import Solution, SolveContext
from pytest_swebench.arms.singleshot import ANSWER_TOKENS, SIZES_TOKENS, Singleshot, SingleshotSettings
from pytest_swebench.cell import Variant
from pytest_swebench.datasets.instance import Hidden, Instance, Kind, Problem, Source
from pytest_swebench.errors import ContextOverflow, InputError, LimitReached, ProviderError
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.protocol import Answer, Request, StopReason, Usage
from pytest_swebench.providers.tokens import estimate_tokens
from pytest_swebench.sandbox.local import LocalBackend
from tests.support.made import made_instance

TREE = {
    "README.md": b"# calc\n",
    "calc/__init__.py": b"",
    "calc/ops.py": b"def add(a, b):\n    return a - b\n",
    "calc/latin.py": b"# caf\xe9\nx = 1\n",
    "calc/big.py": b"y = 1\n" * 20_000,
    "tests/test_ops.py": b"def test_add(): ...\n",
}
RETRIEVED = """\
<issue>
THEIR STATEMENT
</issue>

<code>
[start of calc/ops.py]
1 def add(a, b):
2     return a - b
3{space}
[end of calc/ops.py]
[start of setup.cfg]
1 [x]
[end of setup.cfg]
</code>
""".format(space=" ")
EDIT = "calc/ops.py\n<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b\n>>>>>>> REPLACE\n"


@dataclass
class Speaker:
    """A provider with one answer, which keeps what it was asked."""

    text: str = ""
    stop_reason: StopReason = StopReason.END
    name: str = "speaker"
    asked: list[tuple[Request, float]] = field(default_factory=list)

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        self.asked.append((request, timeout_s))
        return Answer(text=self.text, model="m-1", stop_reason=self.stop_reason, usage=Usage(input=30, output=12))

    def close(self) -> None:
        return


class Deaf(Speaker):
    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        raise ProviderError("503 for too long")


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SolveContext]:
    monkeypatch.setenv("SWEBENCH_CACHE_DIR", str(tmp_path / "usual"))
    for name, content in TREE.items():
        path = tmp_path / "calc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    problem = Problem(instance_id="calc__calc-1", statement="add() in calc/ops.py subtracts.", repo="calc/calc")
    instance = Instance(problem=problem, source=Source(path=str(tmp_path / "calc")), trusted=True)
    backend = LocalBackend()
    sandbox = backend.open(instance)
    yield SolveContext(
        problem=problem,
        variant=Variant("singleshot", "singleshot", "m-1", 0.2),
        rep=3,
        provider=Speaker(),
        sandbox=lambda: sandbox,
        folder=tmp_path / "cell",
        timeout_s=77.0,
    )
    backend.close()


@dataclass
class Narrow(Speaker):
    """A model that refuses requests of more than `limit` estimated tokens, and names that limit or not."""

    limit: int = 0
    says: int = 0

    def complete(self, request: Request, *, timeout_s: float) -> Answer:
        answer = super().complete(request, timeout_s=timeout_s)
        if estimate_tokens(request.messages[0].content) + request.max_tokens > self.limit:
            raise ContextOverflow("too long", self.says)
        return answer


def solve(context: SolveContext, speaker: Speaker, **settings: Any) -> Solution:
    arm = Singleshot(SingleshotSettings(**settings))
    return arm.solve(dataclasses.replace(context, provider=speaker))


def prompt_of(context: SolveContext, **settings: Any) -> str:
    speaker = Speaker()
    solve(context, speaker, **settings)
    return speaker.asked[0][0].messages[0].content


def stating(context: SolveContext, statement: str) -> SolveContext:
    return dataclasses.replace(context, problem=dataclasses.replace(context.problem, statement=statement))


def test_one_request_is_sent_with_the_settings_of_the_variant(context: SolveContext) -> None:
    speaker = Speaker("I do not know.")
    solve(context, speaker)
    ((request, timeout_s),) = speaker.asked
    assert (request.model, request.temperature, request.sample, request.max_tokens) == ("m-1", 0.2, 3, ANSWER_TOKENS)
    assert timeout_s == 77.0
    assert [message.role for message in request.messages] == ["user"]


def test_edits_of_the_answer_become_the_patch(context: SolveContext) -> None:
    solution = solve(context, Speaker(f"Wrong sign.\n\n{EDIT}"))
    assert "-    return a - b\n+    return a + b\n" in solution.patch
    assert (solution.stop, solution.notes) == (Stop.SUBMITTED, "")
    assert solution.response_text == f"Wrong sign.\n\n{EDIT}"
    assert solution.per_step_tokens == {"ap_singleshot": 42}
    applied = context.sandbox().run("git apply --verbose -", timeout_s=30, stdin=solution.patch.encode())
    assert applied.exit_code == 0, applied.output


def test_patch_of_a_file_that_is_no_utf8_applies(context: SolveContext) -> None:
    edit = "calc/latin.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n"
    patch = solve(context, Speaker(edit)).patch.encode(errors="surrogateescape")
    assert b" # caf\xe9\n" in patch
    applied = context.sandbox().run("git apply --verbose -", timeout_s=30, stdin=patch)
    assert applied.exit_code == 0, applied.output
    assert context.sandbox().read("calc/latin.py") == b"# caf\xe9\nx = 2\n"


@pytest.mark.parametrize(
    ("text", "stop_reason", "stop", "notes"),
    [
        ("No idea.", StopReason.END, Stop.SUBMITTED, "the answer holds no edit"),
        ("I will not.", StopReason.REFUSAL, Stop.SUBMITTED, "the model refused"),
        (EDIT[:-20], StopReason.MAX_TOKENS, Stop.ANSWER_CUT, "the answer holds no edit"),
        (EDIT.replace("ops", "gone"), StopReason.END, Stop.SUBMITTED, "calc/gone.py: no such file"),
        (EDIT.replace("calc/ops", "../x"), StopReason.END, Stop.SUBMITTED, "../x.py: not a path inside the repository"),
    ],
)
def test_answer_without_a_patch_says_why(
    context: SolveContext, text: str, stop_reason: StopReason, stop: Stop, notes: str
) -> None:
    solution = solve(context, Speaker(text, stop_reason))
    assert (solution.patch, solution.stop) == ("", stop)
    assert solution.notes.startswith(notes)


def test_whole_edits_of_a_cut_answer_are_kept(context: SolveContext) -> None:
    solution = solve(context, Speaker(f"{EDIT}\n{EDIT[:-20]}", StopReason.MAX_TOKENS))
    assert solution.stop is Stop.ANSWER_CUT
    assert "+    return a + b" in solution.patch


def test_failing_provider_is_not_an_answer(context: SolveContext) -> None:
    with pytest.raises(ProviderError, match="503"):
        solve(context, Deaf())


def test_prompt_holds_statement_listing_and_files_that_matter(context: SolveContext) -> None:
    prompt = prompt_of(context)
    assert "the repository calc/calc" in prompt
    assert "<issue>\nadd() in calc/ops.py subtracts.\n</issue>" in prompt
    assert "\n".join(sorted(TREE)) in prompt
    assert '<file path="calc/ops.py">\ndef add(a, b):\n    return a - b\n\n</file>' in prompt
    assert "def test_add" in prompt
    assert "# calc\n" not in prompt


def test_request_grows_until_a_named_file_has_room(context: SolveContext) -> None:
    big = "y = 1\n" * 10_000  # 20 000 tokens
    context.sandbox().write({"calc/large.py": big.encode()})
    context.sandbox().run("git add -A .", timeout_s=30)
    assert estimate_tokens(prompt_of(context)) <= SIZES_TOKENS[0]
    prompt = prompt_of(stating(context, "calc/large.py breaks calc/ops.py"))
    assert f'<file path="calc/large.py">\n{big}\n</file>' in prompt
    assert '<file path="calc/ops.py">' in prompt
    assert SIZES_TOKENS[0] < estimate_tokens(prompt) <= SIZES_TOKENS[1]


def test_named_file_without_room_is_noted_in_request_and_solution(context: SolveContext) -> None:
    named = stating(context, "calc/big.py breaks calc/ops.py")
    left_out = "1 of 5 files that may matter are left out for lack of room: calc/big.py"
    assert solve(named, Speaker(EDIT), context_tokens=9000).notes == left_out
    assert solve(named, Speaker("Hm."), context_tokens=9000).notes == f"the answer holds no edit; {left_out}"
    prompt = prompt_of(named, context_tokens=9000)
    assert f"({left_out}.)" in prompt
    assert '<file path="calc/ops.py">' in prompt
    assert estimate_tokens(prompt) <= 9000


def test_issue_that_is_longer_than_the_request_is_cut_and_noted(context: SolveContext) -> None:
    long = stating(context, "long " * 30_000)
    solution = solve(long, Speaker(EDIT), context_tokens=9000)
    assert solution.notes.startswith("the middle of the issue was left out")
    assert estimate_tokens(prompt_of(long, context_tokens=9000)) <= 9000


@pytest.mark.parametrize(
    ("limit", "says"),
    [(16_000, 16_000), (16_000, 0), (12_000, 12_000), (16_000, 200_000)],
    ids=["named", "unnamed", "below the answer's room", "counted in other tokens"],
)
def test_request_that_is_too_long_is_shortened_once(context: SolveContext, limit: int, says: int) -> None:
    named = stating(context, "calc/big.py breaks calc/ops.py")
    speaker = Narrow(EDIT, limit=limit, says=says)
    context.sandbox().write({"calc/big.py": b"y = 1\n" * 4_000})
    solution = solve(named, speaker)
    (first, first_s), (second, second_s) = speaker.asked
    assert 1 < second_s <= first_s == context.timeout_s
    assert 'calc/big.py">' in first.messages[0].content
    assert 'calc/big.py">' not in second.messages[0].content
    assert '<file path="calc/ops.py">' in second.messages[0].content
    assert "+    return a + b" in solution.patch
    assert re.fullmatch(
        r"the request was too long for the model, so it was cut to \d+ tokens; 1 of 5 files .*: calc/big.py",
        solution.notes,
    )


def test_request_that_stays_too_long_ends_the_cell_at_the_limit(context: SolveContext) -> None:
    speaker = Narrow(EDIT, limit=100)
    with pytest.raises(LimitReached, match="too long for the model even when cut: too long") as caught:
        solve(context, speaker)
    assert caught.value.stop is Stop.CONTEXT
    assert len(speaker.asked) == 2


def test_names_that_are_no_text_can_be_sent(context: SolveContext) -> None:
    context.sandbox().run("touch $'caf\\xe9.py' && git add -A .", timeout_s=30)
    prompt = prompt_of(context)
    assert "caf?.py" in prompt
    assert prompt.encode()


def test_nothing_hidden_enters_a_request(context: SolveContext, tmp_path: Path) -> None:
    names = [field.name for field in dataclasses.fields(Hidden) if field.type == "str"]
    hidden = Hidden(**{name: f"canary-{name}" for name in names}, fail_to_pass=("canary-test",))  # type: ignore[arg-type]
    texts = tmp_path / "cache/contexts/princeton-nlp-SWE-bench_bm25_13K/calc__calc-1.txt"
    texts.parent.mkdir(parents=True)
    texts.write_text(RETRIEVED, encoding="utf-8")
    for kind in ("bm25", "13K"):
        speaker = Speaker(EDIT)
        arm = Singleshot(SingleshotSettings(context=kind), cache_dir=tmp_path / "cache")
        arm.check([Instance(problem=context.problem, hidden=hidden)])
        arm.solve(dataclasses.replace(context, provider=speaker, hidden=hidden))
        assert "canary" not in repr(speaker.asked)
    assert list(tmp_path.glob("cache/rankings/*.json"))
    assert not (tmp_path / "usual").exists()


def test_pre_retrieved_files_replace_our_own_retrieval(context: SolveContext, tmp_path: Path) -> None:
    texts = tmp_path / "cache/contexts/princeton-nlp-SWE-bench_bm25_13K/calc__calc-1.txt"
    texts.parent.mkdir(parents=True)
    texts.write_text(RETRIEVED, encoding="utf-8")
    arm, speaker = Singleshot(SingleshotSettings(context="13K"), cache_dir=tmp_path / "cache"), Speaker(EDIT)
    solution = arm.solve(dataclasses.replace(context, provider=speaker))
    prompt = speaker.asked[0][0].messages[0].content
    assert '<file path="calc/ops.py">\ndef add(a, b):\n    return a - b\n\n</file>' in prompt
    assert '<file path="setup.cfg">\n[x]\n</file>' in prompt
    assert "def test_add" not in prompt
    assert "THEIR STATEMENT" not in prompt
    assert "+    return a + b" in solution.patch
    expected = arm.expected(context.problem)
    assert expected.input_tokens[0] <= estimate_tokens(prompt) <= expected.input_tokens[1]


def test_version_changes_with_every_setting_and_with_nothing_else(tmp_path: Path) -> None:
    given: list[dict[str, Any]] = [{}, {"context": "27K"}, {"context_tokens": 13_000}, {"answer_tokens": 4000}]
    versions = [Singleshot(SingleshotSettings(**settings)).version for settings in given]
    assert len(set(versions)) == len(given)
    assert Singleshot(cache_dir=tmp_path).version == versions[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"context": "13k"}, "--context: unknown context '13k'; did you mean '13K'? known: 13K, 27K, 40K, bm25"),
        ({"context_tokens": 0}, "--context-tokens 0: a request needs at least 2000 tokens; give e.g. 13000, or leave"),
    ],
)
def test_setting_that_cannot_be_is_explained(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        SingleshotSettings(**settings)


def test_expected_size_holds_the_request(context: SolveContext) -> None:
    expected = Singleshot().expected(context.problem)
    assert expected.input_tokens[0] <= estimate_tokens(prompt_of(context)) <= expected.input_tokens[1]
    assert expected.input_tokens[1] == SIZES_TOKENS[-1]
    assert expected.output_tokens[1] == ANSWER_TOKENS
    assert Singleshot(SingleshotSettings(context_tokens=5000)).expected(context.problem).input_tokens[1] == 5000


def test_prompt_scenarios_are_refused() -> None:
    with pytest.raises(InputError, match="arm 'singleshot': 's-1' is a prompt scenario"):
        Singleshot().check([made_instance("i-1"), made_instance("s-1", kind=Kind.SCENARIO)])
