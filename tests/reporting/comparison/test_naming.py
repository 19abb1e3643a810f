from __future__ import annotations

from pytest_swebench.reporting.comparison.naming import middle, shown_names


def test_names_are_cut_in_the_middle() -> None:
    assert middle("abcdefghij", 10) == "abcdefghij"
    assert middle("abcdefghijk", 10) == "abcd..hijk"


def test_names_that_fit_stay_and_the_variant_of_a_file_is_called_as_the_file() -> None:
    shown = shown_names(["a@one", "theirs@theirs"], ["one", "theirs"], 20)
    assert shown.names == {"a@one": "a@one", "theirs@theirs": "theirs"}
    assert (shown.letters, shown.meant) == ({}, ())


def test_sources_with_long_names_get_letters() -> None:
    runs = ["20260102_030405-abc123", "20260103_030405-abc123"]
    shown = shown_names([f"{name}@{run}" for run in runs for name in ("gold", "s1_tdd")], runs, 20)
    assert [*shown.names.values()] == ["gold@A", "s1_tdd@A", "gold@B", "s1_tdd@B"]
    assert shown.letters == dict(zip(runs, "AB", strict=True))


def test_names_that_look_alike_when_they_are_cut_are_numbered() -> None:
    names = ["s1_tdd+claude-sonnet-4-5-20250929+t0.2", "s1_tdd+claude-sonnet-4-6-20250929+t0.2", "gold"]
    shown = shown_names(names, ["one"], 16)
    assert [*shown.names.values()] == ["s1_tdd..9+t0.2#1", "s1_tdd..9+t0.2#2", "gold"]
    assert shown.meant == (f"#1 is {names[0]}", f"#2 is {names[1]}")
