from __future__ import annotations

import random

from pytest_swebench.arms.context.ranking import PASSAGE_LINES, ranked

NOISE = [f"line_{number} = value" for number in range(4 * PASSAGE_LINES)]


def test_file_that_matches_comes_first_and_one_that_does_not_stays_out() -> None:
    files = {
        "a/other.py": "class Other: pass\n",
        "b/parser.py": "def parse_duration(text): return unit\n",
        "c/reader.py": "def read(text): ...\n",
    }
    assert ranked("parse_duration ignores the unit of a text", files) == ["b/parser.py", "c/reader.py"]


def test_parts_of_identifiers_match_each_other() -> None:
    files = {"a.py": "def parseDuration(): ...", "b.py": "def write(): ..."}
    assert ranked("the duration cannot be parsed by parse_it", files) == ["a.py"]


def test_path_counts_as_text() -> None:
    assert ranked("migrations fail", {"db/migrations/loader.py": "x = 1\n", "db/query.py": "y = 2\n"}) == [
        "db/migrations/loader.py"
    ]


def test_words_that_stand_together_beat_the_same_words_far_apart() -> None:
    apart, together = list(NOISE), list(NOISE)
    apart[10], apart[-10] = "overlapping", "interval"
    together[10], together[11] = "overlapping", "interval"
    files = {"apart.py": "\n".join(apart), "together.py": "\n".join(together), "z.py": "\n".join(NOISE)}
    assert ranked("overlapping interval", files) == ["together.py", "apart.py"]


def test_tests_come_after_the_code_they_test() -> None:
    code = "def merge(span): return span\n"
    assert ranked("merge span", {"tests/test_span.py": code, "zlib/span.py": code}) == [
        "zlib/span.py",
        "tests/test_span.py",
    ]


def test_ties_are_broken_by_path_whatever_the_order_of_the_input() -> None:
    files = {f"m{number}/same.py": "def merge(): ...\n" for number in range(10, 30)}
    shuffled = list(files)
    random.Random(3).shuffle(shuffled)
    assert ranked("merge", {path: files[path] for path in shuffled}) == sorted(files)


def test_nothing_asked_or_nothing_there_gives_nothing() -> None:
    assert ranked("", {"a.py": "x"}) == []
    assert ranked("??? !", {"a.py": "xx"}) == []
    assert ranked("merge", {}) == []
    assert ranked("merge", {"a.py": ""}) == []
