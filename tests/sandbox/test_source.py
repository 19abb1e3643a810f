from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_swebench.datasets.instance import Source
from pytest_swebench.errors import DatasetError, InfraError
from pytest_swebench.sandbox.hygiene import git_environment
from pytest_swebench.sandbox.source import check_path, materialise
from tests.support.git_server import GitServer


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.invalid", *arguments]
    done = subprocess.run(command, cwd=folder, env=git_environment(), capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    folder = tmp_path / "upstream"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "trunk")
    for number in (1, 2, 3):
        (folder / "app.py").write_text(f"{number}\n")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", f"c{number}")
        git(folder, "tag", f"v{number}")
    git(folder, "branch", "stable", "v2")
    return folder


def test_folder_becomes_one_reproducible_commit(tree: Path, tmp_path: Path) -> None:
    (tree / "src/__pycache__").mkdir()
    (tree / "src/__pycache__/core.pyc").write_bytes(b"litter")
    (tree / ".gitignore").write_text("data.bin\n")
    heads = []
    for name in ("one", "two"):
        materialise(Source(path=str(tree)), tmp_path / name)
        heads.append(git(tmp_path / name, "rev-parse", "HEAD"))
    assert heads[0] == heads[1]
    assert git(tmp_path / "one", "ls-files").split() == [
        ".gitignore",
        "README.md",
        "data.bin",
        "run.sh",
        "src/core.py",
        "src/gone.py",
    ]
    assert git(tmp_path / "one", "status", "--porcelain") == ""


