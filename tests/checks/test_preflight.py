from __future__ import annotations

import dataclasses
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from pytest_swebench.checks import Cause, State
from pytest_swebench.checks.fixes import Kind
from pytest_swebench.checks.guide import guided
from pytest_swebench.checks.plan import Plan, plan_for
from pytest_swebench.checks.preflight import Outcome, preflight
from pytest_swebench.config import resolve
from pytest_swebench.datasets.demo import load_demo
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import InputError
from pytest_swebench.records.layout import LOG_FILE
from pytest_swebench.sandbox import images
from pytest_swebench.sandbox.engine import connect
from pytest_swebench.sandbox.images.names import official_name
from tests.checks.conftest import MakePlan, answering
from tests.checks.test_guide import Leader
from tests.support.calc import FIX, WRONG
from tests.support.lacking import mounted
from tests.support.registry import Registry, running_registry
from tests.support.trivial import IMAGE, trivial_image, trivial_instance

if TYPE_CHECKING:
    from docker import DockerClient

Publish = Callable[..., str]


def demo(**hidden: object) -> Instance:
    """Return a demo instance with parts of what only grading sees replaced."""
    instance = load_demo()[0]
    return dataclasses.replace(instance, hidden=dataclasses.replace(instance.hidden, **hidden))  # type: ignore[arg-type]


def steps(outcome: Outcome) -> dict[str, State]:
    return {check.name: check.state for check in outcome.checks}


def failed(outcome: Outcome, cause: Cause, code: int) -> None:
    """Assert what every failure has: cause, headline, a way out, the log, its last lines."""
    assert outcome.failure is not None, outcome
    assert outcome.failure.cause is cause, outcome.failure
    assert (outcome.ok, outcome.exit_code) == (False, code)
    assert outcome.headline
    assert outcome.fixes
    assert outcome.log is not None
    assert outcome.tail
    assert outcome.tail[-1] in outcome.log.read_text()
    assert outcome.as_json()["log_tail"] == list(outcome.tail)


def test_gold_that_resolves_is_all_that_is_wanted(docker_client: DockerClient, plan: MakePlan) -> None:
    said: list[str] = []
    outcome = preflight(plan(trivial_image(docker_client)), tell=said.append)
    assert outcome.ok
    assert outcome.exit_code == 0
    assert list(steps(outcome).values()) == [State.OK] * 4
    assert said == [f"image {IMAGE}: here", "evaluating the reference patch of trivial__calc-1"]
    assert outcome.log is not None
    assert outcome.log.name == "test_output.txt"
    assert (outcome.headline, outcome.tail, outcome.fixes) == ("", (), ())


def test_success_is_remembered_for_the_same_ground_alone(docker_client: DockerClient, plan: MakePlan) -> None:
    first = plan(trivial_image(docker_client), again=False)
    assert "resolved" in preflight(first).checks[-1].detail
    assert "not done again" in preflight(first).checks[-1].detail
    assert "resolved" in preflight(dataclasses.replace(first, again=True)).checks[-1].detail
    assert "resolved" in preflight(dataclasses.replace(first, docker_options={"memory": "3g"})).checks[-1].detail
    changed = dataclasses.replace(first.instance, hidden=dataclasses.replace(first.instance.hidden, hints="changed"))
    assert "resolved" in preflight(dataclasses.replace(first, instance=changed)).checks[-1].detail


def test_failure_is_not_remembered(plan: MakePlan) -> None:
    broken = plan("", instance=demo(eval_script="#!/bin/bash\nexit 3\n"), again=False)
    for _ in range(2):
        assert not preflight(broken).ok


def test_row_without_gold_is_tried_with_a_harmless_patch(docker_client: DockerClient, plan: MakePlan) -> None:
    instance = trivial_instance(1, image=trivial_image(docker_client))
    hidden = dataclasses.replace(instance.hidden, gold_patch="")
    outcome = preflight(plan("", instance=dataclasses.replace(instance, hidden=hidden)))
    assert outcome.ok
    assert "harmless patch of trivial__calc-1: FAIL_TO_PASS 0/1, PASS_TO_PASS 1/1" in outcome.checks[-1].detail


