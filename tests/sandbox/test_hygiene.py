from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import InfraError
from pytest_swebench.sandbox import images
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.hygiene import LEFTOVERS, SCRIPT, clean_repository, describe, git_environment, proof

if TYPE_CHECKING:
    from docker import DockerClient

IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")

# A submodule that stands at its present: a later commit is in a pack, on a branch, tagged, and in the reflog.
SUBMODULE = """
FROM {}
SHELL ["/bin/bash", "-c"]
RUN git init -q -b main /up && cd /up && git config user.name a && git config user.email a@example.invalid && \\
    for word in past now future; do echo $word > app.py && git add . && git commit -q -m $word || exit 1; done && \\
    git tag later && git rev-parse HEAD HEAD^{{tree}} HEAD:app.py > /tmp/hashes && cd /testbed && \\
    git -c protocol.file.allow=always submodule add -q /up lib && cd lib && git repack -a -d -q && \\
    git checkout -q --detach HEAD~1 && cd .. && git add -A && git commit -q -m sub && rm -rf /up
"""

DERIVE = """
import sys
from pytest_swebench.sandbox import images
from pytest_swebench.sandbox.engine import connect
client = connect()
print(images.clean(client, sys.argv[1], "/testbed", {}).name)
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


@pytest.fixture
def with_submodule(repository: Path, tmp_path: Path) -> Path:
    """A repository with a submodule that stands at its present but knows its future."""
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q", "-b", "main")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repository), "lib/sub")
    git(outer / "lib" / "sub", "checkout", "-q", "--detach", "v-now")
    git(outer, "add", "-A")
    git(outer, "commit", "-q", "-m", "with submodule")
    return outer


def test_future_of_a_submodule_is_unreadable(repository: Path, with_submodule: Path) -> None:
    future, blob = git(repository, "rev-parse", "v-future"), git(repository, "rev-parse", "v-future:app.py")
    inner = with_submodule / "lib" / "sub"
    git(inner, "repack", "-a", "-d", "-q")
    assert git(inner, "cat-file", "-p", blob) == "future"
    proof = clean_repository(with_submodule)
    for name in (future, blob):
        git(inner, "cat-file", "-e", name, code=1)
    assert git(inner, "log", "--all", "--format=%s") == "now\npast"
    assert git(inner, "remote") == ""
    assert git(with_submodule, "submodule", "status").split()[0] == git(inner, "rev-parse", "HEAD")
    assert git(with_submodule, "status", "--porcelain") == ""
    (nested,) = proof["nested"]
    assert nested["path"] == ".git/modules/lib/sub"
    assert (nested["head"], nested["commits"], nested["unreachable"]) == (git(inner, "rev-parse", "HEAD"), 2, 0)
    assert "ref refs/tags/v-future" in nested["removed"]
    assert nested["objects_removed"] >= 3


def test_submodule_without_its_work_tree_is_cleaned(repository: Path, with_submodule: Path) -> None:
    shutil.rmtree(with_submodule / "lib")
    blob = git(repository, "rev-parse", "v-future:app.py")
    module = with_submodule / ".git" / "modules" / "lib" / "sub"
    git(tmp := module.parent, "--git-dir", str(module), "--work-tree", str(tmp), "cat-file", "-e", blob)
    clean_repository(with_submodule)
    git(tmp, "--git-dir", str(module), "--work-tree", str(tmp), "cat-file", "-e", blob, code=1)


def test_repositories_nested_in_the_tree_are_cleaned(repository: Path, tmp_path: Path) -> None:
    nested, empty = repository / "vendor" / "one", repository / "vendor" / "empty"
    git(tmp_path, "clone", "-q", str(repository), str(nested))
    git(nested, "reset", "-q", "--hard", "v-past")
    empty.mkdir()
    git(empty, "init", "-q")
    (empty / "x").write_text("never committed")
    lost = git(empty, "hash-object", "-w", "x")
    (repository / "vendor" / "broken").mkdir()
    (repository / "vendor" / "broken" / ".git").write_text("gitdir: /nowhere")
    proof = clean_repository(repository)
    assert git(nested, "log", "--all", "--format=%s") == "past"
    git(empty, "cat-file", "-e", lost, code=1)
    assert [(entry["path"], entry["commits"], entry["newest_commit"] == "") for entry in proof["nested"]] == [
        ("vendor/empty/.git", 0, True),
        ("vendor/one/.git", 1, False),
    ]


def test_repository_elsewhere_is_unlinked_and_left_alone(repository: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    git(tmp_path, "clone", "-q", str(repository), str(theirs))
    git(theirs, "reset", "-q", "--hard", "v-past")
    git(theirs, "worktree", "add", "-q", "--detach", str(repository / "tree"), "v-now")
    (repository / "linked").mkdir()
    (repository / "linked" / ".git").symlink_to(theirs / ".git")
    git(repository, "worktree", "add", "-q", "--detach", str(repository / "own"), "v-past")
    proof = clean_repository(repository)
    assert {"link tree/.git", "link linked/.git", "link own/.git"} <= set(proof["removed"])
    assert proof["nested"] == []
    assert not any((repository / name / ".git").exists() for name in ("tree", "linked", "own"))
    assert set(git(theirs, "log", "--all", "--format=%s").split()) == {"future", "now", "past"}


@pytest.mark.parametrize("name", [".git", ".git/objects"])
def test_repository_that_lies_elsewhere_is_refused(repository: Path, tmp_path: Path, name: str) -> None:
    future = git(repository, "rev-parse", "v-future")
    git(repository, "reset", "-q", "--hard", "v-now")
    theirs = tmp_path / "theirs"
    shutil.move(repository / name, theirs)
    (repository / name).symlink_to(theirs)
    with pytest.raises(InfraError, match="is a link out of it; give a real clone"):
        clean_repository(repository)
    git(repository, "cat-file", "-e", future)


def test_proof_names_the_newest_commit_and_counts(repository: Path) -> None:
    git(repository, "reset", "-q", "--hard", "v-now")
    proof = clean_repository(repository)
    date = datetime.fromtimestamp(int(git(repository, "log", "-1", "--format=%ct")), UTC).isoformat()
    assert proof == {
        "head": git(repository, "rev-parse", "HEAD"),
        "commits": 2,
        "newest_commit": date,
        "refs_kept": 3,
        "refs_removed": 1,
        "remotes_removed": 0,
        "states_removed": 1,
        "objects_removed": 3,
        "unreachable": 0,
        "removed": ["ref refs/tags/v-future", "state ORIG_HEAD"],
        "nested": [],
    }


def test_grafts_and_replacements_hide_nothing(repository: Path) -> None:
    future = git(repository, "rev-parse", "v-future")
    git(repository, "reset", "-q", "--hard", "v-now")
    now = git(repository, "rev-parse", "HEAD")
    git(repository, "tag", "-d", "v-future")
    git(repository, "replace", now, future)
    (repository / ".git" / "info").mkdir(exist_ok=True)
    (repository / ".git" / "info" / "grafts").write_text(f"{now} {future}\n")
    clean_repository(repository)
    git(repository, "cat-file", "-e", future, code=1)
    assert git(repository, "log", "--format=%s") == "now\npast"


def test_leftovers_are_listed_with_the_repository_they_lie_in(with_submodule: Path) -> None:
    command = ["bash", "-c", SCRIPT, "hygiene", str(with_submodule), "check"]
    done = subprocess.run(command, capture_output=True, text=True, env=git_environment(), check=False)
    assert done.returncode == LEFTOVERS
    assert ".git/modules/lib/sub: ref refs/tags/v-future\n" in done.stdout
    message = describe("here", done.returncode, done.stdout)
    assert "git history beyond HEAD is still readable" in message
    assert "proof\t" not in message
    assert proof(done.stdout)["nested"][0]["unreachable"] == 3  # commit, tree and file


def test_arm_cannot_read_the_future_in_a_leaky_image(
    docker_client: DockerClient, docker_backend: DockerBackend, leaky_instance: Instance
) -> None:
    raw = docker_client.containers.run(
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


def test_derived_image_keeps_the_settings_and_names_no_owner(docker_client: DockerClient, leaky_image: str) -> None:
    name = images.clean(docker_client, leaky_image, "/testbed", {"pytest_swebench.owner_pid": "1"}).name
    derived, origin = docker_client.images.get(name), docker_client.images.get(leaky_image)
    assert derived.id != origin.id
    assert derived.labels["keeps"] == "this"
    assert derived.labels[images.LABEL_ORIGIN] == origin.id
    assert derived.labels.get("pytest_swebench.owner_pid", "") == ""
    assert derived.attrs["Config"]["Env"] == origin.attrs["Config"]["Env"]


def test_clean_image_gets_its_proof_and_nothing_else(docker_client: DockerClient, base_image: str) -> None:
    recipe = (
        f"FROM {base_image}\nWORKDIR /testbed\n"
        "RUN git init -q . && echo x > f && git add . && git -c user.name=a -c user.email=a@b.c commit -q -m one\n"
    )
    image, _ = docker_client.images.build(fileobj=BytesIO(recipe.encode()), rm=True, network_mode="none")
    made = images.clean(docker_client, str(image.id), "/testbed", {})
    derived = docker_client.images.get(made.name)
    assert derived.attrs["RootFS"]["Layers"][: len(image.attrs["RootFS"]["Layers"])] == image.attrs["RootFS"]["Layers"]
    assert derived.attrs["Size"] == image.attrs["Size"]
    assert (made.history["commits"], made.history["removed"], made.history["unreachable"]) == (1, [], 0)


def test_proof_says_what_was_removed_and_is_kept_with_the_image(docker_client: DockerClient, leaky_image: str) -> None:
    made = images.clean(docker_client, leaky_image, "/testbed", {})
    history = made.history
    now = docker_client.containers.run(leaky_image, ["cat", "/tmp/now"], remove=True).decode().strip()
    assert (history["head"], history["commits"], history["unreachable"]) == (now, 2, 0)
    assert history["refs_kept"] == 2  # the branch and the tag of the past
    assert history["remotes_removed"] == 1
    assert history["objects_removed"] >= 4  # commit, tree, file and tag of the future
    assert {"ref refs/tags/v2", "ref refs/heads/dev", "ref refs/stash", "remote origin"} <= set(history["removed"])
    assert json.loads(docker_client.images.get(made.name).labels[images.LABEL_HISTORY]) == history
    assert images.clean(docker_client, leaky_image, "/testbed", {}) == made


def test_nothing_of_the_future_is_left_in_an_image_with_a_submodule(
    docker_client: DockerClient, leaky_image: str
) -> None:
    recipe = BytesIO(SUBMODULE.format(leaky_image).encode())
    image, _ = docker_client.images.build(fileobj=recipe, rm=True, network_mode="none")
    look = "cd $0; for hash in $(cat /tmp/hashes); do git cat-file -e $hash && echo found; done; cat /testbed/lib/*.py"

    def shown(name: str, folder: str) -> bytes:
        seen: bytes = docker_client.containers.run(name, [look, folder], entrypoint=["bash", "-c"], remove=True)
        return seen

    assert shown(str(image.id), "/testbed/lib") == b"found\nfound\nfound\nnow\n"
    made = images.clean(docker_client, str(image.id), "/testbed", {})
    assert shown(made.name, "/testbed/lib") == shown(made.name, "/testbed") == b"now\n"
    (nested,) = made.history["nested"]
    assert (nested["path"], nested["commits"], nested["unreachable"]) == (".git/modules/lib", 2, 0)
    assert (nested["refs_removed"], made.history["unreachable"]) == (4, 0)  # branch, tag, two of the remote
    docker_client.images.remove(made.name, force=True)


def test_image_without_a_repository_is_told(docker_client: DockerClient, base_image: str) -> None:
    with pytest.raises(InfraError, match=r"folder '/tmp': no git repository with a commit"):
        images.clean(docker_client, base_image, "/tmp", {})


def test_many_processes_derive_an_image_once(docker_client: DockerClient, leaky_image: str) -> None:
    docker_client.images.remove(images.clean(docker_client, leaky_image, "/testbed", {}).name, force=True)
    command = [sys.executable, "-c", DERIVE, leaky_image]

    def derive(_: int) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    with ThreadPoolExecutor(4) as pool:
        names = set(pool.map(derive, range(4)))
    (name,) = names
    made = docker_client.images.list(
        filters={"label": f"{images.LABEL_ORIGIN}={docker_client.images.get(leaky_image).id}"}
    )
    assert len([image for image in made if name in image.tags]) == 1
    untagged = docker_client.images.list(filters={"dangling": True, "label": images.LABEL_ORIGIN})
    assert untagged == []  # a second one would have taken the name away from the first