def test_litter_of_running_the_project_is_ignored(tree: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    materialise(Source(path=str(tree)), target)
    (target / "src/__pycache__").mkdir()
    (target / "src/__pycache__/x.pyc").write_bytes(b"x")
    assert git(target, "status", "--porcelain") == ""


@pytest.mark.parametrize(("ref", "content"), [("", "3"), ("trunk", "3"), ("stable", "2"), ("v1", "1"), ("hash", "2")])
def test_clone_stands_at_the_ref_without_its_future(upstream: Path, tmp_path: Path, ref: str, content: str) -> None:
    wanted = git(upstream, "rev-parse", "v2") if ref == "hash" else ref
    target = tmp_path / "target"
    materialise(Source(url=str(upstream), ref=wanted), target, clone_timeout_s=60)
    assert (target / "app.py").read_text() == f"{content}\n"
    subjects = git(target, "log", "--all", "--topo-order", "--format=%s").split()
    assert subjects == [f"c{number}" for number in range(int(content), 0, -1)]
    assert git(target, "remote") == ""


def test_folder_with_history_keeps_it_and_loses_its_future(upstream: Path, tmp_path: Path) -> None:
    git(upstream, "reset", "-q", "--hard", "v2")
    materialise(Source(path=str(upstream)), tmp_path / "target")
    assert git(tmp_path / "target", "log", "--all", "--topo-order", "--format=%s").split() == ["c2", "c1"]
    assert git(upstream, "tag").split() == ["v1", "v2", "v3"]


def test_worktree_does_not_lead_back_to_its_repository(upstream: Path, tmp_path: Path) -> None:
    worktree = tmp_path / "worktree"
    git(upstream, "worktree", "add", "-q", str(worktree), "v1")
    materialise(Source(path=str(worktree)), tmp_path / "target")
    assert git(tmp_path / "target", "log", "--all", "--topo-order", "--format=%s") == "base"
    assert (worktree / ".git").is_file()


def test_hooks_and_settings_of_the_source_do_not_run(upstream: Path, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    script = upstream / ".git/hooks/post-checkout"
    script.write_text(f"#!/bin/sh\ntouch '{witness}'\n")
    script.chmod(0o755)
    git(upstream, "config", "core.fsmonitor", str(script))
    materialise(Source(path=str(upstream)), tmp_path / "copy")
    materialise(Source(url=str(upstream)), tmp_path / "clone", clone_timeout_s=60)
    assert not witness.exists()
    assert (tmp_path / "clone/app.py").exists()


def test_unknown_ref_is_named(upstream: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no ref 'v9'; give a branch, tag or commit"):
        materialise(Source(url=str(upstream), ref="v9"), tmp_path / "target", clone_timeout_s=60)


@pytest.mark.parametrize("ref", ["", "v1", "stable", "commit"])
def test_one_commit_is_fetched_from_a_server(upstream: Path, tmp_path: Path, ref: str) -> None:
    wanted = git(upstream, "rev-parse", "v1") if ref == "commit" else ref
    with GitServer(tmp_path) as server:
        materialise(Source(url=f"{server.url}/upstream", ref=wanted), tmp_path / "target", clone_timeout_s=60)
    content = {"": "3\n", "stable": "2\n"}.get(ref, "1\n")
    assert (tmp_path / "target/app.py").read_text() == content
    assert git(tmp_path / "target", "rev-list", "--count", "--all") == "1"
    assert git(tmp_path / "target", "status", "--porcelain") == ""


def test_a_server_that_hands_out_no_single_commits_is_cloned(upstream: Path, tmp_path: Path) -> None:
    with GitServer(tmp_path) as server:
        short = git(upstream, "rev-parse", "--short", "v1")  # which no server resolves
        materialise(Source(url=f"{server.url}/upstream", ref=short), tmp_path / "target", clone_timeout_s=60)
        with pytest.raises(DatasetError, match="has no ref 'v9'"):
            materialise(Source(url=f"{server.url}/upstream", ref="v9"), tmp_path / "other", clone_timeout_s=60)
    assert (tmp_path / "target/app.py").read_text() == "1\n"


def test_clone_that_fails_shows_gits_last_lines(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(InfraError, match=r"^cloning '.*none' failed with exit code 128: .*does not (exist|appear).*$"):
        materialise(Source(url=str(tmp_path / "none")), tmp_path / "target", clone_timeout_s=60)


def test_repository_that_is_not_on_this_machine_is_bad_input(tmp_path: Path) -> None:
    missing = Source(url=str(tmp_path / "no-such"))
    with pytest.raises(DatasetError, match=r"repository '.*no-such' does not exist"):
        materialise(missing, tmp_path / "target", clone_timeout_s=60)
    with pytest.raises(DatasetError, match=r"repository '.*no-such' does not exist"):
        check_path(missing)


def test_refs_of_a_repository_on_this_machine_are_known_beforehand(upstream: Path, tmp_path: Path) -> None:
    commit = git(upstream, "rev-parse", "v1")
    for ref in ("", "v1", "stable", "origin/stable", commit, commit[:10]):
        source = Source(url=str(upstream), ref=ref)
        check_path(source)
        materialise(source, tmp_path / f"target-{ref.replace('/', '-')}", clone_timeout_s=60)
    for ref in ("v9", "0" * 40):
        with pytest.raises(DatasetError, match=f"has no ref '{ref}'; give a branch"):
            check_path(Source(url=str(upstream), ref=ref))
    inside = upstream / "folder"
    inside.mkdir()
    with pytest.raises(DatasetError, match="has no ref 'HEAD'"):
        check_path(Source(url=str(inside)))  # the repository around it is another one
    check_path(Source(url="https://example.org/a/b", ref="v9"))


def test_clone_that_hangs_is_cut_off(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"git://127.0.0.1:{server.getsockname()[1]}/x"  # it accepts, and never answers
        with pytest.raises(InfraError, match=r"more than 0.5 s; raise the instance's timeout 'clone'"):
            materialise(Source(url=url), tmp_path / "target", clone_timeout_s=0.5)


def test_clone_that_hangs_after_a_fetch_has_failed_names_the_whole_limit(tmp_path: Path) -> None:
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            asking, _ = server.accept()
            with asking:
                asking.recv(4096)
                asking.sendall(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=refuse)  # what is asked after that gets no answer
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        with pytest.raises(InfraError, match=r"cloning .* took more than 1.5 s"):
            materialise(Source(url=url), tmp_path / "target", clone_timeout_s=1.5)
        thread.join()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Source(), "neither a path nor a url"),
        (Source(path="no/such/folder"), "'no/such/folder' does not exist"),
        (Source(url="--upload-pack=touch x"), "may not start with a dash"),
    ],
)
def test_unusable_source_is_told(source: Source, message: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=message):
        materialise(source, tmp_path / "target")