def test_demo_needs_no_engine(no_engine: None, plan: MakePlan) -> None:
    outcome = preflight(plan("", instance=demo()))
    assert steps(outcome) == {"disk for results": State.OK, "evaluation": State.OK}


def with_gold(client: DockerClient, patch: str) -> Instance:
    instance = trivial_instance(1, image=trivial_image(client))
    return dataclasses.replace(instance, hidden=dataclasses.replace(instance.hidden, gold_patch=patch))


def test_instance_that_is_unfit_to_judge_stops_nobody(docker_client: DockerClient, plan: MakePlan) -> None:
    idle = FIX.replace("a + b", "a - b  # still")
    outcome = preflight(plan("", instance=with_gold(docker_client, idle)))
    assert outcome.ok
    check = outcome.checks[-1]
    assert (check.state, check.cause) == (State.WARN, Cause.EVALUATION)
    assert "FAIL_TO_PASS 0/1, PASS_TO_PASS 1/1" in check.detail
    assert "unfit to judge" in check.detail
    assert "validate-env" in check.fix


def test_environment_in_which_nothing_passes_any_more_fails(docker_client: DockerClient, plan: MakePlan) -> None:
    outcome = preflight(plan("", instance=with_gold(docker_client, WRONG)))
    failed(outcome, Cause.EVALUATION, 1)
    assert "PASS_TO_PASS 0/1" in outcome.checks[-1].detail
    assert "is the environment broken?" in outcome.checks[-1].detail
    assert any("test_calc" in line for line in outcome.tail)


def test_tests_that_eat_all_memory_are_told(docker_client: DockerClient, plan: MakePlan) -> None:
    eater = (
        "#!/bin/bash\n: '>>>>> Start Test Output'\npython3 -c 'b = bytearray(300 << 20)'\n: '>>>>> End Test Output'\n"
    )
    instance = trivial_instance(1, image=trivial_image(docker_client), eval_script=eater)
    outcome = preflight(plan("", instance=dataclasses.replace(instance, exceptions={"memory": "64m"})))
    failed(outcome, Cause.MEMORY, 4)
    assert "--sandbox-option memory=" in outcome.fixes[0].text


@pytest.mark.parametrize(
    ("hidden", "words"),
    [
        ({"eval_script": "#!/bin/bash\necho ok\n"}, ""),
        ({"gold_patch": "diff --git a/no b/no\n--- a/no\n+++ b/no\n@@ -1 +1 @@\n-a\n+b\n"}, "patch_apply_failed"),
    ],
)
def test_environment_that_grades_nothing_fails(plan: MakePlan, hidden: dict[str, str], words: str) -> None:
    outcome = preflight(plan("", instance=demo(**hidden)))
    failed(outcome, Cause.EVALUATION, 1)
    assert words in outcome.checks[-1].detail


def test_dead_engine_is_told_at_once(no_engine: None, plan: MakePlan) -> None:
    outcome = preflight(plan("a/b:c"))
    failed(outcome, Cause.DOCKER_STOPPED, 2)
    assert steps(outcome) == {"Docker engine": State.FAIL}
    assert "DOCKER_HOST" in outcome.fixes[0].text


def test_full_disk_for_results_is_told(plan: MakePlan, tmp_path: Path) -> None:
    with mounted(tmp_path / "results", "20m") as small:
        failed(preflight(plan("", instance=demo())), Cause.DISK, 4)
        used = subprocess.run(["dd", "if=/dev/zero", f"of={small}/x", "bs=1M"], capture_output=True)
        assert b"No space left" in used.stderr
        assert preflight(plan("", instance=demo())).exit_code == 4  # not even its log can be kept


