from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import weakref
from pathlib import Path

import pytest

from pytest_swebench.datasets.instance import Instance, Problem
from pytest_swebench.errors import InputError, OutOfResources
from pytest_swebench.sandbox.local import LocalBackend
from pytest_swebench.sandbox.protocol import Script
from pytest_swebench.sandbox.reaper import Owner, dead_folders, marked_processes, sweep_local

DYING_RUN = """
import json, os, sys
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.sandbox.local import LocalBackend

sandbox = LocalBackend().open(Instance.from_json(json.loads(sys.argv[1])))
sandbox.run("setsid sleep 444 & true", timeout_s=30)
print(sandbox.workdir, flush=True)
os.kill(os.getpid(), 9)
"""


def test_everything_of_a_dead_run_is_swept(local_instance: Instance) -> None:
    command = [sys.executable, "-c", DYING_RUN, json.dumps(local_instance.as_json())]
    dead = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    assert dead.returncode == -9
    workdir = Path(dead.stdout.strip())
    assert workdir.is_dir()
    backend = LocalBackend()
    living = backend.open(local_instance)
    sweep_local()
    assert not workdir.exists()
    assert [marker for _, marker in marked_processes() if marker in str(workdir)] == []
    assert living.run("echo alive", timeout_s=30).output == "alive\n"
    backend.close()


def test_python_of_the_run_comes_first(local_instance: Instance) -> None:
    backend = LocalBackend()
    seen = backend.open(local_instance).run("command -v python3; echo $HOME; echo $TMPDIR", timeout_s=30).output.split()
    backend.close()
    assert Path(seen[0]).parent == Path(sys.executable).parent
    assert all(Path(folder).parent.is_relative_to(Path(tempfile.gettempdir()).resolve()) for folder in seen[1:])


def test_closing_ends_processes_and_removes_the_folder(local_instance: Instance) -> None:
    backend = LocalBackend()
    sandbox = backend.open(local_instance)
    sandbox.run("setsid sleep 555 & true", timeout_s=30)
    marker = Path(sandbox.workdir).parent.name
    assert [found for _, found in marked_processes() if found == marker] == [marker]
    backend.close()
    assert not Path(sandbox.workdir).exists()
    assert [found for _, found in marked_processes() if found == marker] == []


def test_closed_sandbox_is_forgotten(local_instance: Instance) -> None:
    backend = LocalBackend()
    sandbox = backend.open(local_instance)
    forgotten = weakref.ref(sandbox)
    sandbox.close()
    del sandbox
    kept = backend.open(local_instance)
    assert forgotten() is None
    backend.close()
    assert not Path(kept.workdir).exists()


def test_nothing_is_installed_where_no_network_can_be_lent(local_instance: Instance) -> None:
    backend = LocalBackend()
    sandbox = backend.open(local_instance)
    assert not sandbox.installs
    with pytest.raises(InputError, match="use --sandbox docker --agent-network install"):
        sandbox.install("touch installed", timeout_s=30)
    assert "installed" not in sandbox.run("ls", timeout_s=30).output
    backend.close()


def test_link_that_leads_out_is_not_followed(local_instance: Instance, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    backend = LocalBackend()
    sandbox = backend.open(local_instance)
    sandbox.run(f"ln -s '{secret}' link", timeout_s=30)
    with pytest.raises(FileNotFoundError):
        sandbox.read("link")
    with pytest.raises(PermissionError):
        sandbox.write({"link": b"changed"})
    backend.close()
    assert secret.read_text() == "secret"


def test_base_files_follow_no_link_that_leads_out(local_instance: Instance, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tree / "link").symlink_to(tmp_path / "secret")
    backend = LocalBackend()
    assert backend.base_files(local_instance, ["link"]) == {}
    backend.close()


def test_source_is_never_changed(local_instance: Instance, tree: Path) -> None:
    backend = LocalBackend()
    backend.open(local_instance).write({"README.md": b"changed\n"})
    backend.close()
    assert (tree / "README.md").read_bytes() == b"first\nsecond\nthird\n"
    assert not (tree / ".git").exists()


def test_untrusted_instance_is_refused(tree: Path) -> None:
    instance = Instance(problem=Problem(instance_id="a", statement=""))
    with pytest.raises(InputError, match="not trusted"):
        LocalBackend().open(instance)


def test_instance_without_source_is_refused() -> None:
    instance = Instance(problem=Problem(instance_id="a", statement=""), trusted=True)
    with pytest.raises(InputError, match="no source folder or URL"):
        LocalBackend().check([instance])


def test_log_beyond_its_limit_is_cut_and_said_so(local_instance: Instance, tmp_path: Path) -> None:
    backend = LocalBackend(log_cap_bytes=10_000)
    log = tmp_path / "log"
    result = backend.run_script(
        local_instance, Script("echo first; seq 100000; echo last", timeout_s=60, log=log, network="bridge")
    )
    backend.close()
    assert (result.log_cut, result.conditions) == (True, {"profile": "local", "network": "host", "log_cut": True})
    assert log.read_text().startswith("first\n1\n2\n")
    assert log.read_text().endswith("\n100000\nlast\n")
    assert log.stat().st_size < 11_000


def test_log_that_cannot_be_written_ends_the_script(local_instance: Instance, tmp_path: Path) -> None:
    backend = LocalBackend()
    (tmp_path / "log").symlink_to("/dev/full")
    with pytest.raises(OutOfResources, match="No space left on device"):
        backend.run_script(
            local_instance, Script("setsid sleep 666 & echo x; sleep 666", timeout_s=900, log=tmp_path / "log")
        )
    mine = Owner.current().prefix
    assert [marker for _, marker in marked_processes() if marker.startswith(mine)] == []
    backend.close()


def test_a_folder_that_another_process_sweeps_away_meanwhile_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "swebench-999999999-0x1-dead").mkdir()
    code = f"import os; os.chdir({str(tmp_path)!r})\nwhile True: os.rename(*two); two.reverse()"
    there_and_gone = subprocess.Popen([sys.executable, "-c", f"two = ['swebench-999999999-0x1-dead', 'gone']; {code}"])
    try:
        while not (tmp_path / "gone").exists():
            time.sleep(0.01)
        seen = {len(dead_folders()) for _ in range(20_000)}
    finally:
        there_and_gone.kill()
        there_and_gone.wait()
    assert seen == {0, 1}
