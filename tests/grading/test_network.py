"""The network rule, with real containers: an eval script that downloads what its tests import."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.datasets.instance import Instance, Source
from pytest_swebench.errors import NeedsNetwork
from pytest_swebench.grading.grader import OfficialGrader
from pytest_swebench.grading.known import Known
from pytest_swebench.grading.network import NetworkGrader
from pytest_swebench.sandbox.docker import DockerBackend
from pytest_swebench.sandbox.local import LocalBackend
from tests.grading.network_script import EVAL
from tests.support.calc import FIX, OTHER_FIX, WRONG

if TYPE_CHECKING:
    from docker import DockerClient

GET = "import urllib.request as r; got = r.urlopen('{url}').read()"
INSTALL = f"python3 -c \"{GET}; open('/tmp/lib/extra.py', 'wb').write(got)\""
STRANGE = FIX.replace("+    return a + b", "+    import notathing\n+    return a + b").replace("+1,2", "+1,3")


@dataclass(slots=True)
class Download:
    """A server that containers on the bridge reach; `served` holds a path an answer."""

    url: str
    served: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def bridge_server(docker_client: DockerClient) -> Iterator[Download]:
    gateway = docker_client.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"EXTRA = 1\n")
            download.served.append(self.path)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    try:
        server = ThreadingHTTPServer((gateway, 0), Handler)
    except OSError as error:
        pytest.skip(f"nothing can listen on the bridge's gateway {gateway}: {error}")
    download = Download(f"http://{gateway}:{server.server_port}/extra.py")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield download
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def download(bridge_server: Download) -> Download:
    bridge_server.served.clear()
    return bridge_server


@pytest.fixture
def backend(docker_engine: None) -> Iterator[DockerBackend]:
    backend = DockerBackend(run_id="test-network")
    yield backend
    backend.close()


@pytest.fixture
def make(make_instance: Callable[..., Instance], base_image: str, calc: Source) -> Callable[..., Instance]:
    """Make an instance in the base image, its eval script filled in by keywords."""

    def made(*, gold: str = FIX, install: str = ":", before_tests: str = ":", imports: str = "calc") -> Instance:
        script = EVAL.format(install=install, before_tests=before_tests, imports=imports)
        return dataclasses.replace(make_instance(eval_script=script, gold_patch=gold), image=base_image, source=calc)

    return made


def needing(make: Callable[..., Instance], url: str, **more: str) -> Instance:
    return make(install=INSTALL.format(url=url), imports="calc, extra", **more)


def test_a_network_is_given_where_gold_needs_one_and_that_is_remembered(
    make: Callable[..., Instance], backend: DockerBackend, known: Known, download: Download, tmp_path: Path
) -> None:
    instance = needing(make, download.url)
    grade = NetworkGrader(OfficialGrader(backend), known).grade(instance, OTHER_FIX, tmp_path / "one")
    assert grade.verdict.resolved
    assert grade.conditions["network"] == "bridge"
    assert grade.conditions["network_because"] == "gold resolves with a network only"
    assert len(download.served) == 2  # gold, then the patch
    assert '"resolved": true' in (tmp_path / "one" / "report.json").read_text()
    another = NetworkGrader(OfficialGrader(backend), known)
    assert another.network(instance) == "bridge"
    wrong = another.grade(instance, WRONG, tmp_path / "two")
    assert (wrong.verdict.resolved, wrong.conditions["network"]) == (False, "bridge")
    assert len(download.served) == 3
    ran = another.run(instance, FIX, tmp_path / "three", overlay={"calc.py": b"def add(a, b):\n    return 3\n"})
    assert "PASSED tests/test_calc.py::test_add" in ran.log.read_text()
    assert "FAILED tests/test_calc.py::test_zero" in ran.log.read_text()
    assert len(download.served) == 4


def test_no_network_is_given_where_gold_resolves_without(
    make: Callable[..., Instance], backend: DockerBackend, known: Known, download: Download, tmp_path: Path
) -> None:
    instance = make(install=INSTALL.format(url=download.url))  # in vain: no test imports it
    grader = NetworkGrader(OfficialGrader(backend), known)
    with pytest.raises(NeedsNetwork, match=r"install_failed_without_network.*; gold resolves without$"):
        grader.grade(instance, STRANGE, tmp_path / "strange")
    assert known.get(instance, "network") == {"network": "none", "because": "gold resolves without"}
    assert not grader.grade(instance, WRONG, tmp_path / "wrong").verdict.resolved
    gold = grader.grade(instance, FIX, tmp_path / "gold")
    assert (gold.verdict.resolved, gold.conditions["network"]) == (True, "none")
    assert download.served == []


def test_gold_that_resolves_neither_way_is_remembered_as_such(
    make: Callable[..., Instance], backend: DockerBackend, known: Known, download: Download, tmp_path: Path
) -> None:
    instance = needing(make, download.url, gold=WRONG)
    grader = NetworkGrader(OfficialGrader(backend), known)
    because = r"gold resolves neither without a network nor with one \(FAIL_TO_PASS 0/1, PASS_TO_PASS 0/1; .*\)"
    for name in ("one", "two"):
        with pytest.raises(NeedsNetwork, match=f"{because}$"):
            grader.grade(instance, FIX, tmp_path / name)
    assert known.get(instance, "network")["network"] == "unknown"
    assert len(download.served) == 1


def test_gold_itself_teaches_the_network_when_it_is_graded(
    make: Callable[..., Instance], backend: DockerBackend, known: Known, download: Download, tmp_path: Path
) -> None:
    fetch = f"python3 -c \"import urllib.request as r; r.urlopen('{download.url}')\" 2>/dev/null"
    instance = make(before_tests=f"{fetch} || sed -i 's/ + / - /' calc.py")  # fails in silence without
    grader = NetworkGrader(OfficialGrader(backend), known)
    assert not grader.grade(instance, WRONG, tmp_path / "wrong").verdict.resolved
    assert known.get(instance, "network") is None
    gold = grader.grade(instance, FIX, tmp_path / "gold")
    assert gold.verdict.resolved
    assert gold.conditions["network"] == "bridge"
    assert gold.conditions["network_because"] == "gold resolves with a network only"
    assert '"resolved": true' in (tmp_path / "gold" / "report.json").read_text()
    assert grader.grade(instance, OTHER_FIX, tmp_path / "other").verdict.resolved


def test_a_test_that_fails_for_lack_of_a_network_is_believed_only_after_gold_was_asked(
    make: Callable[..., Instance], backend: DockerBackend, known: Known, download: Download, tmp_path: Path
) -> None:
    fetch = f"python3 -c \"import urllib.request as r; r.urlopen('{download.url}')\""
    instance = make(before_tests=f"{fetch} || sed -i 's/ + / - /' calc.py")
    grader = NetworkGrader(OfficialGrader(backend), known)
    grade = grader.grade(instance, OTHER_FIX, tmp_path / "one")
    assert (grade.verdict.resolved, grade.conditions["network"]) == (True, "bridge")
    assert known.get(instance, "network") == {"network": "bridge", "because": "gold resolves with a network only"}
    assert '"resolved": true' in (tmp_path / "one" / "report.json").read_text()


def test_a_complaint_about_the_network_asks_gold_once(
    make: Callable[..., Instance], backend: DockerBackend, known: Known, tmp_path: Path
) -> None:
    instance = make(before_tests="echo Network is unreachable")
    grader = NetworkGrader(OfficialGrader(backend), known)
    for name in ("one", "two"):
        wrong = grader.grade(instance, WRONG, tmp_path / name)
        assert (wrong.verdict.resolved, wrong.conditions["network"]) == (False, "none")
    assert known.get(instance, "network") == {"network": "none", "because": "gold resolves without"}
    assert (tmp_path / "one" / "gold").is_dir()
    assert not (tmp_path / "two" / "gold").exists()
    nobody = dataclasses.replace(instance, hidden=dataclasses.replace(instance.hidden, gold_patch=""))
    assert not grader.grade(nobody, WRONG, tmp_path / "three").verdict.resolved


def test_what_no_network_reaches_is_not_held_against_the_instance(
    make: Callable[..., Instance], backend: DockerBackend, known: Known, tmp_path: Path
) -> None:
    instance = needing(make, "http://no-such-host.invalid/extra.py")
    grader = NetworkGrader(OfficialGrader(backend), known)
    with pytest.raises(NeedsNetwork, match="gold does not resolve without a network, and with one: grading"):
        grader.grade(instance, OTHER_FIX, tmp_path / "one")
    assert known.get(instance, "network") is None
    with pytest.raises(NeedsNetwork, match="gold does not resolve without a network, and with one: grading"):
        grader.grade(instance, OTHER_FIX, tmp_path / "two")
    assert (tmp_path / "one" / "gold").is_dir()
    assert not (tmp_path / "two" / "gold").exists()  # asked once a process
    with pytest.raises(NeedsNetwork, match="gold does not resolve"):
        NetworkGrader(OfficialGrader(backend), known).grade(instance, FIX, tmp_path / "three")


def test_without_gold_the_fix_is_named(
    make: Callable[..., Instance], backend: DockerBackend, known: Known, download: Download, tmp_path: Path
) -> None:
    instance = needing(make, download.url, gold="")
    with pytest.raises(NeedsNetwork, match=r"no reference patch.*decide with --grade-network bridge"):
        NetworkGrader(OfficialGrader(backend), known).grade(instance, FIX, tmp_path / "cell")
    assert not (tmp_path / "cell" / "gold").exists()


def test_a_fixed_network_asks_nobody(
    make: Callable[..., Instance], backend: DockerBackend, known: Known, download: Download, tmp_path: Path
) -> None:
    instance = needing(make, download.url)
    wired = NetworkGrader(OfficialGrader(backend), known, "bridge")
    grade = wired.grade(instance, FIX, tmp_path / "bridge")
    assert (grade.verdict.resolved, wired.network(instance)) == (True, "bridge")
    assert (grade.conditions["network"], grade.conditions["network_because"]) == ("bridge", "--grade-network bridge")
    with pytest.raises(NeedsNetwork, match="install_failed_without_network"):
        NetworkGrader(OfficialGrader(backend), known, "none").grade(instance, FIX, tmp_path / "none")
    assert known.get(instance, "network") is None
    assert len(download.served) == 1


def test_what_a_row_asks_for_comes_before_what_gold_shows(
    make: Callable[..., Instance], backend: DockerBackend, known: Known, download: Download, tmp_path: Path
) -> None:
    instance = dataclasses.replace(needing(make, download.url, gold=""), exceptions={"network": "bridge"})
    grader = NetworkGrader(OfficialGrader(backend), known)
    grade = grader.grade(instance, FIX, tmp_path / "cell")
    assert (grade.verdict.resolved, grader.network(instance)) == (True, "bridge")
    assert (grade.conditions["network"], grade.conditions["network_because"]) == ("bridge", "the row asks for it")
    assert NetworkGrader(OfficialGrader(backend), known, "none").network(instance) == "none"


def test_an_empty_patch_has_no_network_to_tell_of(make_instance: Callable[..., Instance], tmp_path: Path) -> None:
    grader = NetworkGrader(OfficialGrader(LocalBackend()), Known.beside_runs(tmp_path))
    grade = grader.grade(make_instance(gold_patch=""), "", tmp_path / "cell")
    assert (grade.verdict.reason, grade.conditions) == ("empty_patch", {})
