from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_swebench.arms.protocol import Solution, SolveContext
from pytest_swebench.arms.singleshot import ANSWER_TOKENS, CONTEXT_TOKENS, Singleshot, build_prompt, named_files
from pytest_swebench.cell import Variant
from pytest_swebench.datasets.instance import Instance, Kind, Problem, Source
from pytest_swebench.errors import InputError, ProviderError
from pytest_swebench.outcome import Stop
from pytest_swebench.providers.protocol import Answer, Request, StopReason, Usage
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
def context(tmp_path: Path) -> Iterator[SolveContext]:
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


def solve(context: SolveContext, speaker: Speaker) -> Solution:
    return Singleshot().solve(dataclasses.replace(context, provider=speaker))


def stating(context: SolveContext, statement: str) -> SolveContext:
    return dataclasses.replace(context, problem=dataclasses.replace(context.problem, statement=statement))


def test_one_request_is_sent_with_the_settings_of_the_variant(context: SolveContext) -> None:
    speaker = Speaker("I do not know.")
    solve(context, speaker)
    ((request, timeout_s),) = speaker.asked
    assert (request.model, request.temperature, request.sample, request.max_tokens) == ("m-1", 0.2, 3, ANSWER_TOKENS)
    assert timeout_s == 77.0
    (message,) = request.messages
    assert message.content == build_prompt(context, context.sandbox())


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


def test_prompt_holds_statement_listing_and_named_files(context: SolveContext) -> None:
    prompt = build_prompt(context, context.sandbox())
    assert "the repository calc/calc" in prompt
    assert "<issue>\nadd() in calc/ops.py subtracts.\n</issue>" in prompt
    assert "\n".join(sorted(TREE)) in prompt
    assert '<file path="calc/ops.py">\ndef add(a, b):\n    return a - b\n\n</file>' in prompt
    assert "def test_add" not in prompt


def test_statement_is_never_read_as_a_template_nor_cut(context: SolveContext) -> None:
    statement = "${statement} $contents $$ {x} " + "long " * 30_000
    prompt = build_prompt(stating(context, statement), context.sandbox())
    assert f"<issue>\n{statement}\n</issue>" in prompt


def test_files_that_do_not_fit_stay_out_and_smaller_ones_go_in(context: SolveContext) -> None:
    prompt = build_prompt(stating(context, "calc/big.py breaks calc/ops.py"), context.sandbox())
    assert '<file path="calc/big.py">' not in prompt
    assert '<file path="calc/ops.py">' in prompt
    assert len(prompt) < CONTEXT_TOKENS * 4 + 2000


def test_long_listing_is_cut_and_counted(context: SolveContext) -> None:
    context.sandbox().run(
        "mkdir many && cd many && for i in $(seq 3000); do : > file_with_a_long_name_$i; done; git add -A .",
        timeout_s=60,
    )
    prompt = build_prompt(context, context.sandbox())
    listing = prompt[prompt.index("<files>") : prompt.index("</files>")].splitlines()
    assert listing[-1] == f"... and {len(TREE) + 3000 - (len(listing) - 2)} more files"
    assert len("\n".join(listing)) < CONTEXT_TOKENS * 4 * 0.21


def test_names_that_are_no_text_can_be_sent(context: SolveContext) -> None:
    context.sandbox().run("touch $'caf\\xe9.py' && git add -A .", timeout_s=30)
    prompt = build_prompt(context, context.sandbox())
    assert "caf?.py" in prompt
    assert prompt.encode()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("see calc/ops.py.", ["calc/ops.py"]),
        ("see `ops.py`, then README.md", ["calc/ops.py", "README.md"]),
        ("README.md and calc/ops.py and README.md", ["README.md", "calc/ops.py"]),
        ("calc.ops.add fails", ["calc/ops.py"]),
        ("from calc.ops import add; tests/test_ops.py", ["tests/test_ops.py", "calc/ops.py"]),
        ("calc.unknown.thing", ["calc/__init__.py"]),
        ("the word ops or calc alone names nothing", []),
        ("", []),
    ],
)
def test_statement_names_files_in_many_ways(statement: str, found: list[str]) -> None:
    assert named_files(statement, sorted(TREE)) == found


def test_prompt_scenarios_are_refused() -> None:
    with pytest.raises(InputError, match="arm 'singleshot': 's-1' is a prompt scenario"):
        Singleshot().check([made_instance("i-1"), made_instance("s-1", kind=Kind.SCENARIO)])
