"""A report of forty real conversations: what agents of many models and makers said is on the page, and does nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_swebench.cell import Cell
from pytest_swebench.outcome import Outcome
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, Usage
from pytest_swebench.records.conversation import RESULT_LENGTH, Conversation
from pytest_swebench.redact import Redactor
from pytest_swebench.reporting.html.contents import MESSAGE_LENGTH
from pytest_swebench.reporting.html.markup import plain
from pytest_swebench.reporting.html.writing import write_report
from pytest_swebench.reporting.reading import view_run
from tests.support.browser import chromium, opened
from tests.support.made import made_record
from tests.support.synthetic import described, instance, layout_in, recorded
from tests.support.talks import Talk, coding_talks, tool_talks

pytestmark = pytest.mark.soak

_TALKS = 40
_LONG = re.compile(r"^(.{2000})(.+)$", re.MULTILINE)
_BACKGROUND = "getComputedStyle(document.body).backgroundColor"
_SHOW_ALL = """() => {
  const more = () => [...document.querySelectorAll("#panel button")].find((one) => one.textContent.startsWith("show "));
  for (let button; (button = more()); ) button.click();
}"""
_SAID = """() => [...document.querySelectorAll("#panel .message")].map((box) => (
  [...box.querySelectorAll(":scope > pre, :scope > details > pre")].map((one) => one.textContent).join("\\n")))"""


def test_forty_real_conversations_are_shown_whole(tmp_path: Path) -> None:
    tools = tool_talks()
    talks = [*tools, *coding_talks(_TALKS - len(tools))]
    assert len(talks) == _TALKS
    layout = layout_in(tmp_path)
    described(layout, ["real"], [instance(talk.name) for talk in talks], 1)
    cells = {talk.name: Cell(talk.name, "real", 1) for talk in talks}
    for talk in talks:
        _keep(Conversation(layout.conversation(cells[talk.name]), {"run_id": layout.run_id}, Redactor()), talk)
    recorded(layout, [made_record(cell, Outcome.NO_PATCH, patch="") for cell in cells.values()])
    written = write_report(view_run(layout.folder), tmp_path / "index.html")
    again = write_report(view_run(layout.folder), tmp_path / "again.html")
    assert written.path.read_bytes() == again.path.read_bytes()
    assert written.size_bytes < 25_000_000
    with chromium() as browser, opened(browser) as page:
        page.go(written.path, f"cell/{talks[0].name}/real/r1?tab=talk")
        for talk in talks:
            page.go(written.path, f"cell/{talk.name}/real/r1?tab=talk")
            page.page.wait_for_selector("#panel .message")
            assert page.count() < 2000
            page.page.evaluate(_SHOW_ALL)
            shown = page.page.evaluate(_SAID)
            for text, said in zip(shown, talk.messages, strict=True):
                assert text.split() == plain(_expected(said, text)).split()
        page.page.keyboard.press("ArrowUp")  # to the talk before in the order of names, still at its transcript
        page.settle()
        before = sorted(cells)[sorted(cells).index(talks[-1].name) - 1]
        assert page.address == f"#/cell/{before}/real/r1?tab=talk"
        page.go(written.path, "matrix?text=session")
        assert page.text("#found").startswith(f"{_TALKS - len(tools)} of {_TALKS} instances")
        light = page.page.evaluate(_BACKGROUND)
        page.page.emulate_media(color_scheme="dark")
        assert page.page.evaluate(_BACKGROUND) != light
        assert page.troubles == []
        assert all(address.startswith("file:") for address in page.asked)


def _keep(conversation: Conversation, talk: Talk) -> None:
    """Write a talk as a cell writes it: an answer at a time, each with all that was said before."""
    for place, said in enumerate(talk.messages):
        if said.role == "assistant":
            request = Request(messages=talk.messages[:place], model="real")
            stop = StopReason.TOOL_USE if said.tool_calls else StopReason.END
            answer = Answer(
                text=said.content, model="real", stop_reason=stop, usage=Usage(), tool_calls=said.tool_calls
            )
            conversation.exchange(request, answer)
    conversation.conclude(Request(messages=talk.messages, model="real"))


def _expected(said: Message, shown: str) -> str:
    """Return what must be shown of a message: all of it, or its beginning where it is longer than a page shows."""
    limit = RESULT_LENGTH if said.role == "tool" else MESSAGE_LENGTH
    text = said.content
    if len(text) > limit:
        kept, mark, _ = shown.rpartition("\n[cut")
        assert mark
        assert len(kept) > limit - 100
        text = f"{text[: len(kept)]}{shown[len(kept) :]}"
    if said.role == "tool":
        text = _LONG.sub(lambda line: f"{line[1]} [... {len(line[2])} more characters in this line]", text)
    return text
