from __future__ import annotations

from pathlib import Path

from pytest_swebench.cell import Cell
from pytest_swebench.records.layout import RunLayout, earlier_transcripts, keep_solved, set_aside, take_solved

CELL = Cell("calc__calc-1", "s1_tdd+m-1", 2)


def test_trace_and_graph_of_a_cell_have_its_repetition_in_their_paths(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path, "run-1", "")
    places = [layout.trace(CELL, "s1_tdd", 1), layout.trace(CELL, "s1_tdd", 3), layout.trace(CELL, "/", 1)]
    assert [str(path.relative_to(tmp_path)) for path in (*places, layout.dag(CELL))] == [
        "run-1/traces/calc__calc-1/s1_tdd+m-1/rep2/s1_tdd.jsonl",
        "run-1/traces/calc__calc-1/s1_tdd+m-1/rep2/s1_tdd@attempt3.jsonl",
        "run-1/traces/calc__calc-1/s1_tdd+m-1/rep2/workflow.jsonl",
        "run-1/artifact_dags/calc__calc-1/s1_tdd+m-1/rep2",
    ]


def test_conversation_of_an_attempt_lies_where_it_was_set_aside(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path, "run-1", "")
    latest = layout.conversation(CELL)
    assert latest == layout.conversation(CELL, 1) == layout.cell_folder(CELL) / "conversation.jsonl"
    latest.parent.mkdir(parents=True)
    latest.write_text("said\n")
    set_aside(latest.parent, 1)
    assert layout.conversation(CELL, 1).read_text() == "said\n"
    assert layout.conversation(CELL, 2) == layout.conversation(CELL) == latest


def test_transcript_is_known_by_its_first_whole_line(tmp_path: Path) -> None:
    contents = {1: '{"key": "other"}\n{"key": "k"}\n', 2: '\x00{"key": "k\n[]\n{"key": "k"}\n', 3: "torn", 4: ""}
    for attempt, content in contents.items():
        (tmp_path / "transcript.jsonl").write_text(content)
        set_aside(tmp_path, attempt)
    (tmp_path / "attempt5").mkdir()
    assert earlier_transcripts(tmp_path, "k") == [tmp_path / "attempt2" / "transcript.jsonl"]


def test_conversation_of_a_solved_attempt_is_put_back(tmp_path: Path) -> None:
    keep_solved(tmp_path, {"key": "k", "cap": None}, ())
    said = {"conversation.jsonl": "what was said\n", "transcript.jsonl": "the exchanges\n"}
    for name, content in said.items():
        (tmp_path / name).write_text(content)
    set_aside(tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["attempt1"]
    taken = take_solved(tmp_path, "k")
    assert taken is not None
    assert taken["key"] == "k"
    assert {name: (tmp_path / name).read_text() for name in said} == said
