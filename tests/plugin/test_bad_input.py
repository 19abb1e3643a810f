"""Bad input gives one clear message, an exit code that is not 0, and nothing is run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.plugin.conftest import Run

ROW = {
    "instance_id": "acme__acme-1",
    "repo": "acme/acme",
    "base_commit": "0" * 40,
    "problem_statement": "It breaks.",
    "patch": "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a\n+b\n",
    "test_patch": "",
    "version": "1",
    "FAIL_TO_PASS": "[]",
    "PASS_TO_PASS": "[]",
    "image": "acme/never-built:latest",
    "eval_script": "true",
    "log_parser": "parse_log_pytest",
    "eval_type": "pass_and_fail",
}


def refused(result: pytest.RunResult, *parts: str) -> None:
    """Assert a usage error of at most eight lines that holds `parts`, and that nothing was recorded."""
    text = "\n".join([*result.errlines, *result.outlines])
    assert result.ret == pytest.ExitCode.USAGE_ERROR, text
    for part in parts:
        assert part in text
    assert "Traceback" not in text
    assert len(text.strip().splitlines()) <= 8


def refused_at_collection(result: pytest.RunResult, *parts: str) -> None:
    text = "\n".join(result.outlines)
    assert result.ret in {pytest.ExitCode.INTERRUPTED, pytest.ExitCode.TESTS_FAILED}, text
    for part in parts:
        assert part in text
    assert "Traceback" not in text
    assert "passed" not in text


def write_rows(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--arms", "goldd"), ("unknown arm 'goldd'", "did you mean 'gold'", "singleshot")),
        (("--arms", "baseline"), ("'baseline'", "use 'null'")),
        (("--dataset", "litee"), ("'litee'", "did you mean 'lite'")),
        (("--dataset", "nowhere.jsonl"), ("nowhere.jsonl",)),
        (("--dataset", "demo", "--instances", "zzz"), ("--instances zzz", "matches none of the 13", "ledgerlib")),
        (("--dataset", "demo", "--instance-ids", "tinyconf__tinyconf-55"), ("tinyconf__tinyconf-55", "did you mean")),
        (("--instances", "zzz"), ("--instances zzz", "matches none of the 13")),
        (("--dataset", "demo", "--language", "cobol"), ("unknown language 'cobol'", "known: python")),
        (("--provider", "antropic"), ("unknown provider 'antropic'", "did you mean 'anthropic'")),
        (("--provider", "anthropic"), ("ANTHROPIC_API_KEY",)),
        (("--provider", "replay:missing.jsonl"), ("missing.jsonl",)),
        (("--temperatures", "warm"), ("--temperatures", "'warm'")),
        (("--max-instances", "-3"), ("--max-instances", "-3")),
        (("--fail-under", "30"), ("--fail-under", "between 0 and 1")),
        (("--model", "a", "--models", "b,c"), ("exclude each other",)),
        (("--arms", "predictions"), ("--patches",)),
        (("--arms", "gold", "--patches", "x.jsonl"), ("--patches=x.jsonl", "'predictions'")),
        (("--model", "x"), ("demo-model", "add --provider")),
        (("--split", "dev"), ("'dev'", "'test' only")),
        (("--dataset", "demo", "--sandbox", "dokcer"), ("unknown sandbox 'dokcer'",)),
        (("--dataset", "demo", "--sandbox", "docker"), ("no image",)),
    ],
)
def test_bad_option_is_a_usage_error(run: Run, options: tuple[str, ...], parts: tuple[str, ...]) -> None:
    refused(run("-m", "experiment", *options), *parts)


@pytest.mark.parametrize("mode", ["loadgroup", "loadscope", "loadfile", "each"])
def test_distribution_that_may_pay_twice_is_refused(run: Run, mode: str) -> None:
    refused(run("-m", "experiment", "-n", 2, "--dist", mode), f"--dist {mode}", "--dist load")


def test_output_folder_that_cannot_be_written_is_refused(run: Run, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("taken").write_text("a file")
    refused(run("-m", "experiment", "--output-dir", "taken/results"), "--output-dir", "choose another folder")


def test_paid_arm_without_provider_is_refused_with_the_fixes(run: Run, pytester: pytest.Pytester) -> None:
    write_rows(pytester.path / "rows.jsonl", ROW)
    result = run("-m", "experiment", "--dataset=rows.jsonl", "--arms", "singleshot")
    refused(result, "no model provider is configured", "--provider", "PROVIDER")


def test_malformed_row_is_named_with_file_and_line(run: Run, pytester: pytest.Pytester) -> None:
    path = write_rows(pytester.path / "rows.jsonl", ROW)
    path.write_text(path.read_text() + '{"instance_id": "acme__acme-2", \n')
    refused(run("-m", "experiment", "--dataset=rows.jsonl", "--arms", "gold"), "rows.jsonl:2")


def test_duplicate_instance_ids_are_refused(run: Run, pytester: pytest.Pytester) -> None:
    write_rows(pytester.path / "rows.jsonl", ROW, ROW)
    refused(run("-m", "experiment", "--dataset=rows.jsonl", "--arms", "gold"), "acme__acme-1", "rows.jsonl:2")


def test_classic_row_without_eval_script_is_refused_before_grading(run: Run, pytester: pytest.Pytester) -> None:
    classic = {key: value for key, value in ROW.items() if key not in {"eval_script", "image"}}
    write_rows(pytester.path / "rows.jsonl", classic)
    refused(run("-m", "experiment", "--dataset=rows.jsonl", "--arms", "gold"), "acme__acme-1", "eval_script", "image")


def test_unknown_log_parser_is_refused(run: Run, pytester: pytest.Pytester) -> None:
    write_rows(pytester.path / "rows.jsonl", {**ROW, "log_parser": "parse_log_nothing"})
    refused(run("-m", "experiment", "--dataset=rows.jsonl", "--arms", "gold"), "parse_log_nothing")


def test_no_docker_is_one_message_with_the_fix(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{pytester.path}/no.sock")
    write_rows(pytester.path / "rows.jsonl", ROW)
    refused(run("-m", "experiment", "--dataset=rows.jsonl", "--arms", "gold"), "Docker")


def test_missing_image_is_refused(run: Run, pytester: pytest.Pytester, docker_engine: None) -> None:
    write_rows(pytester.path / "rows.jsonl", {**ROW, "image": "never-built:latest"})
    refused(run("-m", "experiment", "--dataset=rows.jsonl", "--arms", "gold"), "never-built:latest")


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ('{"instance_id": "tinyconf__tinyconf-5"}\n', ("preds.jsonl:1", "nothing to grade", "has no 'model_patch'")),
        ("nonsense\n", ("preds.jsonl:1", "not valid JSON")),
        ('{"instance_id": "unheard__of-1", "model_patch": ""}\n', ("unheard__of-1", "not in dataset 'demo'")),
    ],
)
def test_bad_patch_file_is_named(run: Run, pytester: pytest.Pytester, content: str, parts: tuple[str, ...]) -> None:
    pytester.path.joinpath("preds.jsonl").write_text(content)
    options = ("--dataset", "demo", "--arms", "predictions", "--patches", "preds.jsonl")
    refused(run("-m", "experiment", *options), *parts)


@pytest.mark.parametrize(
    ("option", "parts"),
    [
        ("--eval-timeout=0", ("--eval-timeout 0", "must be 1 or more")),
        ("--eval-max-workers=0", ("--eval-max-workers 0",)),
        (
            "--sandbox-option=lifetime_s=600 --generation-timeout=900",
            ("lifetime_s=600: sandboxes would end before solving does", "--generation-timeout 900"),
        ),
        ("--sandbox-option=memory", ("--sandbox-option 'memory'", "NAME=VALUE")),
        ("--sandbox-option=memroy=1g", ("memroy", "did you mean 'memory'")),
        ("--sandbox-option=agent_network=install", ("give --agent-network install instead",)),
        ("--run-id=a/b", ("--run-id 'a/b'", "letters, digits")),
        ("--image-disk-cap=much", ("much",)),
        ("--image-prefetch=-1", ("--image-prefetch -1",)),
        ("--pro-scripts=nowhere", ("nowhere",)),
        ("--sandbox=local --sandbox-profile=official", ("--sandbox-profile: has no effect with --sandbox=local",)),
        ("--sandbox-profile=official --sandbox-option=cpus=1", ("--sandbox-option: has no effect",)),
        ("--harness=official --no-control", ("--no-control: has no effect with --harness=official",)),
    ],
)
def test_bad_grading_option_is_named(run: Run, option: str, parts: tuple[str, ...]) -> None:
    refused(run("-m", "experiment", "--dataset=demo", "--arms=gold", *option.split()), *parts)


def test_sandbox_of_a_plugin_that_cannot_grade_is_refused_before_anything_runs(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest("""
        class Backend:
            name = "old"
            def check(self, instances): pass
            def open(self, instance): pass
            def run_script(self, instance, script, files, *, timeout_s, log): pass
            def close(self): pass

        def pytest_swebench_sandboxes():
            return {"old": lambda run_id: Backend()}
    """)
    refused(run("-m", "experiment", "--dataset=demo", "--arms=gold", "--sandbox=old"), "--sandbox old", "base_files")


def test_unknown_marker_keyword_is_named(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.experiment(arm='gold')\ndef test_it(experiment): pass")
    refused_at_collection(run("-m", "experiment"), "unknown keyword 'arm'", "did you mean 'arms'")


def test_marker_arms_that_are_no_names_are_refused(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.experiment(arms=[1])\ndef test_it(experiment): pass")
    refused_at_collection(run("-m", "experiment"), "arms=[1]", "takes names of arms")


def test_marker_dataset_that_does_not_exist_fails_collection(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import pytest\n@pytest.mark.experiment(dataset='gone.jsonl', arms=['gold'])\ndef test_it(experiment): pass"
    )
    refused_at_collection(run("-m", "experiment"), "gone.jsonl")
    refused_at_collection(run("-m", "experiment", "-n", 2), "gone.jsonl")


CLASHING = """
import pytest