def test_results_that_cannot_be_made_are_told(plan: MakePlan, tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    outcome = preflight(plan("", instance=demo()))
    assert (outcome.exit_code, outcome.log) == (4, None)
    assert "--output-dir" in outcome.fixes[0].text


def test_fault_of_a_grading_is_no_full_disk(plan: MakePlan, tmp_path: Path) -> None:
    instance = demo()
    (tmp_path / "results" / "preflight" / instance.instance_id / LOG_FILE).mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        preflight(plan("", instance=instance))


@pytest.fixture
def wanted(fresh_id: str) -> str:
    return f"swebench/sweb.eval.x86_64.{fresh_id.replace('__', '_1776_')}:latest"


def test_registry_that_wants_a_login(registry: Registry, published: Publish, wanted: str, plan: MakePlan) -> None:
    image = published(wanted)
    registry.credentials = ("user", "pass")
    outcome = preflight(plan(image))
    failed(outcome, Cause.REGISTRY_DENIED, 3)
    assert outcome.headline == "Image pull was denied by registry."
    assert outcome.fixes[0].kind is Kind.LOGIN
    assert outcome.fixes[0].command == ("docker", "login", registry.front)
    assert any("docker login" in line for line in outcome.tail)


def test_registry_that_forbids(docker_engine: None, wanted: str, plan: MakePlan) -> None:
    body = '{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'
    with answering(403, body, (("Content-Type", "application/json"),)) as (address, asked):
        outcome = preflight(plan(f"{address}/{wanted}"))
    assert asked
    failed(outcome, Cause.REGISTRY_DENIED, 3)


def test_registry_without_the_image(registry: Registry, wanted: str, plan: MakePlan) -> None:
    outcome = preflight(plan(f"{registry.front}/{wanted}"))
    failed(outcome, Cause.IMAGE_MISSING, 3)
    assert [fix.kind for fix in outcome.fixes] == [Kind.NAMESPACE]


def test_registry_that_limits_its_rate_is_not_sat_out(
    registry: Registry, published: Publish, wanted: str, plan: MakePlan
) -> None:
    image = published(wanted)
    registry.limited = 1000
    outcome = preflight(plan(image))
    failed(outcome, Cause.REGISTRY_LIMITED, 3)
    assert outcome.fixes[0].kind is Kind.LOGIN
    assert "raises the limit" in outcome.fixes[0].text


def test_registry_that_limits_for_a_moment_is_waited_for(
    docker_client: DockerClient, registry: Registry, published: Publish, wanted: str, plan: MakePlan
) -> None:
    image = published(wanted)
    registry.limited = 2  # an engine asks twice
    said: list[str] = []
    outcome = preflight(plan(image), tell=said.append)
    assert steps(outcome)["image"] is State.OK
    assert any("limits its rate; again in" in line for line in said)
    assert images.has(docker_client, image)


def test_registry_that_is_not_there(docker_engine: None, wanted: str, plan: MakePlan) -> None:
    outcome = preflight(plan(f"localhost:1/{wanted}"))
    failed(outcome, Cause.REGISTRY_SILENT, 3)


def test_image_without_a_shell_fails_in_the_evaluation(registry: Registry, published: Publish, plan: MakePlan) -> None:
    outcome = preflight(plan(published()))
    assert steps(outcome)["image"] is State.OK
    assert outcome.failure is not None
    assert outcome.failure.name == "evaluation"


def test_bad_namespace_is_refused(plan: MakePlan) -> None:
    with pytest.raises(InputError, match="SWEBENCH_DOCKER_NAMESPACE"):
        preflight(plan("a/b:c", namespace="https://example.com"))


@pytest.fixture(scope="module")
def mirror(docker_client: DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Registry, str]]:
    """Publish an image that can grade where arm64 images are looked for secondly; yields its registry and id."""
    trivial_image(docker_client)
    fresh_id = f"tests__made-{uuid4().hex[:12]}"
    place = f"epoch/swe-bench.eval.arm64.{fresh_id}"
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        docker_client.images.get(IMAGE).tag(f"{registry.backend}/{place}", "latest")
        registry.push(docker_client, f"{registry.backend}/{place}:latest")
        yield registry, fresh_id


@pytest.fixture
def arm_second(docker_client: DockerClient, mirror: tuple[Registry, str]) -> Iterator[tuple[Registry, str, str]]:
    """Yield the registry, a row's name of an image that it has for arm64 in the second place only, and that place."""
    registry, fresh_id = mirror
    row = f"{registry.front}/{official_name(fresh_id, 'x86_64')}"
    template = f"{registry.front}/epoch/swe-bench.eval.{{arch}}.{{id}}:latest"
    yield registry, row, template
    pulled = template.replace("{arch}", "arm64").replace("{id}", fresh_id)
    for name in (row, row.partition("/")[2], pulled):
        if images.has(docker_client, name):
            docker_client.api.remove_image(name)


