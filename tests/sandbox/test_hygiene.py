from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import InfraError
from pytest_swebench.sandbox import images
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.hygiene import clean_repository, git_environment

if TYPE_CHECKING:
    from docker import DockerClient

IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")

DERIVE = """
import sys
from pytest_swebench.sandbox import images
from pytest_swebench.sandbox.engine import connect
client = connect()
print(images.cleaned(client, sys.argv[1], "/testbed", {}))
client.close()
"""


def git(folder: Path, *arguments: str, code: int = 0) -> str:
    command = ["git", *IDENTITY, *arguments]
    done = subprocess.run(command, cwd=folder, env=git_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for state in ("past", "now", "future"):
        (folder / "app.py").write_text(state)
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", state)
        git(folder, "tag", f"v-{state}")
    return folder


def test_later_commit_is_unreadable_by_its_hash(repository: Path) -> None:
    future = git(repository, "rev-parse", "v-future")
    blob = git(repository, "rev-parse", "v-future:app.py")
    git(repository, "branch", "dev")
    git(repository, "repack", "-a", "-d", "-q")
    git(repository, "reset", "-q", "--hard", "v-now")
    assert git(repository, "cat-file", "-p", blob) == "future"
    clean_repository(repository)
    for name in (future, blob, "v-future", "dev", "ORIG_HEAD"):
        git(repository, "cat-file", "-e", name, code=128 if len(name) != 40 else 1)
    assert git(repository, "log", "--format=%s") == "now\npast"
    assert (repository / "app.py").read_text() == "now"


def test_past_tags_stay_and_later_ones_go(repository: Path) -> None:
    git(repository, "reset", "-q", "--hard", "v-now")
    clean_repository(repository)
    assert git(repository, "tag").split() == ["v-now", "v-past"]


def test_remotes_stashes_worktrees_and_alternates_go(repository: Path, tmp_path: Path) -> None:
    borrowing = tmp_path / "borrowing"
    git(tmp_path, "clone", "-q", "--shared", str(repository), str(borrowing))
    git(borrowing, "fetch", "-q", "origin")
    git(borrowing, "reset", "-q", "--hard", "HEAD~1")
    (borrowing / "app.py").write_text("stashed")
    git(borrowing, "stash")
    git(borrowing, "worktree", "add", "-q", str(tmp_path / "tree"), "origin/main")
    clean_repository(borrowing)
    assert git(borrowing, "remote") == ""
    assert git(borrowing, "for-each-ref", "--format=%(refname)").split() == [
        "refs/heads/main",
        "refs/tags/v-now",
        "refs/tags/v-past",
    ]
    for name in ("FETCH_HEAD", "ORIG_HEAD", "worktrees", "objects/info/alternates"):
        assert not (borrowing / ".git" / name).exists(), name
    assert git(borrowing, "fsck", "--unreachable", "--no-reflogs") == ""


def test_staged_work_survives(repository: Path) -> None:
    (repository / "staged.txt").write_text("staged")
    git(repository, "add", "staged.txt")
    clean_repository(repository)
    assert git(repository, "show", ":staged.txt") == "staged"


def test_folder_without_repository_is_told(tmp_path: Path) -> None:
    with pytest.raises(InfraError, match="no git repository with a commit"):
        clean_repository(tmp_path)


def test_folder_inside_a_repository_is_not_taken_for_one(repository: Path) -> None:
    inner = repository / "inner"
    inner.mkdir()
    with pytest.raises(InfraError, match="no git repository with a commit"):
        clean_repository(inner)


def test_arm_cannot_read_the_future_in_a_leaky_image(
    client: DockerClient, docker_backend: DockerBackend, leaky_instance: Instance
) -> None:
    raw = client.containers.run(
        leaky_instance.image, ["bash", "-c", "git show $(cat /tmp/future):app.py; cat .git/FETCH_HEAD"], remove=True
    )
    assert b"the answer is 42" in raw
    sandbox = docker_backend.open(leaky_instance)
    probe = sandbox.run(
        "git show $(cat /tmp/future):app.py; git log --all --format=%s; git tag; git remote; git stash list; "
        "git reflog; ls .git; git fsck --unreachable --no-reflogs; grep -r 'answer is' . ; cat app.py",
        timeout_s=60,
    ).output
    assert "answer" not in probe
    assert "future" not in probe
    assert "bad object" in probe or "fatal" in probe
    assert sandbox.run("git log --format=%s; git tag", timeout_s=30).output == "now\npast\nv1\n"
    assert sandbox.diff() == ""


def test_derived_image_keeps_the_settings_and_names_no_owner(client: DockerClient, leaky_image: str) -> None:
    name = images.cleaned(client, leaky_image, "/testbed", {"pytest_swebench.owner_pid": "1"})
    derived, origin = client.images.get(name), client.images.get(leaky_image)
    assert derived.id != origin.id
    assert derived.labels["keeps"] == "this"
    assert derived.labels[images.LABEL_ORIGIN] == origin.id
    assert derived.labels.get("pytest_swebench.owner_pid", "") == ""
    assert derived.attrs["Config"]["Env"] == origin.attrs["Config"]["Env"]


def test_clean_image_is_used_as_it_is(client: DockerClient, base: str) -> None:
    recipe = (
        f"FROM {base}\nWORKDIR /testbed\n"
        "RUN git init -q . && echo x > f && git add . && git -c user.name=a -c user.email=a@b.c commit -q -m one\n"
    )
    image, _ = client.images.build(fileobj=BytesIO(recipe.encode()), rm=True, network_mode="none")
    name = images.cleaned(client, str(image.id), "/testbed", {})
    assert client.images.get(name).id == image.id


def test_many_processes_derive_an_image_once(client: DockerClient, leaky_image: str) -> None:
    client.images.remove(images.cleaned(client, leaky_image, "/testbed", {}), force=True)
    command = [sys.executable, "-c", DERIVE, leaky_image]

    def derive(_: int) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    with ThreadPoolExecutor(4) as pool:
        names = set(pool.map(derive, range(4)))
    made = client.images.list(filters={"label": f"{images.LABEL_ORIGIN}={client.images.get(leaky_image).id}"})
    assert len(names) == len(made) == 1
