"""Small repositories with bugs, written here, and the tasks over them.

`make_repositories` commits each below a folder; `TASKS` holds what the rows need beside URL and commit. A model that
plays by `answers` solves every task: it reads the report, then patches once.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_swebench.patch import make_diff
from tests.support.committed import committed
from tests.support.llm_behaviours import ScriptedAnswer
from tests.support.wheels import wheel

PALETTE: Final = 'NAMES = {"teal": "#008080", "navy": "#000080"}\n'
PALETTE_WHEEL: Final = "wheels/tinypalette-1.0-py3-none-any.whl"


@dataclass(frozen=True, slots=True)
class Made:
    """A task over one of the repositories: what mends it, as replacements (file, old, new), and its selection."""

    repo: str
    fix: tuple[tuple[str, str, str], ...] = ()
    pytest_k: str = ""


BASKET: Final = {
    "basket.py": '''"""A shopping basket."""


def total(prices):
    result = 0
    for price in prices:
        result = price
    return result


def discount(price, percent):
    return price - price * percent


def cheapest(prices):
    return max(prices)
''',
    "test_basket.py": """import pytest

from basket import cheapest, discount, total


def test_total_adds_up():
    assert total([1, 2, 3]) == 6


def test_discount_is_in_percent():
    assert discount(200, 25) == 150


def test_cheapest_is_the_least():
    assert cheapest([3, 1, 2]) == 1


@pytest.mark.xfail(strict=True)
def test_wanted_some_day():
    assert total("ab") == "ab"
""",
}
CALENDAR: Final = {
    "pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n',
    "src/almanac/__init__.py": "from almanac.leap import days_in, is_leap\n\n__all__ = ['days_in', 'is_leap']\n",
    "src/almanac/leap.py": '''"""Leap years."""


def is_leap(year):
    return year % 4 == 0


def days_in(month, year):
    if month == 2:
        return 29 if is_leap(year) else 28
    return 31 if month in (1, 3, 5, 7, 8, 10) else 30
''',
    "tests/test_leap.py": """from almanac import days_in, is_leap


def test_fourth_years_leap():
    assert is_leap(2024) and not is_leap(2023)


def test_centuries_do_not_leap():
    assert not is_leap(1900)


def test_december_is_long():
    assert days_in(12, 2024) == 31
""",
}
COLOURS: Final = {
    "requirements.txt": "--no-index\n--find-links wheels\ntinypalette==1.0\n",
    "colours.py": '''"""Names of colours."""

from tinypalette import NAMES


def hexadecimal(name):
    return NAMES[name]
''',
    "test_colours.py": """from colours import hexadecimal


def test_known_colour():
    assert hexadecimal("teal") == "#008080"


def test_any_case():
    assert hexadecimal("Teal") == "#008080"
""",
}
REPOSITORIES: Final = {"basket": BASKET, "calendar": CALENDAR, "colours": COLOURS}

_TOTAL: Final = ("basket.py", "        result = price\n", "        result += price\n")
_DISCOUNT: Final = ("basket.py", "price * percent\n", "price * percent / 100\n")
_CHEAPEST: Final = ("basket.py", "    return max(prices)\n", "    return min(prices)\n")
_LEAP: Final = (
    "src/almanac/leap.py",
    "    return year % 4 == 0\n",
    "    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)\n",
)
_MONTH: Final = ("src/almanac/leap.py", "8, 10)", "8, 10, 12)")
_CASE: Final = ("colours.py", "NAMES[name]", "NAMES[name.lower()]")

TASKS: Final = {
    "basket-all": Made("basket", (_TOTAL, _DISCOUNT, _CHEAPEST)),
    "basket-total": Made("basket", (_TOTAL,), "total"),
    "basket-discount": Made("basket", (_DISCOUNT,), "discount"),
    "basket-cheapest": Made("basket", (_CHEAPEST,), "cheapest and not total"),
    "calendar-all": Made("calendar", (_LEAP, _MONTH)),
    "calendar-december": Made("calendar", (_MONTH,), "december"),
    "colours-case": Made("colours", (_CASE,)),
    "colours-known": Made("colours", (), "known"),
}


def make_repositories(folder: Path) -> dict[str, str]:
    """Make every repository as `folder/<name>.git` and return its commit."""
    return {name: _made(folder / f"{name}.git", files) for name, files in REPOSITORIES.items()}


def fix_of(task_id: str) -> str:
    """Return the diff that mends a task, "" where nothing is broken."""
    made = TASKS[task_id]
    before = REPOSITORIES[made.repo]
    after = dict(before)
    for path, old, new in made.fix:
        assert old in after[path]
        after[path] = after[path].replace(old, new)
    return make_diff({path: before[path] for path, _, _ in made.fix}, {path: after[path] for path, _, _ in made.fix})


def rows(url: str, commits: dict[str, str], *, known: bool = False, **more: Any) -> list[dict[str, Any]]:
    """Return the rows of the tasks over repositories below `url`; `known` gives each its fix."""
    made = []
    for task_id, task in TASKS.items():
        row = {"task_id": task_id, "repo": f"{url}/{task.repo}.git", "ref": commits[task.repo]}
        row |= {"pytest_k": task.pytest_k, "patch_b64": encoded(fix_of(task_id)) if known else ""}
        made.append(row | more)
    return made


def encoded(patch: str) -> str:
    return base64.b64encode(patch.encode()).decode()


def _made(folder: Path, files: dict[str, str]) -> str:
    folder.mkdir(parents=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if "requirements.txt" in files:
        (folder / "wheels").mkdir()
        (folder / PALETTE_WHEEL).write_bytes(wheel("tinypalette", PALETTE))
    return committed(folder)


def statement(task_id: str) -> str:
    """Return the statement by which `play` knows a task again."""
    return f"Mend the task {task_id}."


def play(body: dict[str, Any]) -> ScriptedAnswer:
    """Answer as a model that looks, installs, tests, reads, patches once and tests again would."""
    from tests.support.llm_server import prompt_text

    text = prompt_text(body)
    (task_id,) = [one for one in TASKS if statement(one) in text]
    steps: tuple[tuple[tuple[str, dict[str, Any]], ...], ...] = (
        (("swe_clone", {}), ("swe_install", {})),
        (("swe_pytest", {}),),
        (
            ("swe_pytest_full", {"args": ["-x"]}),
            ("swe_read_file", {"path": next(iter(REPOSITORIES[TASKS[task_id].repo]))}),
        ),
        (("swe_apply_patch_text", {"patch": f"```diff\n{fix_of(task_id)}```"}),),
        (("swe_pytest", {}),),
    )
    turn = sum(message["role"] == "assistant" for message in body["messages"])
    return ScriptedAnswer(text="", tool_calls=steps[min(turn, len(steps) - 1)])
