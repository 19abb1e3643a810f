"""The last pages before a run: whether this machine can grade, what the run will cost, and whether it is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_swebench.errors import SwebenchError
from pytest_swebench.wizard.screen import DOUBT, Screen, bullets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_swebench.checks.preflight import Outcome
    from pytest_swebench.cli.line import Line
    from pytest_swebench.cli.mode import Mode
    from pytest_swebench.datasets.instance import Instance
    from pytest_swebench.providers.estimate import Estimate

_RETRY, _LEAVE = 1, 2
_NAMED: Final = "SWE-bench "


@dataclass(frozen=True, slots=True)
class Ground:
    """What the run will stand on: in words for the summary, and what it must find in its environment.

    `refused` says that the person would rather not run on it.
    """

    words: str
    environment: Mapping[str, str] = field(default_factory=dict)
    refused: bool = False


def preflight_page(screen: Screen, line: Line, mode: Mode, folder: Path, *, asks: bool = True) -> Ground:
    """Try one image and one grading, if the person wants it or is not asked, and as often as they want."""
    from pytest_swebench.cli.gate import plan_before
    from pytest_swebench.cli.preflight import flown

    plan = plan_before(line, folder, mode)
    if plan is None:
        return Ground("no preflight needed" if line.settings.value("preflight") else "preflight is switched off")
    if asks and not _wanted(screen):
        return Ground("not tried")
    while True:
        outcome: Outcome = flown(plan, mode)
        if outcome.ok:
            return Ground("Ready", outcome.environment)
        screen.say("")
        choice = screen.menu(["Retry preflight", "Save these answers, and leave", "Run anyway"])
        if choice != _RETRY:
            return Ground(f"not ready: {outcome.headline}", outcome.environment, refused=choice == _LEAVE)


def _wanted(screen: Screen) -> bool:
    screen.page("Would you like to run a quick preflight?")
    screen.say(
        "  • Tests one harness image pull and a minimal evaluation", "  • Catches registry/arch/login issues early"
    )
    return screen.agrees("Run preflight now?")


def summary_page(
    screen: Screen, line: Line, key: str, ground: Ground, instances: Sequence[Instance], folder: Path
) -> bool:
    """Show what will run, and return whether it shall; Ctrl-C is no."""
    told = {name: one["value"] for name, one in line.config.items()}
    cost = foretold(line, instances, folder)
    screen.page("Summary")
    screen.say(
        *bullets(
            ("Compute", f"{compute_of(line)} → {told['model']}"),
            ("Key", key),
            ("Dataset", named(str(told["dataset"]))),
            ("Count", str(len(instances))),
            ("Arm", str(told["arms"])),
            ("Cost", "not known beforehand" if cost is None else f"estimated {cost}" if cost.max_usd else "nothing"),
            ("Harness", ground.words),
        ),
        "",
    )
    if ground.refused:
        return False
    if is_dear(cost, line):
        return agrees_to_pay(screen)
    screen.enter("Press Enter to run now, or Ctrl+C to cancel.")
    return True


def is_dear(cost: Estimate | None, line: Line) -> bool:
    """Say whether a run may cost so much that a person should be asked."""
    from pytest_swebench.providers.estimate import WARN_ABOVE_USD

    cap = line.settings.value("max_cost")
    return cost is not None and min(cost.max_usd, cost.max_usd if cap is None else cap) > WARN_ABOVE_USD


def agrees_to_pay(screen: Screen) -> bool:
    """Ask whether such a run is wanted; Enter alone is no."""
    from pytest_swebench.providers.estimate import WARN_ABOVE_USD

    screen.say(f"{DOUBT} That may cost more than ${WARN_ABOVE_USD:g}; MAX_COST in .env caps it.")
    return screen.agrees("Run it all the same?", default=False)


def compute_of(line: Line) -> str:
    """Return who computes, for a person."""
    from pytest_swebench.providers.registry import PROVIDERS
    from pytest_swebench.wizard.choices import Source

    provider = str(line.config["provider"]["value"])
    url = str(line.config["provider_url"]["value"] or "")
    return Source(provider, url).title if provider in PROVIDERS else provider


def named(dataset: str) -> str:
    """Return a dataset as a person calls it."""
    from pytest_swebench.datasets.hub import ALIASES

    return f"{_NAMED}{dataset}" if dataset in ALIASES else dataset


def foretold(line: Line, instances: Sequence[Instance], folder: Path) -> Estimate | None:
    """Return what a run will cost, None where nothing tells."""
    from pytest_swebench.wizard.cost import estimated

    try:
        return estimated(line, instances, folder)
    except SwebenchError:  # an arm of a plugin; the run knows it, and says what it will cost
        return None


def can_run(provider: str, url: str, *, has_key: bool) -> bool:
    """Say whether a run can do with what was given: a server of one's own, in OpenAI's format, may want no key."""
    from pytest_swebench.providers.registry import PROVIDERS, Kind

    spec = PROVIDERS[provider]
    elsewhere = spec.kind is Kind.OPENAI and bool(url) and url != spec.base_url
    return has_key or not spec.needs_key or elsewhere


def variants(line: Line) -> int:
    """Return how many cells each instance will have, 1 where that shows only when it runs."""
    from pytest_swebench.wizard.cost import variants_of

    try:
        return len(variants_of(line))
    except SwebenchError:  # as in `foretold`
        return 1
