"""Whole runs that are told by files and environment what to do."""

from __future__ import annotations

import pytest

from pytest_swebench.redact import REDACTED
from tests.plugin.conftest import Run, outcomes, variant_files
from tests.support.settings import write


def test_what_is_kept_for_real_runs_leaves_the_demo_free(run: Run, pytester: pytest.Pytester) -> None:
    write(
        pytester.path,
        dotenv="PROVIDER=openrouter\nMODEL=paid-1\nLLM_API_KEY=keyring://swebench-runner/openrouter\nMAX_WORKERS=2\n",
        yaml="experiment: {instances: [tinyconf-5, tinyconf-9]}\ngeneration: {temperature: 0.7}",
    )
    result = run("-m", "experiment", "--outcome=capture")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["swebench: no dataset chosen: the embedded demo*", "2 workers*"])
    (head, *_) = variant_files(pytester.path)["singleshot_run1"]
    assert (head["provider"], head["model"], head["temperature"]) == ("replay", "demo-model", 0.2)


def test_files_choose_dataset_arms_and_place(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        pytester.path,
        dotenv="SWEBENCH_ARMS=gold\nOUTPUT_DIR=of-dotenv/results\n",
        yaml="experiment: {dataset: demo, arms: [gold, null], max_instances: 1}",
    )
    result = run("-m", "experiment")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*no dataset chosen*")
    assert len(outcomes(pytester.path / "of-dotenv")) == 1
    monkeypatch.setenv("OUTPUT_DIR", "of-environment/results")
    run("-m", "experiment", "--arms=null", "--max-instances=2", "-n0").assert_outcomes(failed=2)
    assert len(outcomes(pytester.path / "of-environment")) == 2


def test_option_says_how_many_workers_though_a_file_does(run: Run, pytester: pytest.Pytester) -> None:
    write(pytester.path, yaml="generation: {max_workers: 2}")
    result = run("-m", "experiment", "--arms=gold", "--max-instances=1", "-n0")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*2 workers*")


def test_file_that_cannot_be_meant_is_a_usage_error_and_leaves_nothing(run: Run, pytester: pytest.Pytester) -> None:
    write(pytester.path, yaml="generation: {modle: x}")
    result = run("-m", "experiment")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: .swebench.yaml: generation: unknown key 'modle'; did you mean 'model'?*"])
    assert not pytester.path.joinpath("results").exists()


def test_unrelated_run_reads_no_file(run: Run, pytester: pytest.Pytester) -> None:
    write(pytester.path, yaml="generation: {modle: x}")
    pytester.path.joinpath(".env").mkdir()
    pytester.makepyfile(
        "import sys\n\ndef test_it():\n    assert not {'yaml', 'dotenv', 'keyring'} & set(sys.modules)\n"
    )
    run().assert_outcomes(passed=1)


