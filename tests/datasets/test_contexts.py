from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.hub_server import HubServer

IDS = [f"acme__shop-{number}" for number in range(3)]
NAME = "princeton-nlp/SWE-bench_bm25_13K"
HIDDEN = ("patch", "test_patch", "hints_text", "problem_statement", "FAIL_TO_PASS", "PASS_TO_PASS")

FETCH = """
import json, sys
from pathlib import Path
from pytest_swebench.datasets.contexts import fetch_contexts
from pytest_swebench.errors import DatasetError
try:
    found = fetch_contexts(sys.argv[1], sys.argv[3:], Path(sys.argv[2]))
    answer = {name: path.read_bytes().decode() for name, path in found.items()}
except DatasetError as error:
    answer = {"error": str(error)}
print(json.dumps(answer | {"imported": "datasets" in sys.modules}))
"""


def row(instance_id: str) -> dict[str, str]:
    canaries = {column: f"canary-{column}-of-{instance_id}" for column in HIDDEN}
    return {"instance_id": instance_id, "text": f"the text of {instance_id}\r\n\u00fc", **canaries}


def fetch(folder: Path, endpoint: str, *ids: str, size: str = "13K") -> dict[str, Any]:
    inherited = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    environment = inherited | {"HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "hf")}
    command = [sys.executable, "-c", FETCH, size, str(folder / "cache"), *ids]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    import pyarrow
    import pyarrow.parquet

    folder = tmp_path / "repository" / "data"
    folder.mkdir(parents=True)
    table = pyarrow.Table.from_pylist([row(instance_id) for instance_id in IDS])
    pyarrow.parquet.write_table(table, folder / "test-00000-of-00001.parquet")
    with HubServer({NAME: folder.parent}) as server:
        yield server


def test_texts_of_the_instances_at_hand_are_fetched_once_and_nothing_else(hub: HubServer, tmp_path: Path) -> None:
    first = fetch(tmp_path, hub.url, *IDS[:2])
    assert first == {name: f"the text of {name}\r\n\u00fc" for name in IDS[:2]} | {"imported": True}
    asked = len(hub.requests)
    assert fetch(tmp_path, hub.url, *IDS[:2]) == {**first, "imported": False}
    assert len(hub.requests) == asked
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.name != ".lock"]
    assert sorted(path.stem for path in kept) == IDS[:2]
    assert not any(b"canary" in path.read_bytes() for path in kept)


def test_instance_that_the_set_lacks_is_named(hub: HubServer, tmp_path: Path) -> None:
    answer = fetch(tmp_path, hub.url, IDS[0], "x__y-1", "x__y-2", "x__y-3", "x__y-4")
    assert answer["error"] == (
        "--context 13K: princeton-nlp/SWE-bench_bm25_13K holds no 'x__y-1', 'x__y-2', 'x__y-3' and 1 more; it covers "
        "the test split of SWE-bench; leave these instances out, or use --context bm25"
    )


def test_set_that_the_hub_lacks_is_explained(hub: HubServer, tmp_path: Path) -> None:
    answer = fetch(tmp_path, hub.url, IDS[0], size="27K")
    assert "the hub has no dataset 'princeton-nlp/SWE-bench_bm25_27K'" in answer["error"]


def test_hub_out_of_reach_is_told_at_once(tmp_path: Path) -> None:
    answer = fetch(tmp_path, "http://127.0.0.1:9", IDS[0])
    assert "cannot reach the hub at 'http://127.0.0.1:9' to fetch 'princeton-nlp/SWE-bench_bm25_13K'" in answer["error"]


def test_rows_without_a_text_are_refused(hub: HubServer, tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    file = next((tmp_path / "repository").rglob("*.parquet"))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([{"instance_id": IDS[0], "patch": "x"}]), file)
    assert fetch(tmp_path, hub.url, IDS[0])["error"] == f"{NAME}: no column 'text'; it has instance_id"
