from __future__ import annotations

from pathlib import Path

from pytest_swebench.cell import Cell
from pytest_swebench.records.layout import RunLayout, keep_solved, set_aside, take_solved

CELL = Cell("calc__calc-1", "s1_tdd+m-1", 2)


def test_trace_and_graph_of_a_cell_have_its_repetition_in_their_paths(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path, "run-1", "")
    places = [layout.trace(CELL, "s1_tdd", 1), layout.trace(CELL, "s1_tdd", 3), layout.trace(CELL, "/", 1)]
    assert [str(path.relative_to(tmp_path)) for path in (*places, layout.dag(CELL))] == [
        "run-1/traces/calc__calc-1/s1_tdd+m-1/rep2/s1_tdd.jsonl",
        "run-1/traces/calc__calc-1/s1_tdd+m-1/rep2/s1_tdd.attempt3.jsonl",
        "run-1/traces/calc__calc-1/s1_tdd+m-1/rep2/workflow.jsonl",
        "run-1/artifact_dags/calc__calc-1/s1_tdd+m-1/rep2",
    ]


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
