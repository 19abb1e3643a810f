"""A group whose commands are imported when they are used, and not to be listed, completed or misspelt."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
from click.shell_completion import CompletionItem

from pytest_swebench.errors import unknown


@dataclass(frozen=True, slots=True)
class Verb:
    """A command before it is imported: where it is (`module:name`), and the line that the group's help shows."""

    place: str
    about: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, name = self.place.partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command


class LazyGroup(click.Group):
    """Knows its commands by `verbs` (name -> Verb); whichever is asked for is imported then."""

    def __init__(self, *arguments: Any, verbs: dict[str, Verb], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, sorted."""
        return sorted(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a name, None if there is none."""
        return self.verbs[cmd_name].load() if cmd_name in self.verbs else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant. Raises UsageError, with the nearest name, for one that is none."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            rest = unknown("command", name, self.list_commands(ctx)).removeprefix("unknown command")
            ctx.fail(f"No such command{rest}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands in the group's help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.verbs[name].about) for name in sorted(self.verbs)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the names that begin so, and click's own completions of the group's options."""
        found = [CompletionItem(name, help=self.verbs[name].about) for name in sorted(self.verbs)]
        named = [item for item in found if str(item.value).startswith(incomplete)]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]


def meant(group: click.Group, arguments: Sequence[str]) -> click.Command:
    """Return the command that the words before any option name, through groups in groups; `group` if none is."""
    command: click.Command = group
    for word in arguments:
        if not isinstance(command, click.Group) or word == "--":
            break
        if word.startswith("-"):
            continue
        inner = command.get_command(click.Context(command), word)
        if inner is None:
            break
        command = inner
    return command
