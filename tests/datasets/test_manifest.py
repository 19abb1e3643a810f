from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_swebench.datasets.demo import load_demo
from pytest_swebench.datasets.instance import Instance, Source
from pytest_swebench.datasets.manifest import read_manifest, resolve_once
from pytest_swebench.errors import DatasetError, RecordError
from tests.support.made import made_instance

# resolves slowly and says that it did, so that processes which do not wait would be seen
RESOLVER = """
import sys, time
from pathlib import Path
from pytest_swebench.datasets.demo import load_demo
from pytest_swebench.datasets.manifest import resolve_once

def resolve():
    with open(sys.argv[2], "a") as calls:
        calls.write("resolved\\n")
    time.sleep(0.2)
    return load_demo()

print(len(resolve_once(Path(sys.argv[1]), "m", resolve).instance_ids))
"""


def test_instances_come_back_equal_and_in_order(tmp_path: Path) -> None:
    instances = [*reversed(load_demo()), made_instance("é-\U0001f600")]
    manifest = resolve_once(tmp_path / "deep", "m", lambda: instances)
    assert manifest.instance_ids == [instance.instance_id for instance in instances]
    assert manifest.instances() == instances
    assert [one.digest for one in manifest.instances()] == [one.digest for one in instances]
    assert manifest.instance(instances[3].instance_id) == instances[3]
    with pytest.raises(KeyError):
        manifest.instance("unknown")


def test_bytes_that_are_no_text_survive(tmp_path: Path) -> None:
    instance = Instance(problem=made_instance("a").problem, source=Source(path="caf\udce9"))
    assert resolve_once(tmp_path, "m", lambda: [instance]).instances() == [instance]


def test_only_the_first_of_several_processes_resolves(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    command = [sys.executable, "-c", RESOLVER, str(tmp_path / "manifests"), str(calls)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = [process.communicate()[0].strip() for process in running]
    assert answers == [str(len(load_demo()))] * 3
    assert calls.read_text(encoding="utf-8") == "resolved\n"


def test_resolving_that_fails_leaves_nothing_to_be_read(tmp_path: Path) -> None:
    def fail() -> list[Instance]:
        raise DatasetError("no such dataset")

    with pytest.raises(DatasetError):
        resolve_once(tmp_path, "m", fail)
    assert not (tmp_path / "m.json").exists()
    assert resolve_once(tmp_path, "m", lambda: [made_instance("a")]).instance_ids == ["a"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"instances": [["a"]]}', '{"instances": null}', "\udcff"])
def test_other_files_are_no_manifest(tmp_path: Path, content: str) -> None:
    index = tmp_path / "m.json"
    index.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(RecordError, match=r"m\.json: not a manifest of this package"):
        read_manifest(index)


def test_missing_manifest_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="not a manifest"):
        read_manifest(tmp_path / "m.json")
