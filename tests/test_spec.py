from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_swebench.errors import InputError
from pytest_swebench.spec import ExperimentSpec, make_spec
from tests.support.settings import write

Make = Callable[..., ExperimentSpec]
HERE = Path("/suite")


@pytest.fixture
def make(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make a spec from a command line, the keywords of a marker and an environment."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # looking through all that is installed takes seconds
    plugins = ("-p", "pytest_swebench.plugin", "-p", "pytest_repeat", "-p", "no:cacheprovider")

    def made(*options: str, env: dict[str, str] | None = None, args: tuple[Any, ...] = (), **marker: Any) -> Any:
        config = pytester.parseconfig(*plugins, *options)
        mark = pytest.mark.experiment(*args, **marker).mark if marker or args else None
        return make_spec(config, mark, env or {}, HERE)

    return made


def test_defaults_are_the_demo(make: Make, pytester: pytest.Pytester) -> None:
    spec = make()
    assert (spec.dataset, spec.split, spec.arms) == ("demo", "test", ("singleshot",))
    assert (spec.provider, spec.models, spec.temperatures) == ("replay:demo", ("demo-model",), (0.2,))
    assert (spec.reps, spec.selection.describe()) == (1, "")


def test_command_line_wins_over_marker_and_marker_over_environment(make: Make) -> None:
    env = {"PROVIDER": "openai", "MODEL": "e-1,e-2", "BASE_URL": "http://e"}
    marker: dict[str, Any] = {"dataset": "lite", "arms": ["gold"], "provider": "anthropic", "models": ["m-1"]}
    assert make("--dataset", "verified", env=env).models == ("e-1", "e-2")
    marked = make(env=env, **marker)
    assert (marked.dataset, marked.arms, marked.provider) == ("lite", ("gold",), "anthropic")
    assert (marked.models, marked.provider_url) == (("m-1",), "http://e")
    given = make("--dataset=full", "--arms=null,gold", "--provider=ollama", "--model=c-1", env=env, **marker)
    assert (given.dataset, given.arms, given.provider, given.models) == ("full", ("null", "gold"), "ollama", ("c-1",))


def test_option_set_to_nothing_leaves_marker_and_environment_their_say(make: Make) -> None:
    empty = ("--model=", "--models=", "--arms=", "--temperatures=", "--dataset=lite")
    spec = make(*empty, env={"MODEL": "e-1", "ARMS": "gold", "SWEBENCH_TEMPERATURES": "0.5"})
    assert (spec.models, spec.arms, spec.temperatures) == (("e-1",), ("gold",), (0.5,))
    assert make(*empty, model="m-1", arms=["null"]).models == ("m-1",)
    assert make("--models=a,b", "--dataset=lite", model="m-1").models == ("a", "b")


def test_only_the_demo_brings_its_own_provider(make: Make) -> None:
    assert make("--dataset", "lite").provider == ""
    assert make("--dataset", "lite").models == ()
    assert make("--provider", "ollama").models == ()


def test_what_files_hold_for_real_runs_leaves_the_demo_free(make: Make, pytester: pytest.Pytester) -> None:
    write(
        pytester.path,
        dotenv="PROVIDER=openrouter\nMODEL=paid-1\nBASE_URL=http://e\n",
        yaml="generation: {provider: openai, temperature: 0.7}",
    )
    for demo in (make(), make("--dataset=demo"), make(dataset="demo")):
        assert (demo.provider, demo.models, demo.temperatures) == ("replay:demo", ("demo-model",), (0.2,))
    real = make("--dataset=lite")
    assert (real.provider, real.models, real.temperatures) == ("openrouter", ("paid-1",), (0.7,))
    assert real.provider_url == "http://e"
    assert (make("--provider=ollama").provider, make("--provider=ollama").models) == ("ollama", ("paid-1",))
    assert make(provider="ollama").provider == "ollama"


def test_what_files_choose_starts_where_pytest_was_started_and_gives_way_to_the_marker(
    make: Make, pytester: pytest.Pytester
) -> None:
    write(
        pytester.path,
        yaml="experiment: {dataset: rows.jsonl, arms: [gold, null], split: dev, instances: [a, b], language: Go}\n"
        "generation: {provider: 'replay:answers.jsonl'}",
    )
    spec = make()
    assert (spec.dataset, spec.base_dir, spec.split) == ("rows.jsonl", pytester.path, "dev")
    assert (spec.arms, spec.provider) == (("gold", "null"), f"replay:{pytester.path}/answers.jsonl")
    assert spec.selection.describe() == "--instances a,b --language go"
    marked = make(dataset="own.jsonl", arms=["null"], split="test", temperatures=[0.9])
    assert (marked.dataset, marked.base_dir, marked.split) == ("own.jsonl", HERE, "test")
    assert (marked.arms, marked.temperatures) == (("null",), (0.9,))


def test_bad_value_of_a_file_is_refused_with_its_place(make: Make, pytester: pytest.Pytester) -> None:
    write(pytester.path, yaml="generation: {temperature: warm}\nexperiment: {dataset: lite}")
    with pytest.raises(InputError, match=r"\.swebench\.yaml:generation\.temperature: 'warm' is not a number"):
        make()
    write(pytester.path, yaml="experiment: {arms: ','}")
    with pytest.raises(InputError, match=r"\.swebench\.yaml:experiment\.arms ',': names no arm"):
        make()


def test_marker_paths_start_at_the_test_file_and_options_where_pytest_was_started(
    make: Make, pytester: pytest.Pytester
) -> None:
    marked = make(dataset="rows.jsonl", provider="replay:answers.jsonl")
    assert (marked.base_dir, marked.provider) == (HERE, "replay:/suite/answers.jsonl")
    given = make("--dataset=rows.jsonl", "--provider=replay:answers.jsonl", dataset="x", provider="replay:x")
    assert (given.base_dir, given.provider) == (pytester.path, f"replay:{pytester.path}/answers.jsonl")


def test_dataset_is_known_to_be_chosen_or_not(make: Make) -> None:
    assert not make().names_dataset
    chosen = (make("--dataset=demo"), make(dataset="demo"), make(env={"SWEBENCH_DATASET": "demo"}))
    assert all(spec.names_dataset and spec.dataset == "demo" for spec in chosen)


def test_single_values_of_a_marker_need_no_list(make: Make) -> None:
    spec = make(arms="gold,null", model="m-1", temperatures=0.7)
    assert (spec.arms, spec.models, spec.temperatures) == (("gold", "null"), ("m-1",), (0.7,))


def test_default_temperature_is_left_to_the_provider(make: Make) -> None:
    assert make("--temperatures", "0,0.8,default").temperatures == (0.0, 0.8, None)
    assert make(temperatures=[None, 1]).temperatures == (None, 1.0)


def test_turns_are_whole_numbers_or_the_arms_own(make: Make) -> None:
    assert make().turns == (None,)
    assert make("--max-turns", "10,20", max_turns=5).turns == (10, 20)
    assert make(max_turns=[5]).turns == make(max_turns=5).turns == (5,)
    for given in ("0", "ten", "-1", "1.5"):
        with pytest.raises(InputError, match=r"--max-turns: '.*' is not a whole number of 1 or more"):
            make(f"--max-turns={given}")


def test_repetitions_come_from_count(make: Make) -> None:
    assert [make("--count", count).reps for count in ("1", "4", "0")] == [1, 4, 1]


def test_selection_is_read_from_the_options(make: Make, pytester: pytest.Pytester) -> None:
    (pytester.path / "ids.txt").write_text("b\na\n", encoding="utf-8")
    options = ("--instances=x,y", "--instance-ids=@ids.txt", "--language=Python", "--max-instances=3", "--shuffle=7")
    expected = "--instances x,y --instance-ids b,a --language python --max-instances 3 --shuffle 7"
    assert make(*options).selection.describe() == expected


def test_manifests_are_shared_by_what_selects_the_same(make: Make) -> None:
    plain = make("--dataset=demo").manifest_name
    assert make("--dataset=demo", "--count=3", "--temperatures=0.9", "--output-dir=x").manifest_name == plain
    others = [make("--dataset=demo", option) for option in ("--instances=x", "--max-instances=1", "--shuffle=1")]
    assert len({plain, *(spec.manifest_name for spec in others)}) == 4


@pytest.mark.parametrize(
    ("options", "marker", "message"),
    [
        (["--arms=,"], {}, r"--arms ',': names no arm"),
        ([], {"arms": []}, r"arms=\[\]\): takes names of arms"),
        (["--model=a", "--models=b,c"], {}, "--model 'a' and --models 'b,c' exclude each other"),
        (["--temperatures=0.2,warm"], {}, "--temperatures: 'warm' is not a number of 0 or more"),
        (["--temperatures=-1"], {}, "--temperatures: '-1' is not a number of 0 or more"),
        (["--temperatures=nan"], {}, "--temperatures: 'nan' is not"),
        (["--temperatures=,"], {}, "--temperatures: no temperature"),
        ([], {"temperatures": ["warm"]}, r"experiment\(temperatures=...\): 'warm' is not a number"),
        ([], {"temperatures": []}, r"experiment\(temperatures=...\): no temperature"),
        (["--max-instances=-1"], {}, "--max-instances -1: must be 0"),
        (["--instance-ids=,"], {}, "--instance-ids ',' names no instance"),
        ([], {"datset": "lite"}, "unknown keyword 'datset'; did you mean 'dataset'"),
        ([], {"args": ("lite",)}, "takes keywords only, found 'lite'"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_fix(
    make: Make, options: list[str], marker: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        make(*options, **marker)
