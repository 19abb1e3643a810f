"""A workflow as a table that a person reads."""

from __future__ import annotations

from pytest_swebench.arms.workflow.check import ordered
from pytest_swebench.arms.workflow.declaration import Step, Workflow

_HEADINGS = ("step", "makes", "requires", "guards", "rmax", "r_patience", "e_max", "back to")


def step_table(workflow: Workflow) -> str:
    """Return one line a step, in the order they run, under a line of headings; `-` stands for nothing."""
    rows = [_HEADINGS, *(_row(step, workflow) for step in ordered(workflow))]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(step: Step, workflow: Workflow) -> tuple[str, ...]:
    return (
        step.name,
        step.shape.__name__,
        ", ".join(step.requires) or "-",
        ", ".join(guard.name for guard in step.guards) or "-",
        str(workflow.retries(step)),
        "-" if step.r_patience is None else str(step.r_patience),
        str(step.e_max),
        _routes(step),
    )


def _routes(step: Step) -> str:
    """Return e.g. `patch, lint -> ap_analysis; else -> ap_analysis + ap_gen_test`."""
    by_target: dict[tuple[str, ...], list[str]] = {}
    for guard, names in step.back_by_guard.items():
        by_target.setdefault(names, []).append(guard)
    routes = [f"{', '.join(guards)} -> {' + '.join(names)}" for names, guards in by_target.items()]
    if step.back_to:
        routes.append(f"{'else -> ' if routes else ''}{' + '.join(step.back_to)}")
    return "; ".join(routes) or "-"
