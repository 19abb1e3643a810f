from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.datasets.rows_to_test import classic_row, complete_row
from tests.support.hub_server import HubServer

LOAD = """
import json, sys
from pathlib import Path
from pytest_swebench.datasets.load import load_instances
from pytest_swebench.errors import DatasetError
try:
    found = load_instances(sys.argv[1], sys.argv[2], base_dir=Path("."))
    answer = {"instances": [instance.as_json() for instance in found]}
except DatasetError as error:
    answer = {"error": str(error)}
print(json.dumps(answer | {"imported": "datasets" in sys.modules}))
"""

UNUSED = {"text": "long context" * 1000, "trusted": True}
TEST_ROWS = [complete_row(instance_id=f"acme__shop-{number}", **UNUSED) for number in range(3)]
DEV_ROWS = [complete_row(instance_id="acme__shop-dev", **UNUSED)]


class Client:
    """Loads datasets in a process of its own, with caches of its own, from the hub at `endpoint`."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.folder = folder
        self.endpoint = endpoint

    def load(self, name: str, split: str = "test", **environment: str) -> dict[str, Any]:
        inherited = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        own = {
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(self.folder / "hf"),
            "SWEBENCH_CACHE_DIR": str(self.folder / "cache"),
        }
        done = subprocess.run(
            [sys.executable, "-c", LOAD, name, split],
            env=inherited | own | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    def cached_files(self) -> list[Path]:
        return sorted((self.folder / "cache").rglob("*.jsonl"))


def ids(answer: dict[str, Any]) -> list[str]:
    assert "error" not in answer, answer["error"]
    return [instance["problem"]["instance_id"] for instance in answer["instances"]]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    import pyarrow
    import pyarrow.parquet

    folder = tmp_path / "repository"
    (folder / "data").mkdir(parents=True)
    for split, rows in (("test", TEST_ROWS), ("dev", DEV_ROWS)):
        table = pyarrow.Table.from_pylist(rows)
        pyarrow.parquet.write_table(table, folder / "data" / f"{split}-00000-of-00001.parquet")
    return folder


@pytest.fixture
def hub(repository: Path) -> Iterator[HubServer]:
    with HubServer({"SWE-bench/SWE-bench_Lite": repository}) as server:
        yield server


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@contextmanager
def server_that_hangs_up() -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))

    def hang_up() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.close()

    thread = threading.Thread(target=hang_up, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_second_load_needs_neither_network_nor_library(tmp_path: Path, repository: Path) -> None:
    with HubServer({"SWE-bench/SWE-bench_Lite": repository}) as hub:
        client = Client(tmp_path, hub.url)
        first = client.load("lite")

    second = client.load("lite")

    assert ids(first) == [row["instance_id"] for row in TEST_ROWS]
    assert first["imported"] is True
    assert second["instances"] == first["instances"]
    assert second["imported"] is False


def test_cache_is_compact_and_keyed_by_split(tmp_path: Path, hub: HubServer) -> None:
    client = Client(tmp_path, hub.url)

    assert ids(client.load("lite")) == [row["instance_id"] for row in TEST_ROWS]
    (dev,) = client.load("SWE-bench/SWE-bench_Lite", "dev")["instances"]
    rows = [json.loads(line) for file in client.cached_files() for line in file.read_text().splitlines()]

    assert dev["problem"]["instance_id"] == "acme__shop-dev"
    assert len(client.cached_files()) == 2
    assert len(rows) == 4
    assert all("text" not in row and "trusted" not in row for row in rows)


def test_processes_that_ask_together_all_get_the_rows(tmp_path: Path, hub: HubServer) -> None:
    client = Client(tmp_path, hub.url)
    answers: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: answers.append(client.load("lite"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [len(ids(answer)) for answer in answers] == [3, 3, 3]
    assert [answer["imported"] for answer in answers].count(True) == 1


def test_unknown_split_lists_the_known_ones(tmp_path: Path, hub: HubServer) -> None:
    client = Client(tmp_path, hub.url)

    assert client.load("lite", "tset")["error"] == (
        "SWE-bench/SWE-bench_Lite: unknown split 'tset'; did you mean 'test'? known: dev, test"
    )
    assert client.cached_files() == []


def test_unknown_dataset_is_named(tmp_path: Path, hub: HubServer) -> None:
    assert "the hub has no dataset 'acme/nothing'" in Client(tmp_path, hub.url).load("acme/nothing")["error"]


def test_unreachable_hub_fails_before_the_library_is_loaded(tmp_path: Path, closed_port: int) -> None:
    answer = Client(tmp_path, f"http://127.0.0.1:{closed_port}").load("lite")

    assert answer["error"].startswith(f"cannot reach the hub at 'http://127.0.0.1:{closed_port}'")
    assert "use a local file" in answer["error"]
    assert answer["imported"] is False


def test_proxy_is_what_must_be_reachable(tmp_path: Path, closed_port: int) -> None:
    proxy = f"http://127.0.0.1:{closed_port}"

    answer = Client(tmp_path, "http://hub.invalid").load("lite", http_proxy=proxy)

    assert f"(127.0.0.1:{closed_port}: " in answer["error"]


def test_hub_that_hangs_up_is_one_clear_error(tmp_path: Path) -> None:
    with server_that_hangs_up() as endpoint:
        answer = Client(tmp_path, endpoint).load("lite")

    assert "cannot load 'SWE-bench/SWE-bench_Lite' from the hub: " in answer["error"]


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"])
def test_offline_mode_asks_nothing_of_the_hub(tmp_path: Path, hub: HubServer, variable: str) -> None:
    client = Client(tmp_path, hub.url)

    answer = client.load("lite", **{variable: "1"})

    assert "HF_HUB_OFFLINE or HF_DATASETS_OFFLINE is set" in answer["error"]
    assert hub.requests == []


def test_offline_mode_takes_what_the_library_has(tmp_path: Path, hub: HubServer) -> None:
    client = Client(tmp_path, hub.url)
    client.load("lite")
    hub.requests.clear()

    assert ids(client.load("lite", "dev", HF_HUB_OFFLINE="1")) == ["acme__shop-dev"]
    assert hub.requests == []


def test_unknown_name_asks_nothing_of_the_hub(tmp_path: Path, hub: HubServer) -> None:
    answer = Client(tmp_path, hub.url).load("litee")

    assert "unknown dataset 'litee'; did you mean 'lite'?" in answer["error"]
    assert hub.requests == []


def test_library_error_is_told_with_its_cause(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    (tmp_path / "bad").mkdir()
    for split, rows in (("test", [classic_row(surplus=1)]), ("dev", [classic_row(other=1)])):
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "bad" / f"{split}.parquet")

    with HubServer({"acme/bad": tmp_path / "bad"}) as hub:
        answer = Client(tmp_path, hub.url).load("acme/bad")

    assert "cannot load 'acme/bad' from the hub: DatasetGeneration" in answer["error"]
    assert "surplus" in answer["error"]


def test_binary_column_is_refused_and_nothing_is_cached(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    (tmp_path / "bad").mkdir()
    table = pyarrow.Table.from_pylist([classic_row(image=b"png")])
    pyarrow.parquet.write_table(table, tmp_path / "bad" / "test.parquet")

    with HubServer({"acme/bad": tmp_path / "bad"}) as hub:
        client = Client(tmp_path, hub.url)
        answer = client.load("acme/bad")

    assert answer["error"] == "a bytes in a dataset of the hub cannot be kept as JSON: b'png'"
    assert client.cached_files() == []


def test_bad_row_is_named_by_the_line_of_the_cached_file(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    (tmp_path / "bad").mkdir()
    rows = [classic_row(instance_id="a-1"), classic_row(instance_id="a b")]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "bad" / "test.parquet")

    with HubServer({"acme/bad": tmp_path / "bad"}) as hub:
        answer = Client(tmp_path, hub.url).load("acme/bad")

    assert ".jsonl:2: field 'instance_id': expected an id made of" in answer["error"]
