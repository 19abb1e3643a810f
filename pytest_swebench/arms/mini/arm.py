"""`mini`: the agent of mini-swe-agent, with its own prompts and its own loop, in our sandbox and within our limits."""

from __future__ import annotations

import json
from typing import Any, Final

from pytest_swebench.arms.agent.clock import Clock
from pytest_swebench.arms.agent.history import clean
from pytest_swebench.arms.agent.loop import ANSWER_TOKENS
from pytest_swebench.arms.agent.progress import Progress
from pytest_swebench.arms.agent.tools import STATEMENT_CHARS, cut
from pytest_swebench.arms.agent.workbench import Workbench
from pytest_swebench.arms.left import diff_left
from pytest_swebench.arms.mini.environment import SandboxEnvironment
from pytest_swebench.arms.mini.library import NAME, Settings, load_library, read_settings
from pytest_swebench.arms.mini.model import ProviderModel
from pytest_swebench.arms.protocol import Solution, SolveContext, refuse_scenarios
from pytest_swebench.cell import digest, slug
from pytest_swebench.datasets.instance import Instance, Problem
from pytest_swebench.errors import ContextOverflow, LimitReached
from pytest_swebench.outcome import Stop
from pytest_swebench.patch import changed_paths
from pytest_swebench.providers.estimate import Expected
from pytest_swebench.providers.meter import conclude
from pytest_swebench.providers.tokens import estimate_tokens
from pytest_swebench.records.formats.mini_swe_agent import SUFFIX
from pytest_swebench.records.layout import write_whole
from pytest_swebench.records.trace import EventType
from pytest_swebench.sandbox.protocol import Sandbox

_REVISION: Final = 1  # of what neither the library nor a limit shows
_HERE: Final = "."
_TIDY_TIMEOUT_S: Final = 60.0
# the file that the prompt has the model submit from
_REMOVE: Final = "git cat-file -e HEAD:./patch.txt 2>/dev/null || rm -f patch.txt"
_STOPS: Final = {"LimitsExceeded": Stop.STEPS, "TimeExceeded": Stop.TIME}


class Mini:
    """Runs commands until it submits or a limit ends it; the diff of the working copy counts, not what it prints.

    Its own cap on cost is off: the cell's stands before every call. Raises InputError where the library is missing.
    """

    name = NAME
    paid = True
    oracle = False
    timeout_s = 3600.0
    max_cost_usd = 3.0
    takes_turns = True

    def __init__(self) -> None:
        self._settings = read_settings()
        limits = [self.max_cost_usd, self.timeout_s, ANSWER_TOKENS]
        self.version = digest([_REVISION, self._settings.digest, limits])

    def check(self, instances: list[Instance]) -> None:
        """Raise InputError for prompt scenarios, and where the library cannot be imported."""
        refuse_scenarios(self.name, instances)
        load_library()

    def expected(self, problem: Problem) -> Expected:
        """Return what agents of this kind take; a cap on the cell ends the longest ones before."""
        least = estimate_tokens(self._settings.instance_template) + estimate_tokens(problem.statement)
        return Expected(calls=(8, 60), input_tokens=(least, 30_000), output_tokens=(60, 1_000))

    def solve(self, context: SolveContext) -> Solution:
        """Work until the agent has ended. Raises LimitReached for cost and context, InfraError and RefusedError."""
        library = load_library()
        clock = Clock(context.timeout_s)
        sandbox = context.sandbox()
        bench = Workbench(sandbox, clock)
        progress = Progress(NAME, context.trace(NAME))
        model = ProviderModel(context, clock, self._settings, library, progress)
        agent = library.agent(
            model,
            SandboxEnvironment(bench, self._settings, library, progress),
            system_template=self._settings.system_template,
            instance_template=_placed(self._settings, sandbox),
            step_limit=context.variant.turns or self._settings.step_limit,
            cost_limit=0.0,
            wall_time_limit_seconds=0,  # that of the cell is no whole number, and binds commands too
        )
        progress.tell(EventType.STEP_START, "")
        try:
            ended = agent.run(task=clean(cut(context.problem.statement, STATEMENT_CHARS)))
        except (ContextOverflow, LimitReached) as error:
            _tidy(sandbox)
            progress.tell(EventType.STEP_FAIL, str(error))
            if isinstance(error, LimitReached):
                raise
            raise LimitReached(Stop.CONTEXT, f"the conversation is too long for the model: {error}") from error
        finally:
            bench.close()
            _keep_trajectory(context, agent)
            conclude(context.provider, model.request(agent.messages))
        return _solution(sandbox, progress, ended, agent)


def _placed(settings: Settings, sandbox: Sandbox) -> str:
    """Return the task's template with the place of the repository; one that changes from run to run is not named."""
    if sandbox.workdir == settings.workdir:
        return settings.instance_template
    return settings.instance_template.replace(settings.workdir, _HERE)


def _tidy(sandbox: Sandbox) -> None:
    """Remove what the prompt, and not the task, had the model write."""
    sandbox.run(_REMOVE, timeout_s=_TIDY_TIMEOUT_S)


def _solution(sandbox: Sandbox, progress: Progress, ended: dict[str, Any], agent: Any) -> Solution:
    _tidy(sandbox)
    patch, lack = diff_left(sandbox)
    status, submission = ended["exit_status"], ended["submission"]
    stop = _STOPS.get(status, Stop.SUBMITTED)
    notes = "; ".join(filter(None, (_notes(status, submission, patch, agent), lack)))
    progress.tell(EventType.STEP_FAIL if stop.limit else EventType.STEP_PASS, notes or "submitted")
    return Solution(
        patch=patch,
        stop=stop,
        response_text=submission or progress.last_text,
        tool_calls=progress.tool_calls,
        commands=progress.commands,
        notes=notes,
        per_step_tokens=progress.per_step_tokens,
    )


def _notes(status: str, submission: str, patch: str, agent: Any) -> str:
    """Say what else than a submission ended the agent, or what its submission leaves out of the working copy's diff."""
    if status == "LimitsExceeded":
        return f"the model had its {agent.n_calls} turns; --max-turns gives more"
    if status == "TimeExceeded":
        return str(agent.messages[-1]["content"])
    if status == "RepeatedFormatError":
        return "the model kept answering without a right call of its tool, and never submitted"
    beyond = sorted(set(changed_paths(patch)) - set(changed_paths(submission)))
    return f"the patch holds what the agent left out of its submission: {', '.join(beyond)}" if beyond else ""


def _keep_trajectory(context: SolveContext, agent: Any) -> None:
    """Write the trajectory as the library's batches do, without secrets. Raises OSError."""
    instance_id = context.problem.instance_id
    trajectory = agent.serialize({"instance_id": instance_id})
    write_whole(context.folder / f"{slug(instance_id)}{SUFFIX}", json.dumps(context.redact(trajectory), indent=1))
