"""A tree of lines for a person to read, and how texts become lines of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.records.traceline import shortened

if TYPE_CHECKING:
    from rich.console import Console

_HEAD: Final = 200  # characters of a text, unless all of it is asked for
_TAIL: Final = 80  # of them at the end of what a tool gave: tests say there how they went
_NUMBERED: Final = re.compile(r"(?P<kind>turn|attempt) (?P<number>\d+)(?P<rest>.*)", re.DOTALL)


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

    def fold(self) -> None:
        """Leave out the turns and attempts below that are told like the one before, and say which they were."""
        children: list[Node] = []
        last = alike = None  # the turn that those after it are held against, and what is said of them
        for child in self.children:
            child.fold()
            numbered = _NUMBERED.fullmatch(child.text)
            told = numbered and (numbered["kind"], numbered["rest"], child.children)
            if numbered is None or told != last:
                children.append(child)
                last, alike = told, None
            elif alike is None:
                first, kind = numbered["number"], numbered["kind"]
                children.append(alike := Node(f"{kind} {first}: alike", "dim"))
            else:
                alike.text = f"{kind}s {first} to {numbered['number']}: alike"
        self.children = children


def shown(text: str, *, full: bool) -> str:
    """Return `text` without control characters; on one line and cut, unless it is wanted in `full`."""
    return _clean(text).strip() if full else shortened(_one_line(text), _HEAD)


def given(text: str, *, full: bool) -> str:
    """Return what a tool gave as `shown` would, with its end instead of its middle."""
    line = _one_line(text)
    if full or len(line) <= _HEAD:
        return shown(text, full=full)
    return f"{line[: _HEAD - _TAIL - 5]} ... {line[-_TAIL:]}"


def block(text: str) -> str:
    """Return lines as they are, but for control characters and empty lines around them."""
    return _clean(text).strip("\n")


def called(call: Mapping[str, Any], *, full: bool) -> Node:
    """Return a call of a tool, as a conversation tells it, like one in Python; in `full`, long texts stand below."""
    arguments = call["tool_args"]
    lines = {name: value for name, value in arguments.items() if full and isinstance(value, str) and "\n" in value}
    told = ", ".join(f"{name}={'...' if name in lines else repr(value)}" for name, value in arguments.items())
    node = Node(f"{call['tool_name']}({shown(told, full=full)})")
    for name, value in lines.items():
        node.add(f"{name}:\n{block(value)}")
    return node


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
