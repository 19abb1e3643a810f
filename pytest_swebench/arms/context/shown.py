"""What of the material goes into one request: whole files, in the order they matter, as long as there is room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_swebench.arms.context.listing import listing
from pytest_swebench.arms.context.material import Material
from pytest_swebench.providers.tokens import BYTES_PER_TOKEN, estimate_tokens

_LISTING_SHARE: Final = 0.1
LISTING_TOKENS: Final = 2_000
_NAMES: Final = 5
_NOTICE_TOKENS: Final = 250  # set aside for saying what is left out
_CUT: Final = "\n\n[... {} characters of the issue are left out here ...]\n\n"


@dataclass(frozen=True, slots=True)
class Shown:
    """The parts of a request of about `size_tokens`. `left_out` names candidates without room, in their order."""

    size_tokens: int
    statement: str
    listing: str
    files: dict[str, str]
    left_out: tuple[str, ...]
    cut: bool = False

    @property
    def contents(self) -> str:
        """The files as a request shows them."""
        return "\n\n".join(file_text(path, text) for path, text in self.files.items())

    @property
    def notice(self) -> str:
        """What is left out, in a sentence; "" for nothing."""
        if not self.left_out:
            return ""
        more = len(self.left_out) - _NAMES
        names = ", ".join(name[:80] for name in self.left_out[:_NAMES]) + (f" and {more} more" if more > 0 else "")
        of = f"{len(self.left_out)} of {len(self.left_out) + len(self.files)}"
        return f"{of} files that may matter are left out for lack of room: {names}"


def show(material: Material, size_tokens: int, frame_tokens: int) -> Shown:
    """Choose what fits into `size_tokens`, of which `frame_tokens` are instructions, both estimated.

    The statement is whole unless it alone has no room: then its middle goes. The listing gets a tenth of what is
    left, the files the rest; a file that has no room is left out, and a later, shorter one may still go in.
    """
    room = size_tokens - frame_tokens - _NOTICE_TOKENS
    statement = _within(material.statement, room)
    room -= estimate_tokens(statement)
    listed = listing(material.tracked, min(LISTING_TOKENS, int(room * _LISTING_SHARE))) if room > 0 else ""
    room -= estimate_tokens(listed)
    files, left_out = {}, []
    for path, text in material.candidates.items():
        needed = estimate_tokens(file_text(path, text)) + 1
        if needed > room:
            left_out.append(path)
            continue
        files[path] = text
        room -= needed
    return Shown(size_tokens, statement, listed, files, tuple(left_out), statement != material.statement)


def show_smallest(material: Material, sizes_tokens: Sequence[int], frame_tokens: int) -> Shown:
    """Choose the smallest of ascending sizes that shows as many of the wanted files as the largest does."""
    tried = [show(material, size, frame_tokens) for size in sizes_tokens]
    most = len(material.wanted & tried[-1].files.keys())
    return next(shown for shown in tried if len(material.wanted & shown.files.keys()) == most)


def file_text(path: str, text: str) -> str:
    """Return a file as a request shows it."""
    return f'<file path="{path}">\n{text}\n</file>'


def _within(statement: str, room_tokens: int) -> str:
    """Return the statement, or where it has no room its beginning and end with a note between them."""
    if estimate_tokens(statement) <= room_tokens:
        return statement
    note = _CUT.format(len(statement))
    content = statement.encode(errors="surrogatepass")
    half = max(0, int((room_tokens - estimate_tokens(note)) * BYTES_PER_TOKEN) // 2)
    head, tail = (part.decode(errors="ignore") for part in (content[:half], content[len(content) - half :]))
    return head + _CUT.format(len(statement) - len(head) - len(tail)) + tail