def test_missing_arm_image_comes_from_the_second_source_and_is_graded(
    arm_second: tuple[Registry, str, str], plan: MakePlan, tmp_path: Path
) -> None:
    registry, row, template = arm_second
    said: list[str] = []
    flight: Plan = plan(row, arch="arm64", second_source=template, keep_in=tmp_path / ".env")
    outcome = preflight(flight, tell=said.append)
    assert outcome.ok, outcome
    assert "pulled in" in outcome.checks[2].detail
    assert len(registry.took("/swebench/", 404, "HEAD")) == 1
    assert (tmp_path / ".env").read_text() == f"SWEBENCH_DOCKER_NAMESPACE={template}\n"
    assert any("kept SWEBENCH_DOCKER_NAMESPACE=" in line for line in said)


def test_named_place_that_proved_useful_is_kept(
    arm_second: tuple[Registry, str, str], plan: MakePlan, tmp_path: Path
) -> None:
    registry, row, template = arm_second
    official = row.partition("/")[2]  # only official names are looked for elsewhere
    flight: Plan = plan(official, arch="arm64", namespace=f"{registry.front}/none", keep_in=tmp_path / ".env")
    said: list[str] = []
    outcome = guided(flight, Leader(Kind.NAMESPACE, place=template), tell=said.append)
    assert outcome.ok, outcome
    assert outcome.environment == {"SWEBENCH_DOCKER_NAMESPACE": template}
    assert (tmp_path / ".env").read_text() == f"SWEBENCH_DOCKER_NAMESPACE={template}\n"
    assert said[-1] == f"kept SWEBENCH_DOCKER_NAMESPACE={template}"
    again = dataclasses.replace(flight, keep_in=tmp_path)  # a folder takes nothing
    images_gone(official)
    assert guided(again, Leader(Kind.NAMESPACE, place=template), tell=said.append).ok
    assert "set it in the environment" in said[-1]


def images_gone(*gone: str) -> None:
    client = connect()
    for name in gone:
        client.api.remove_image(name)
    client.close()


def test_emulation_is_for_this_flight_only(
    registry: Registry, published: Publish, wanted: str, plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = published(wanted)
    monkeypatch.delenv("DOCKER_DEFAULT_PLATFORM", raising=False)
    none = f"{registry.front}/none/{{arch}}.{{id}}"
    missing = preflight(plan(image, arch="arm64", second_source=none))
    failed(missing, Cause.IMAGE_MISSING, 3)
    assert [fix.kind for fix in missing.fixes] == [Kind.NAMESPACE, Kind.EMULATE]
    emulated = preflight(plan(image, platform="linux/amd64", second_source=none))
    assert steps(emulated)["image"] is State.OK
    assert emulated.environment == {"DOCKER_DEFAULT_PLATFORM": "linux/amd64"}
    assert "DOCKER_DEFAULT_PLATFORM" not in os.environ
    monkeypatch.setenv("DOCKER_DEFAULT_PLATFORM", "linux/s390x")
    assert steps(preflight(plan(image, platform="linux/amd64")))["image"] is State.OK
    assert os.environ["DOCKER_DEFAULT_PLATFORM"] == "linux/s390x"


def test_secrets_stay_out_of_log_and_outcome(
    no_engine: None, plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = "canary-0123456789abcdef"
    monkeypatch.setenv("SOME_API_KEY", canary)
    monkeypatch.setenv("DOCKER_HOST", f"tcp://me:{canary}@localhost:1")
    outcome = preflight(plan("a/b:c"))
    assert not outcome.ok
    assert canary not in repr(outcome)
    assert not [path for path in (tmp_path / "results").rglob("*") if path.is_file() and canary in path.read_text()]


def test_real_row_is_ready(shared_data: Path, real_row: Callable[[str], dict[str, Any]], tmp_path: Path) -> None:
    real_row("pytest-dev__pytest-10356")  # the row that is tried is one whose image is here
    flight = plan_for(resolve({}, tmp_path), tmp_path, dataset=str(shared_data / "pypi_rows.jsonl"), again=False)
    outcome = preflight(flight)
    assert outcome.ok, outcome
    assert "reference patch" in outcome.checks[-1].detail
    assert "not done again" in preflight(flight).checks[-1].detail
