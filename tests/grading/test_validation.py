"""Validation against the official chain itself, run by bash on a whole copy of the base tree."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_swebench.datasets.instance import Instance, Problem, Source
from pytest_swebench.grading.validation import PatchKind, Validation, inspect, validate
from pytest_swebench.patch import make_diff
from pytest_swebench.records.layout import as_bytes
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.sandbox.protocol import Sandbox, SandboxBackend
from tests.support.official_chain import applies, told_instance

LINES = "".join(f"line {number}\n" for number in range(1, 31))
BASE = {
    "a.txt": LINES,
    "pkg/mod.py": LINES.replace("line", "code"),
    "pkg/deep/down.py": "x = 1\n",
    "dos.txt": LINES.replace("\n", "\r\n"),
    "unended.txt": "one\ntwo",
    ".gitignore": "*.log\n",
}
EDITED = LINES.replace("line 10\n", "line ten\n")
GOOD = make_diff({"a.txt": LINES}, {"a.txt": EDITED})
HOPELESS = GOOD.replace("-line 10\n", "-line eleven hundred\n")
NEW = make_diff({}, {"pkg/new.py": "y = 2\n"})
TWO = GOOD + make_diff(
    {"pkg/mod.py": BASE["pkg/mod.py"]}, {"pkg/mod.py": BASE["pkg/mod.py"].replace("code 3", "code three")}
)
RENAMED = (
    "diff --git a/pkg/mod.py b/pkg/other.py\nsimilarity index 100%\nrename from pkg/mod.py\nrename to pkg/other.py\n"
)
CONTEXT_FREE = "--- a/a.txt\n+++ b/a.txt\n@@ -10 +10 @@\n-line 10\n+line ten\n"
TRIED = {
    "good": GOOD,
    "without its last newline": GOOD.removesuffix("\n"),
    "fuzzy": GOOD.replace(" line 7\n", " line seven\n").replace(" line 13\n", " line thirteen\n"),
    "elsewhere": GOOD.replace("@@ -7,7 +7,7 @@", "@@ -17,7 +17,7 @@"),
    "hopeless": HOPELESS,
    "new": NEW,
    "new where there is one": make_diff({}, {"a.txt": "y = 2\n"}),
    "gone": make_diff({"a.txt": LINES}, {}),
    "gone that never was": make_diff({"b.txt": LINES}, {}),
    "two files": TWO,
    "two files, one hopeless": HOPELESS + TWO.removeprefix(GOOD),
    "good, then hopeless": GOOD + HOPELESS.replace("a.txt", "pkg/mod.py"),
    "renamed": RENAMED,
    "renamed from nowhere": RENAMED.replace("mod.py", "nothing.py"),
    "mode": "diff --git a/a.txt b/a.txt\nold mode 100644\nnew mode 100755\n",
    "there already": make_diff({"a.txt": EDITED}, {"a.txt": LINES}),
    "no prefixes": GOOD.replace("a/a.txt", "a.txt").replace("b/a.txt", "a.txt"),
    "only sides without prefixes": CONTEXT_FREE.replace("a/a", "a").replace("b/a", "a"),
    "a folder too many": CONTEXT_FREE.replace("a/a", "x/a").replace("b/a", "x/a"),
    "a folder too few": CONTEXT_FREE.replace("a/a.txt", "pkg/mod.py").replace("b/a.txt", "pkg/mod.py"),
    "no context": CONTEXT_FREE,
    "length too small": GOOD.replace("@@ -7,7 +7,7 @@", "@@ -7,5 +7,5 @@"),
    "length too great": GOOD.replace("@@ -7,7 +7,7 @@", "@@ -7,9 +7,9 @@"),
    "no lines": "diff --git a/a.txt b/a.txt\n",
    "carriage returns": GOOD.replace("\n", "\r\n"),
    "of a file with carriage returns": make_diff(
        {"dos.txt": BASE["dos.txt"]}, {"dos.txt": BASE["dos.txt"].replace("line 10", "line ten")}
    ),
    "carriage returns lost": GOOD.replace("a.txt", "dos.txt"),
    "last line without end": make_diff({"unended.txt": "one\ntwo"}, {"unended.txt": "one\nthree"}),
    "last line with a made up end": make_diff({"unended.txt": "one\ntwo\n"}, {"unended.txt": "one\nthree\n"}),
    "into a folder that is a file": make_diff({}, {"a.txt/x.py": "z\n"}),
    "through a link": GOOD.replace("a.txt", "link/mod.py").replace("line", "code"),
    "in place of a link": make_diff({"link": "pkg"}, {"link": "other"}),
    "an ignored file": make_diff({}, {"x.log": "z\n"}),
    "an ignored file twice": HOPELESS + make_diff({}, {"x.log": "z\n"}),
    "within .git": make_diff({}, {".git/info/x": "z\n"}),
    "prose around it": f"Here it is:\n\n{GOOD}\nThat is all.\n",
    "an old name of svn": f"Index: a.txt\n{'=' * 60}\n{CONTEXT_FREE.replace('a/a', 'a').replace('b/a', 'a')}",
    "undecodable": make_diff({}, {"x.txt": "\udcff\n"}),
    "name with a space": make_diff({}, {"with space/x y.txt": "z\n"}),
    "name beyond ASCII": make_diff({}, {"é/日本.py": "z\n"}),
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("base")
    for name, text in BASE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    (folder / "link").symlink_to("pkg")
    return Source(path=str(folder))


@pytest.fixture(scope="module")
def local(source: Source) -> Iterator[Sandbox]:
    backend = LocalBackend()
    instance = Instance(problem=Problem(instance_id="tests__local-1", statement=""), source=source, trusted=True)
    yield backend.open(instance)
    backend.close()


@pytest.fixture(scope="module")
def docker(base_image: str, source: Source) -> Iterator[Sandbox]:
    backend: SandboxBackend = DockerBackend(run_id="tests-validation")
    problem = Problem(instance_id="tests__d-1", statement="")
    yield backend.open(Instance(problem=problem, image=base_image, source=source))
    backend.close()


@pytest.fixture(params=["local", "docker"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    found: Sandbox = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def official(local: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bool]:
    """Say whether the official chain applies a patch to a whole copy of the base tree."""
    folder = tmp_path_factory.mktemp("whole")

    return lambda patch: applies(patch, Path(local.workdir), folder)


@pytest.mark.parametrize("name", TRIED)
def test_patch_is_valid_where_the_official_chain_takes_it(
    name: str, local: Sandbox, official: Callable[[str], bool]
) -> None:
    found = validate(TRIED[name], lambda: local)
    assert found.valid == official(TRIED[name]), found
    assert found.kind is (PatchKind.OK if found.valid else PatchKind.DOES_NOT_APPLY)
    assert bool(found.reason) != found.valid


def test_container_says_what_the_local_sandbox_says(docker: Sandbox, local: Sandbox) -> None:
    names = ("good", "hopeless", "fuzzy", "two files, one hopeless", "through a link", "an ignored file twice")
    found = [[validate(TRIED[name], lambda at=place: at) for name in names] for place in (docker, local)]
    assert found[0] == found[1]
    assert {one.valid for one in found[0]} == {True, False}


def test_what_the_arm_did_is_left_alone_and_has_no_say(sandbox: Sandbox) -> None:
    state = "git status --porcelain; git diff HEAD; md5sum .git/index .git/config; ls -R .git ${TMPDIR:-/tmp}"
    sandbox.write({"a.txt": EDITED.encode(), "pkg/mod.py": b"", "new.txt": b"new\n"})
    sandbox.run("git add pkg/mod.py; git config apply.whitespace error-all; rm dos.txt", timeout_s=20)
    before = sandbox.run(state, timeout_s=20).output
    found = [validate(patch, lambda: sandbox).kind for patch in (GOOD, HOPELESS, TWO, TRIED["through a link"])]
    after = sandbox.run(state, timeout_s=20).output
    sandbox.run("git config --unset apply.whitespace; git reset -q --hard; git clean -qfd", timeout_s=20)
    assert found == [PatchKind.OK, PatchKind.DOES_NOT_APPLY, PatchKind.OK, PatchKind.OK]
    assert before == after


def test_patch_is_tried_on_the_commit_that_is_named(sandbox: Sandbox) -> None:
    base = sandbox.run("git rev-parse HEAD", timeout_s=20).output.strip()
    commit = "git -c user.name=a -c user.email=a@example.invalid commit -qam mine"
    sandbox.run(f"sed -i 's/line 9$/line nine/; s/line 1[0-4]$/other/' a.txt && {commit}", timeout_s=20)
    found = validate(GOOD, lambda: sandbox), validate(GOOD, lambda: sandbox, base=base)
    sandbox.run(f"git reset -q --hard {base}", timeout_s=20)
    assert [one.kind for one in found] == [PatchKind.DOES_NOT_APPLY, PatchKind.OK]


def test_commit_that_cannot_be_laid_out_costs_no_patch(local: Sandbox) -> None:
    found = validate(HOPELESS, lambda: local, base="nowhere")
    assert found.valid
    assert found.reason == "not tried on the base commit: the base commit could not be laid out"


def test_refusal_says_what_the_first_command_said(local: Sandbox) -> None:
    found = validate(HOPELESS, lambda: local)
    assert found.as_json() == {
        "valid": False,
        "kind": "does_not_apply",
        "reason": "error: patch failed: a.txt:7",
        "size_bytes": len(HOPELESS),
    }


def test_absolute_path_that_does_not_apply_is_told_as_such(local: Sandbox) -> None:
    found = validate(
        CONTEXT_FREE.replace("a/a.txt", "/testbed/a.txt").replace("b/a.txt", "/testbed/a.txt"), lambda: local
    )
    assert (found.kind, found.reason) == (PatchKind.OUTSIDE, "'/testbed/a.txt' is no path inside the repository")


@pytest.mark.parametrize(
    ("patch", "kind", "reason"),
    [
        ("", PatchKind.EMPTY, "there is no patch"),
        (" \n\n", PatchKind.EMPTY, "there is no patch"),
        ("I cannot help.", PatchKind.NOT_A_DIFF, "no unified diff, it begins 'I cannot help.'"),
        ("*** a.txt\n--- a.txt\n***************\n", PatchKind.NOT_A_DIFF, "no unified diff, it begins '*** a.txt"),
        (GOOD + "+" * 5_000_000, PatchKind.TOO_LARGE, "5 MB, at most 5 are accepted"),
        (
            "diff --git a/x.bin b/x.bin\nindex 1..2 100644\nGIT binary patch\nliteral 0\nHcmV?d00001\n\n",
            PatchKind.BINARY,
            "it changes the binary file 'x.bin'",
        ),
        (
            f"{GOOD}diff --git a/é.png b/é.png\nindex 1..2\nBinary files a/é.png and b/é.png differ\n",
            PatchKind.BINARY,
            "it changes the binary file 'é.png'",
        ),
        (GOOD.replace("a.txt", "../a.txt"), PatchKind.OUTSIDE, "'a/../a.txt' leads out of the repository"),
        (RENAMED.replace("rename to pkg", "rename to ../.."), PatchKind.OUTSIDE, "'a/../../other.py' leads out"),
        (GOOD, PatchKind.OK, ""),
        (GOOD.replace("line ten", "GIT binary patch"), PatchKind.OK, ""),
        (make_diff({"x": "-- ../a\n"}, {"x": "++ ../b\n"}), PatchKind.OK, ""),
    ],
)
def test_text_of_a_patch_tells(patch: str, kind: PatchKind, reason: str) -> None:
    found = inspect(patch)
    assert (found.kind, found.size_bytes) == (kind, len(as_bytes(patch)))
    assert found.reason.startswith(reason)
    assert bool(reason) == bool(found.reason)


def test_sandbox_is_asked_for_only_if_the_text_holds_up() -> None:
    def none() -> Sandbox:
        raise AssertionError("asked for")

    assert validate("", none) == Validation(PatchKind.EMPTY, "there is no patch", 0)
    with pytest.raises(AssertionError, match="asked for"):
        validate(GOOD, none)


def test_limit_is_the_callers() -> None:
    assert inspect(GOOD, max_bytes=len(GOOD)).valid
    assert inspect(GOOD, max_bytes=len(GOOD) - 1).kind is PatchKind.TOO_LARGE


@given(data=st.data())
@settings(max_examples=15)
def test_damaged_patches_are_judged_as_by_the_official_chain(
    local: Sandbox, official: Callable[[str], bool], data: st.DataObject
) -> None:
    lines = TWO.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        what = data.draw(st.sampled_from(["drop", "double", "blank", "shift", "swap"]))
        if what == "drop":
            lines[at : at + 1] = []
        elif what == "double":
            lines.insert(at, lines[at])
        elif what == "blank":
            lines[at] = "\n"
        elif what == "shift":
            lines[at] = f" {lines[at]}"
        else:
            lines[at] = lines[at].replace("1", "2").replace("a/", "b/")
    patch = "".join(lines)
    if inspect(patch).valid:
        assert validate(patch, lambda: local).valid == official(patch)


def test_some_real_predictions_are_judged_as_by_the_official_chain(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "predictions" / "CodeR_lite.jsonl"
    patches = [json.loads(line)["model_patch"] for line in path.read_text(encoding="utf-8").splitlines()[::50]]
    backend = LocalBackend()
    for number, patch in enumerate(filter(None, patches)):
        for name, tried in (("whole", patch), ("damaged", patch.replace("\n- ", "\n- not ", 1))):
            sandbox = backend.open(told_instance(tmp_path / f"{name}{number}", patch))
            kind = validate(tried, lambda at=sandbox: at).kind
            applied = applies(tried, Path(sandbox.workdir), tmp_path)
            assert (kind is PatchKind.OK) == applied or (kind is PatchKind.BINARY and applied)
    backend.close()