@pytest.mark.experiment(arms=["null"])
def test_one(experiment): pass

@pytest.mark.experiment(arms=["null"])
def test_two(experiment): pass
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1"), ("-n", "2")])
def test_two_selected_tests_with_the_same_cell_are_refused(
    run: Run, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    pytester.makepyfile(test_clash=CLASHING)
    result = run("-m", "experiment", "--instances", "tinyconf-5", *workers)
    text = "\n".join([*result.errlines, *result.outlines])
    assert result.ret != 0
    assert "would both run the cell tinyconf__tinyconf-5/null/r1" in text
    assert "select one of them" in text
    assert "passed" not in text


def test_one_of_two_clashing_tests_runs_when_selected(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_clash=CLASHING)
    run("-m", "experiment", "--instances", "tinyconf-5", "test_clash.py::test_two").assert_outcomes(passed=1)
    run("-m", "experiment", "--instances", "tinyconf-5", "-k", "test_one").assert_outcomes(passed=1, deselected=1)


def test_other_parameters_beside_a_cell_are_refused(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.experiment(arms=["null"])
        @pytest.mark.parametrize("x", [1, 2])
        def test_it(x, experiment): pass
        """
    )
    refused(run("-m", "experiment", "--instances", "tinyconf-5", "-q"), "takes no other parameters")


def test_one_variant_name_with_two_meanings_is_refused(run: Run, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("a.jsonl").write_text('{"scenario_id": "a", "prompt": "Say a."}\n')
    pytester.path.joinpath("b.jsonl").write_text('{"scenario_id": "b", "prompt": "Say b."}\n')
    pytester.path.joinpath("answers.jsonl").write_text("")
    pytester.makeconftest(
        """
        from pytest_swebench.arms.protocol import Solution

        class Ask:
            name, version, paid, oracle = "ask", "1", True, False
            def check(self, instances): pass
            def solve(self, context): return Solution(response_text="hm")

        def pytest_swebench_arms():
            return [Ask()]
        """
    )
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.experiment(dataset="a.jsonl", arms=["ask"], model="cheap", provider="replay:answers.jsonl")
        def test_a(experiment): pass

        @pytest.mark.experiment(dataset="b.jsonl", arms=["ask"], model="dear", provider="replay:answers.jsonl")
        def test_b(experiment): pass
        """
    )
    refused(run("-m", "experiment", "-q"), "different things by the variant 'ask'", "cheap", "dear")


def test_async_experiment_is_refused(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.experiment\nasync def test_it(experiment): pass")
    refused_at_collection(run("-m", "experiment"), "a plain function, not async")


def test_cell_without_marker_says_how_to_get_one(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(cell): pass")
    result = run()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*'cell' needs the marker @pytest.mark.experiment*"])


def test_third_party_arm_with_a_taken_name_is_refused(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        from pytest_swebench.arms.simple import Null

        def pytest_swebench_arms():
            return [Null()]
        """
    )
    refused(run("-m", "experiment", "--arms", "null"), "'null' is taken already", "choose another")


OWN_ARM = """
class ByHand:
    name, version, paid, oracle = "byhand", "1", False, False
    def check(self, instances): pass
    def solve(self, context): return contxt

def pytest_swebench_arms():
    return [ByHand()]
"""


def test_fault_of_an_own_arm_shows_its_line_and_the_traceback(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(OWN_ARM)
    result = run("-m", "experiment", "--arms=byhand", "--instances=tinyconf-5")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "*error: NameError: name 'contxt' is not defined (at conftest.py:4)",
            "traceback: results/*/cells/tinyconf__tinyconf-5/byhand/rep1/error.attempt1.txt",
        ]
    )
    # pytest's own short summary repeats the whole message where CI is set
    named, *_ = (line.removeprefix("traceback: ") for line in result.outlines if line.startswith("traceback: "))
    assert "NameError" in (pytester.path / named).read_text()


def test_provider_factory_that_fails_is_named(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import os

        def pytest_swebench_providers():
            return {"inhouse": lambda: os.environ["INHOUSE_URL_THAT_IS_NOT_SET"]}
        """
    )
    refused(
        run("-m", "experiment", "--provider", "inhouse", "--model", "m"), "'inhouse'", "INHOUSE_URL_THAT_IS_NOT_SET"
    )
