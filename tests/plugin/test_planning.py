"""Runs that nobody can have meant: refused before anything is paid, or told that they did nothing."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Run
from tests.plugin.test_bad_input import refused
from tests.support.llm_server import LLMServer, ScriptedAnswer
from tests.support.runs import asking

DEMO = ("-m", "experiment", "--dataset=demo")


@pytest.mark.usefixtures("key")
def test_nobody_pays_for_the_demo_without_choosing_it(run: Run) -> None:
    with LLMServer([ScriptedAnswer("no edit")]) as server:
        unchosen = run("-m", "experiment", "--arms=gold,singleshot", "--max-instances=1", *asking(server.openai_url))
        refused(unchosen, "no dataset is chosen, and arm 'singleshot' would call openai; give --dataset, e.g. lite")
        assert not server.requests
        free = run("-m", "experiment", "--arms=gold", "--max-instances=1", *asking(server.openai_url))
        free.assert_outcomes(passed=1)


@pytest.mark.usefixtures("key")
def test_network_that_no_sandbox_can_lend_is_refused(run: Run) -> None:
    with LLMServer([ScriptedAnswer("no edit")]) as server:
        result = run(*DEMO, "--arms=agent", "--agent-network=install", *asking(server.openai_url))
        refused(result, "--agent-network: has no effect", "run in the local sandbox", "leave it out")
        assert not server.requests


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--arms=singleshot,agent", "arm 'agent': the demo's recorded answers are for 'singleshot' alone; give"),
        ("--arms=gold,null --temperatures=0,1", "--temperatures: has no effect on gold, null; leave it out"),
        ("--arms=gold --agent-network=install", "--agent-network: has no effect on gold; leave it out"),
        ("--arms=gold --context-tokens=5000", "--context-tokens: has no effect on gold; leave it out"),
    ],
)
def test_options_that_come_to_nothing_are_refused(run: Run, options: str, message: str) -> None:
    refused(run(*DEMO, *options.split()), message)


def test_options_in_a_folder_without_experiments_say_how_to_get_some(run: Run) -> None:
    result = run("--arms=gold")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["swebench: no experiment was selected, so * no effect; -m experiment selects them"])
