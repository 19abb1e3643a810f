from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.arms.context.listing import listing
from pytest_swebench.providers.tokens import estimate_tokens

TRACKED = [
    "README.md",
    *(f"docs/ref/page{number}.txt" for number in range(40)),
    *(f"src/core/deep/part{number}.py" for number in range(30)),
    "src/core/main.py",
    *(f"tests/unit/test_{number}.py" for number in range(10)),
]
NAMES = st.text(alphabet="abc", min_size=1, max_size=3)
PATHS = st.lists(st.lists(NAMES, min_size=1, max_size=4).map("/".join), unique=True, max_size=40)


def test_short_listing_is_whole_and_sorted() -> None:
    assert listing(TRACKED, 10_000).split("\n") == sorted(TRACKED)


def test_folders_without_room_are_counted() -> None:
    assert listing(TRACKED, 60).split("\n") == [
        "README.md",
        "docs/ref/ (40 files)",
        "src/core/deep/ (30 files)",
        "src/core/main.py",
        "tests/unit/ (10 files)",
    ]


def test_folders_of_tests_open_after_all_others() -> None:
    tracked = [f"{folder}/f{number}.py" for folder in ("lib", "tests") for number in range(20)]
    lines = listing(tracked, 120).split("\n")
    assert "tests/ (20 files)" in lines
    assert "lib/f7.py" in lines


def test_top_without_room_is_cut_and_counted() -> None:
    tracked = sorted(f"file{number}.py" for number in range(100))
    lines = listing(tracked, 60).split("\n")
    assert 3 < len(lines) < 30
    assert lines[:-1] == tracked[: len(lines) - 1]
    assert lines[-1] == f"... and {100 - (len(lines) - 1)} more"


@given(PATHS, st.integers(30, 200))
def test_listing_keeps_to_its_limit_and_counts_every_file(tracked: list[str], limit: int) -> None:
    tracked = [path for path in tracked if not any(other.startswith(f"{path}/") for other in tracked)]
    text = listing(tracked, limit)
    assert estimate_tokens(text) <= limit
    lines = text.split("\n") if text else []
    if not lines or not lines[-1].startswith("... and"):
        counted = sum(int(line.split("(")[1].split()[0]) if line.endswith("files)") else 1 for line in lines)
        assert counted == len(tracked)
