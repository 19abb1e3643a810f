"""An instance: what an arm may see (`Problem`), what only grading may see (`Hidden`), and where its tree comes from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from pytest_swebench.cell import digest

PRO: Final = "swe_bench_pro"
"""The `eval_type` of SWE-bench Pro: ours, since its rows name none and the official package does not grade them."""

WORKDIR: Final = "/testbed"
"""Where the repository lies in the images of the field."""


class Kind(StrEnum):
    """What an instance asks for."""

    ISSUE = "issue"  # a repository and an issue; the patch is graded by hidden tests
    TASK = "task"  # a repository at a ref whose own tests decide
    SCENARIO = "scenario"  # a prompt; the answer is captured, nothing is graded


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the base tree comes from when no image holds it: a folder, or a git URL (or path) at a ref."""

    path: str = ""
    url: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The stages of a local task: what is cloned, which of its tests decide, and the seconds each stage may take.

    Tests are those in `pytest_paths` (empty: all) which `pytest_k` selects (empty: all of them).
    """

    ref: str = ""
    pytest_k: str = ""
    pytest_paths: tuple[str, ...] = ()
    timeouts_s: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """All that an arm may know of an instance; `task` is there for local tasks only."""

    instance_id: str
    statement: str
    repo: str = ""
    base_commit: str = ""
    version: str = ""
    language: str = ""
    category: str = ""
    workdir: str = WORKDIR
    task: Task | None = None

    @property
    def in_python(self) -> bool:
        """Whether it is about Python, as it is where nothing is said of the language."""
        return self.language.lower() in {"", "python"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """What must enter no prompt and no working sandbox: the answer and the tests that judge it.

    `eval_type` is `pass_and_fail` or `fail_only` as in the official package, `exit_code` for tasks whose own test
    command decides, or `PRO`. `image_assets` has the official shape `{"test_patch": [{"path": ..., "url": ...}]}`.
    `files` holds by name what else the eval script of a Pro instance needs.
    """

    gold_patch: str = ""
    test_patch: str = ""
    fail_to_pass: tuple[str, ...] = ()
    pass_to_pass: tuple[str, ...] = ()
    hints: str = ""
    eval_script: str = ""
    log_parser: str = ""
    eval_type: str = ""
    image_assets: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One benchmark problem.

    `exceptions` holds what its containers get beyond or below the usual: see `datasets.allowances`.
    """

    problem: Problem
    hidden: Hidden = field(default_factory=Hidden)
    kind: Kind = Kind.ISSUE
    image: str = ""
    source: Source | None = None
    trusted: bool = False
    timeouts_s: dict[str, float] = field(default_factory=dict)
    exceptions: dict[str, Any] = field(default_factory=dict)

    @property
    def instance_id(self) -> str:
        """Return the id, unique within a dataset."""
        return self.problem.instance_id

    @property
    def digest(self) -> str:
        """Return a digest over everything that shapes the answer or the verdict, but not where files lie here."""
        content = self.as_json()
        if self.problem.task is None:  # instances that are no tasks keep the digest they had before there were any
            del content["problem"]["task"]
        if self.source is not None:
            for name in ("path", "url"):
                place = content["source"][name]
                content["source"][name] = place if "://" in place else Path(place).name
        return digest(content)

    def missing_for_grading(self) -> tuple[str, ...]:
        """Name the columns that grading needs and this row lacks; empty when it can be graded."""
        if self.kind is Kind.SCENARIO:
            return ()
        needed: dict[str, object] = {
            "eval_script": self.hidden.eval_script,
            "log_parser": self.hidden.log_parser or self.hidden.eval_type == "exit_code",
            "eval_type": self.hidden.eval_type,
            "image": self.image or self.source,
        }
        if self.hidden.eval_type == PRO:
            needed = {
                "before_repo_set_cmd or selected_test_files_to_run": self.hidden.eval_script,
                "run scripts (--pro-scripts)": self.hidden.files,
                "image": self.image,
            }
        return tuple(name for name, value in needed.items() if not value)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON data that `from_json` turns back into an equal instance."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Instance:
        """Rebuild an instance from `as_json`."""
        hidden = dict(data["hidden"])
        for name in ("fail_to_pass", "pass_to_pass"):
            hidden[name] = tuple(hidden[name])
        problem, source = dict(data["problem"]), data["source"]
        if task := problem.get("task"):
            problem["task"] = Task(**task | {"pytest_paths": tuple(task["pytest_paths"])})
        rest = {name: data[name] for name in ("image", "trusted", "timeouts_s", "exceptions")}
        return cls(
            problem=Problem(**problem),
            hidden=Hidden(**hidden),
            kind=Kind(data["kind"]),
            source=None if source is None else Source(**source),
            **rest,
        )
