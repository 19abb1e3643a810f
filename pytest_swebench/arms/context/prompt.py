"""The text of a request, from templates in `arms/prompts`: one frame, and a style by the size of the issue."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Final

from pytest_swebench.arms.context.shown import Shown
from pytest_swebench.arms.edits import EDIT_FORMAT
from pytest_swebench.cell import digest
from pytest_swebench.providers.tokens import estimate_tokens

BRIEF_TOKENS: Final = 150
LONG_TOKENS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Prompt:
    """The templates: `brief` for issues below `BRIEF_TOKENS`, `long` for those above `LONG_TOKENS`, else `plain`."""

    frame: str
    brief: str
    plain: str
    long: str
    format: str = EDIT_FORMAT

    @property
    def digest(self) -> str:
        """A digest over every word that is not the problem's own."""
        return digest(dataclasses.astuple(self))

    @property
    def frame_tokens(self) -> int:
        """About how many tokens a request has beside the problem's own words, at most."""
        styles = max(map(estimate_tokens, (self.brief, self.plain, self.long)))
        return estimate_tokens(self.frame) + styles + estimate_tokens(self.format)

    def style(self, statement: str) -> str:
        """Return the paragraph for an issue of this size."""
        tokens = estimate_tokens(statement)
        return self.brief if tokens < BRIEF_TOKENS else self.long if tokens > LONG_TOKENS else self.plain

    def text(self, repo: str, shown: Shown) -> str:
        """Return the whole text; bytes in names and files that are no text become `?`."""
        text = Template(self.frame).substitute(
            repo=repo,
            style=self.style(shown.statement),
            format=self.format,
            statement=shown.statement,
            listing=shown.listing,
            contents=shown.contents,
            notice=f"\n\n({shown.notice}.)" if shown.notice else "",
        )
        return text.encode(errors="replace").decode()


def load_prompt() -> Prompt:
    """Read the templates."""

    def read(name: str) -> str:
        return files("pytest_swebench.arms.prompts").joinpath(name).read_text(encoding="utf-8")

    brief, plain, long = (read(f"style_{name}.txt").strip() for name in ("brief", "plain", "long"))
    return Prompt(read("singleshot.txt"), brief, plain, long)
