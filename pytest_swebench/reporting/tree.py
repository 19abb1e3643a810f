"""A tree of lines for a person to read, and how texts become lines of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.records.traceline import shortened

if TYPE_CHECKING:
    from rich.console import Console

_HEAD: Final = 200  # characters of a text, unless all of it is asked for
_TAIL: Final = 80  # of them at the end of what a tool gave: tests say there how they went


@dataclass(slots=True)
class Node:
    """One line of the tree, longer ones wrapped, and what hangs below it. `style` is a style of rich."""

    text: str
    style: str = ""
    children: list[Node] = field(default_factory=list)

    def add(self, text: str, style: str = "") -> Node:
        """Hang a new node below this one and return it."""
        self.children.append(Node(text, style))
        return self.children[-1]


def shown(text: str, *, full: bool) -> str:
    """Return `text` without control characters; on one line and cut, unless it is wanted in `full`."""
    return _clean(text).strip() if full else shortened(_one_line(text), _HEAD)


def given(text: str, *, full: bool) -> str:
    """Return what a tool gave as `shown` would, with its end instead of its middle."""
    line = _one_line(text)
    if full or len(line) <= _HEAD:
        return shown(text, full=full)
    return f"{line[: _HEAD - _TAIL - 5]} ... {line[-_TAIL:]}"


def called(call: Mapping[str, Any], *, full: bool) -> str:
    """Return a call of a tool, as a conversation tells it, like one in Python."""
    arguments = ", ".join(f"{name}={value!r}" for name, value in call["tool_args"].items())
    return f"{call['tool_name']}({shown(arguments, full=full)})"


def count(number: int, one: str, many: str = "") -> str:
    """Return a number of things: `1 answer`, `2 answers`."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def print_tree(console: Console, root: Node) -> None:
    """Print a tree on `console`, lines wrapped to its width."""
    from rich.text import Text
    from rich.tree import Tree

    def branch(tree: Tree, node: Node) -> None:
        for child in node.children:
            branch(tree.add(Text(child.text, child.style)), child)

    tree = Tree(Text(root.text, root.style), guide_style="dim")
    branch(tree, root)
    console.print(tree)


def _clean(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text.expandtabs())


def _one_line(text: str) -> str:
    return " ".join(_clean(text).split())
