"""Turn `repos/` and `fixes/` into what the experiment reads: one git bundle a repository, and `tasks.jsonl`.

    python -m local_tasks.make        (in the folder above)

A repository cannot hold another one, but git clones a bundle, a single file, like any other URL. Names and dates
are fixed, so the same trees give the same commits everywhere.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
TASKS: Final = HERE / "tasks.jsonl"
TAG: Final = "v1.0"

# task -> repository, ref and the tests that judge it ("" for all)
SELECTED: Final = {
    "pagination-links": ("pagination", "main", "test_links"),
    "pagination-pages": ("pagination", TAG, "test_pages"),
    "ratelimit-idle": ("ratelimit", "main", "not wait"),
    "ratelimit-wait": ("ratelimit", "", "wait"),
    "textfit-ellipsis": ("textfit", "main", ""),
}
STATEMENTS: Final = {
    "pagination-links": "window(5, 20) shows a gap between 1 and 3 although only page 2 is missing there. A gap that "
    "stands for one page should show that page.",
    "pagination-pages": "page(items, 1, 3) starts with the fourth item, and a list that fills its pages exactly gets "
    "an empty page at the end. An empty list should keep its one empty page.",
    "ratelimit-idle": "After a quiet minute a bucket lets through far more calls at once than its capacity.",
    "ratelimit-wait": "Bucket.wait_s() is negative when there are tokens to spare; sleeping for that long raises.",
    "textfit-ellipsis": "shorten() returns more columns than it was given room for: the ellipsis comes on top. Where "
    "there is no room for the whole ellipsis, as much of it as fits should be returned.",
}


def rows() -> list[dict[str, Any]]:
    """Return the tasks, one object each, sorted by id."""
    return [
        {
            "task_id": task_id,
            "repo": f"{repo}.bundle",
            "ref": ref,
            "pytest_k": pytest_k,
            "problem_statement": STATEMENTS[task_id],
            "patch_b64": base64.b64encode((HERE / "fixes" / f"{task_id}.patch").read_bytes()).decode(),
            "timeouts": {"clone": 30, "test": 60},
            "trusted": True,
        }
        for task_id, (repo, ref, pytest_k) in sorted(SELECTED.items())
    ]


def bundle(repo: str, target: Path) -> None:
    """Write a bundle of `repos/<repo>` at a tag, with one more commit after it on `main`."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, repo)
        shutil.copytree(HERE / "repos" / repo, tree, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        _git(tree, "-c", "init.defaultBranch=main", "init", "--quiet", "--template=")
        _git(tree, "add", "--all")
        _git(tree, "commit", "--quiet", "--message", "Release 1.0")
        _git(tree, "tag", TAG)
        (tree / "NEWS").write_text("1.0: first release\n", encoding="utf-8")
        _git(tree, "add", "--all")
        _git(tree, "commit", "--quiet", "--message", "Tell the news")
        _git(tree, "bundle", "create", "--quiet", str(target), "HEAD", "main", TAG)


def _git(tree: Path, *arguments: str) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    who = {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", "tasks"), ("EMAIL", "tasks@example.invalid"), ("DATE", "2000-01-01T00:00:00Z"))
    }
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *arguments], cwd=tree, env=kept | who | own, check=True)


def main() -> None:
    """Write every bundle and the file of tasks."""
    for repo in sorted({repo for repo, _, _ in SELECTED.values()}):
        bundle(repo, HERE / f"{repo}.bundle")
    TASKS.write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")


if __name__ == "__main__":
    main()
