"""What a page is made of: titles, lines, menus and questions. Ctrl-C at any of them raises click.Abort."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pytest_swebench.config import Settings

WIDTH: Final = 72
NUMBER: Final = "Enter number"
OK, BAD, DOUBT = "✔", "✖", "!"
_COLOURS: Final = {OK: "green", BAD: "red", DOUBT: "yellow", "❌": "red"}


@dataclass(frozen=True, slots=True)
class Screen:
    """A terminal with a person before it. `clears` empties it before each page, `colour` lets signs have theirs."""

    clears: bool = False
    colour: bool = True

    @classmethod
    def of(cls, settings: Settings, env: Mapping[str, str]) -> Screen:
        """Return the screen that settings (SWEBENCH_TUI_CLEAR) and environment (NO_COLOR) ask for."""
        return cls(bool(settings.value("tui_clear")), not env.get("NO_COLOR"))

    def banner(self, words: str) -> None:
        """Begin a page with a title between two lines."""
        rule = "─" * WIDTH
        self.page(rule, words, rule)

    def page(self, *lines: str) -> None:
        """Begin a page."""
        import click

        if self.clears:
            click.clear()
        self.say("", *lines)

    def say(self, *lines: str) -> None:
        """Print lines."""
        import click

        for line in lines:
            click.echo(self._coloured(line))

    def part(self, text: str) -> None:
        """Print the beginning of a line."""
        import click

        click.echo(text, nl=False)

    @contextmanager
    def trying(self, what: str) -> Iterator[None]:
        """Say what is being done, and behind it whether it went well; what is raised goes on."""
        self.part(f"{what}... ")
        try:
            yield
        except BaseException:
            self.say(BAD)
            raise
        self.say(OK)

    def menu(self, entries: Sequence[str], default: int = 1, words: str = NUMBER) -> int:
        """Show numbered entries, and return the number that is chosen, from 1 on."""
        self.entries(entries)
        while True:
            typed = self.ask(words, str(default), shown=True)
            if (number := self.number(typed, len(entries))) is not None:
                return number
            self.say(f"{typed!r}: give a number from 1 to {len(entries)}.")

    def entries(self, entries: Sequence[str], indent: int = 2) -> None:
        """Print numbered entries."""
        self.say(*(f"{'':{indent}}{number}) {entry}" for number, entry in enumerate(entries, start=1)))

    def number(self, typed: str, most: int) -> int | None:
        """Return what was typed if it is the number of one of `most` entries."""
        text = typed.strip()
        return int(text) if text.isascii() and text.isdecimal() and 1 <= int(text) <= most else None

    def ask(self, words: str, default: str = "", *, shown: bool = False) -> str:
        """Return what is typed, `default` for Enter alone; blanks stay as they are."""
        import click

        return str(click.prompt(words, default=default, show_default=shown))

    def ask_hidden(self, words: str) -> str:
        """Return what is typed or pasted, without showing it; "" for Enter alone."""
        import click

        return str(click.prompt(words, default="", show_default=False, hide_input=True))

    def agrees(self, words: str, *, default: bool = True) -> bool:
        """Put a question that is answered by yes or no."""
        import click

        return bool(click.confirm(words, default=default))

    def enter(self, words: str = "Press Enter to continue.") -> str:
        """Wait for Enter; return what was typed before it, in lower case."""
        import click

        typed: Any = click.prompt(words, default="", show_default=False, prompt_suffix=" ")
        return str(typed).strip().lower()

    def _coloured(self, line: str) -> str:
        import click

        if self.colour:
            for sign, colour in _COLOURS.items():
                if line.endswith(f" {sign}") or line == sign or line.startswith(f"{sign} "):
                    return line.replace(sign, click.style(sign, fg=colour))
        return line


def bullets(*pairs: tuple[str, str]) -> list[str]:
    """Return `  • name: value` lines, without those that have no value."""
    return [f"  • {name}: {value}" for name, value in pairs if value]
