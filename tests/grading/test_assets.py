from __future__ import annotations

import http.server
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import DatasetError, InfraError
from pytest_swebench.grading.assets import fetch_assets, with_assets
from pytest_swebench.grading.official import eval_script_text

IMAGE = bytes(range(256))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "expected.png").write_bytes(IMAGE)
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_declared_files_are_in_place_when_the_tests_start(
    server: str, make_instance: Callable[..., Instance], tmp_path: Path
) -> None:
    declared = {"test_patch": [{"path": "cases/a case/expected.png", "url": f"{server}/expected.png"}], "patch": []}
    script = (
        ": before\n: '>>>>> Start Test Output'\ncp 'cases/a case/expected.png' seen.png\n: '>>>>> End Test Output'\n"
    )
    instance = make_instance(image_assets=declared, eval_script=script)
    assets = fetch_assets(instance)
    for asset in assets:
        (tmp_path / asset.name).write_bytes(asset.content)
    text = with_assets(eval_script_text(instance), assets)
    subprocess.run(["bash", "-c", text], cwd=tmp_path, env={"SWEBENCH_FILES": str(tmp_path), "PATH": "/usr/bin:/bin"})
    assert (tmp_path / "seen.png").read_bytes() == IMAGE
    assert text.index(": before") < text.index("mkdir -p") < text.index("Start Test Output")


def test_a_script_without_assets_stays_as_it_is(make_instance: Callable[..., Instance]) -> None:
    assets = fetch_assets(make_instance(image_assets={"test_patch": [], "patch": []}))
    assert with_assets("true\n", assets) == "true\n"


def test_a_file_that_cannot_be_fetched_is_no_verdict(server: str, make_instance: Callable[..., Instance]) -> None:
    url = f"{server}/missing.png"
    with pytest.raises(InfraError, match=r"missing\.png' cannot be fetched: HTTP Error 404"):
        fetch_assets(make_instance(image_assets={"test_patch": [{"path": "a.png", "url": url}]}))


def test_a_row_names_no_file_of_this_machine(make_instance: Callable[..., Instance]) -> None:
    with pytest.raises(DatasetError, match="take http and https URLs"):
        fetch_assets(make_instance(image_assets={"test_patch": [{"path": "a.png", "url": "file:///etc/hostname"}]}))
