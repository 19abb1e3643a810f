from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_swebench.checks import Cause, State
from pytest_swebench.checks.fixes import Fix, Kind
from pytest_swebench.checks.guide import guided
from pytest_swebench.checks.preflight import Outcome
from tests.checks.conftest import MakePlan
from tests.support.registry import Registry

if TYPE_CHECKING:
    from docker import DockerClient

Publish = Callable[..., str]


class Leader:
    """Chooses the kinds it was told to, in order, and then none; logs in with what it was given."""

    def __init__(
        self, *kinds: Kind, login: tuple[str, str] = ("user", "pass"), place: str = "", again: int = 99
    ) -> None:
        self._kinds = list(kinds)
        self._login = login
        self._place = place
        self._again = again
        self.seen: list[Outcome] = []

    def choose(self, outcome: Outcome) -> Fix | None:
        self.seen.append(outcome)
        wanted = self._kinds.pop(0) if self._kinds else None
        return next((fix for fix in outcome.fixes if fix.kind is wanted), None)

    def login(self, command: Sequence[str]) -> None:
        user, password = self._login
        given = [*command, "--username", user, "--password-stdin"]
        subprocess.run(given, input=password.encode(), capture_output=True, check=False)

    def namespace(self) -> str:
        return self._place

    def again(self) -> bool:
        self._again -= 1
        return self._again >= 0


@pytest.fixture
def wanted(fresh_id: str) -> str:
    return f"swebench/sweb.eval.x86_64.{fresh_id.replace('__', '_1776_')}:latest"


def image_step(outcome: Outcome) -> State:
    return next(check.state for check in outcome.checks if check.name == "image")


def test_login_lets_the_next_try_through(
    registry: Registry, published: Publish, wanted: str, plan: MakePlan, tmp_path: Path
) -> None:
    image = published(wanted)
    registry.credentials = ("user", "pass")
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text("{}")
    leader = Leader(Kind.LOGIN)
    outcome = guided(plan(image), leader)
    assert leader.seen[0].failure is not None
    assert leader.seen[0].failure.cause is Cause.REGISTRY_DENIED
    assert image_step(outcome) is State.OK
    kept = json.loads((tmp_path / "docker" / "config.json").read_text())
    assert base64.b64decode(kept["auths"][registry.front]["auth"]) == b"user:pass"


def test_login_is_offered_once(registry: Registry, published: Publish, wanted: str, plan: MakePlan) -> None:
    image = published(wanted)
    registry.credentials = ("user", "pass")
    leader = Leader(Kind.LOGIN, Kind.LOGIN, login=("user", "wrong"))
    outcome = guided(plan(image), leader)
    assert [[fix.kind for fix in seen.fixes] for seen in leader.seen] == [
        [Kind.LOGIN, Kind.NAMESPACE],
        [Kind.NAMESPACE],
    ]
    assert outcome.exit_code == 3


def test_namespace_that_proved_useful_is_kept(
    docker_client: DockerClient,
    registry: Registry,
    fresh_id: str,
    published: Publish,
    plan: MakePlan,
    tmp_path: Path,
) -> None:
    published(f"mirror/sweb.eval.x86_64.{fresh_id.replace('__', '_1776_')}:latest")
    row = f"swebench/sweb.eval.x86_64.{fresh_id.replace('__', '_1776_')}:latest"
    leader = Leader(Kind.NAMESPACE, place=f"{registry.front}/mirror")
    flight = plan(row, namespace=f"{registry.front}/other", keep_in=tmp_path / ".env")
    outcome = guided(flight, leader)
    assert image_step(outcome) is State.OK
    assert outcome.environment == {"SWEBENCH_DOCKER_NAMESPACE": f"{registry.front}/mirror"}
    assert not (tmp_path / ".env").exists()  # the evaluation did not go well: such an image holds no shell


def test_person_may_leave_or_not_try_again(no_engine: None, plan: MakePlan) -> None:
    for leader in (Leader(), Leader(Kind.BY_HAND, again=0)):
        outcome = guided(plan("a/b:c"), leader)
        assert outcome.exit_code == 2
        assert len(leader.seen) == 1
    twice = Leader(Kind.BY_HAND, again=1)
    guided(plan("a/b:c"), twice)
    assert len(twice.seen) == 2


def test_nothing_is_chosen_where_all_goes_well(no_engine: None, plan: MakePlan) -> None:
    from pytest_swebench.datasets.demo import load_demo

    leader = Leader()
    assert guided(plan("", instance=load_demo()[0]), leader).ok
    assert leader.seen == []


def test_namespace_that_is_none_after_all_changes_nothing(registry: Registry, wanted: str, plan: MakePlan) -> None:
    leader = Leader(Kind.NAMESPACE)
    outcome = guided(plan(f"{registry.front}/{wanted}"), leader)
    assert outcome.exit_code == 3
    assert outcome.environment == {}


def test_emulation_fetches_x86_images(registry: Registry, published: Publish, wanted: str, plan: MakePlan) -> None:
    image = published(wanted)
    leader = Leader(Kind.EMULATE)
    flight = plan(image, arch="arm64", second_source=f"{registry.front}/none/{{arch}}.{{id}}")
    outcome = guided(flight, leader)
    assert image_step(outcome) is State.OK
    assert outcome.environment == {"DOCKER_DEFAULT_PLATFORM": "linux/amd64"}
