"""A folder made a git repository, whatever the settings and hooks of whoever runs the tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pytest_swebench.sandbox.hygiene import git_environment


def committed(folder: Path) -> str:
    """Make `folder` a repository of one commit, all that it holds, and return that commit; always the same one."""
    date = "2024-05-01T12:00:00Z"
    environment = git_environment() | {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}

    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=m", "-c", "user.email=m@example.invalid", *arguments]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-q", "-m", "as it is")
    return git("rev-parse", "HEAD")