def test_pytests_own_configuration_is_the_last_place(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml("[tool.pytest]\nswebench_max_instances = 1\nswebench_arms = 'gold'\n")
    run("-m", "experiment").assert_outcomes(passed=1)
    write(pytester.path, dotenv="MAX_INSTANCES=2\n")
    run("-m", "experiment").assert_outcomes(passed=2)


def rubbish(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave files and an environment that no experiment would start with."""
    write(pytester.path, yaml="generation: {modle: x}")
    pytester.path.joinpath(".env").write_bytes(b"A=\xff")
    monkeypatch.setenv("MAX_WORKERS", "lots")


def test_unrelated_run_with_workers_reads_no_settings(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    rubbish(pytester, monkeypatch)
    pytester.makepyfile(
        "import sys\n\ndef test_it():\n    assert not {'yaml', 'dotenv', 'keyring'} & set(sys.modules)\n"
    )
    run("-n", 2).assert_outcomes(passed=1)
    run("-n", 2, "--collect-only").stdout.fnmatch_lines(["*1 test collected*"])
    assert not pytester.path.joinpath("results").exists()


OWN_RESULTS = "def test_own(writer_pool):\n    writer_pool.get('own', 1).write_result(scenario_id='a')\n"


def test_settings_say_where_an_unrelated_run_with_workers_writes_results_of_its_own(
    run: Run, pytester: pytest.Pytester
) -> None:
    write(pytester.path, dotenv="OUTPUT_DIR=of-dotenv/results\n")
    pytester.makepyfile(OWN_RESULTS)
    run("-n", 2).assert_outcomes(passed=1)
    assert [len(lines) for lines in variant_files(pytester.path / "of-dotenv").values()] == [2]
    assert not pytester.path.joinpath("results").exists()


def test_unrelated_run_with_workers_is_refused_settings_only_where_it_needs_them(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    rubbish(pytester, monkeypatch)
    pytester.makepyfile(OWN_RESULTS + "def test_else():\n    pass\n")
    result = run("-n", 2)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["E *InputError: .env: cannot be read: *"])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_name_that_no_run_can_have_is_a_usage_error_of_an_unrelated_run_with_workers(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile("def test_it():\n    pass\n")
    result = run("-n", 2, "-m", "not experiment", "--run-id=a/b")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--run-id 'a/b': may hold letters*"])


@pytest.mark.parametrize("registered", [False, True])
def test_marker_of_somebody_else_wakes_nothing(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, registered: bool
) -> None:
    rubbish(pytester, monkeypatch)
    pytester.makepyfile(
        test_theirs="import pytest\n# our experiment\n@pytest.mark.experiment\ndef test_it(tmp_path):\n    pass\n"
    )
    run("test_theirs.py").assert_outcomes(passed=1)
    if registered:
        pytester.makeini("[pytest]\nmarkers =\n    experiment: slow things of ours\n")
        for paths in ((), ("test_theirs.py",)):
            run("-m", "experiment", *paths).assert_outcomes(passed=1)
    assert not pytester.path.joinpath("results").exists()


@pytest.mark.parametrize(
    "test",
    [
        "def test_it(experiment): experiment.judge()",
        "def test_it(\n    tmp_path: object,\n    experiment: object,\n): experiment.judge()",
        "@pytest.mark.usefixtures('experiment')\ndef test_it(): pass",
    ],
)
def test_file_whose_tests_take_a_cell_is_enough(run: Run, pytester: pytest.Pytester, test: str) -> None:
    mark = "@pytest.mark.experiment(arms=['gold'])"
    pytester.makepyfile(test_ours=f"import pytest\n{mark}\n{test}\n")
    pytester.makeini("[pytest]\nswebench_max_instances = 1\nmarkers =\n    experiment: as if it were ours\n")
    for options in (("test_ours.py",), ("-m", "experiment")):
        run(*options).assert_outcomes(passed=1)
    assert len(list(pytester.path.glob("results/*/results.jsonl"))) == 2


def test_what_settings_ask_for_in_vain_is_noted(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_WORKERS", "3")
    monkeypatch.setenv("SWEBENCH_MAX_COTS", "1")
    result = run("-p", "no:xdist", "-m", "experiment", "--arms=gold", "--max-instances=1")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "note: env: 'SWEBENCH_MAX_COTS' is no setting; did you mean 'SWEBENCH_MAX_COST'?*",
            "note: env:MAX_WORKERS asks for 3 workers; without pytest-xdist one process runs all cells",
        ]
    )


def test_debugger_gets_the_cells_itself(run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_WORKERS", "2")
    result = run("-m", "experiment", "--arms=gold", "--max-instances=1", "--trace")
    result.stdout.fnmatch_lines(["*PDB runcall*"])
    result.stdout.no_fnmatch_line("*2 workers*")


@pytest.mark.parametrize("value", ["nan", "inf"])
@pytest.mark.parametrize("name", ["--generation-timeout", "--eval-timeout", "--max-cost", "--fail-under"])
def test_number_that_is_none_is_refused_by_name(run: Run, name: str, value: str) -> None:
    result = run("-m", "experiment", f"{name}={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {name}*{value}*"])


PASSWORD = "canary~password/1"
URL = "http://me:canary~password%2F1@127.0.0.1:9/v1"


@pytest.mark.parametrize("place", ["option", "yaml", "ini"])
@pytest.mark.parametrize("parallel", [(), ("-n2",)])
def test_password_of_an_address_is_not_shown_wherever_it_is_set(
    run: Run, pytester: pytest.Pytester, place: str, parallel: tuple[str, ...]
) -> None:
    pytester.makepyfile(
        """
        from urllib.parse import unquote
        from pytest_swebench.config.active import settings_of

        def test_it(pytestconfig):
            raise ValueError(unquote(settings_of(pytestconfig).value("provider_url")))
        """
    )
    given = ["--arms=gold"]
    if place == "option":
        given.append(f"--provider-url={URL}")
    elif place == "yaml":
        write(pytester.path, yaml=f"generation: {{base_url: '{URL}'}}")
    else:
        pytester.makeini(f"[pytest]\nswebench_provider_url = {URL}\n")
    result = run("-m", "experiment or not experiment", ".", *given, *parallel)
    result.assert_outcomes(failed=1)
    shown = result.stdout.str()
    assert (REDACTED in shown, PASSWORD in shown, URL in shown) == (True, False, False)


def test_usage_error_shows_no_password(run: Run) -> None:
    result = run("-m", "experiment", "--provider=openai", "--provider-url=ftp://me:canary-password@h")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: provider 'openai': base URL *must start with http://*"])
    assert "canary-password" not in result.stderr.str()


@pytest.mark.parametrize(
    ("hook", "told", "options"),
    [
        ("pytest_runtest_logfinish(): raise RuntimeError", "INTERNALERROR> *RuntimeError: *", ()),
        ("pytest_runtest_logfinish(): raise RuntimeError", "INTERNALERROR> *RuntimeError: *", ("-n1",)),
        ("pytest_runtest_call(): raise KeyboardInterrupt", "*KeyboardInterrupt*", ("--full-trace",)),
        ("pytest_runtest_call(): raise KeyboardInterrupt", "*KeyboardInterrupt*", ()),
        ("pytest_runtest_call(): pytest.exit", "*Exit: *", ()),
    ],
)
def test_traceback_that_ends_a_run_shows_no_key(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, hook: str, told: str, options: tuple[str, ...]
) -> None:
    monkeypatch.setenv("LLM_API_KEY", "sk-canary-0123456789")
    pytester.makeconftest(f"import os\nimport pytest\ndef {hook}('it is ' + os.environ['LLM_API_KEY'])\n")
    pytester.makepyfile("def test_it():\n    pass\n")
    result = run("-m", "experiment or not experiment", ".", "--arms=gold", *options)
    shown = result.stdout.str() + result.stderr.str()
    result.stdout.fnmatch_lines([told])
    assert (f"it is {REDACTED}" in shown, "sk-canary" in shown) == (True, False)
