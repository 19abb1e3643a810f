"""Which tracked files hold source text, and which of those hold tests."""

from __future__ import annotations

import re
from typing import Final

MAX_BYTES: Final = 300_000
"""A longer file is generated or data, and would fit into no request anyway."""

_SOURCE: Final = re.compile(
    r".*\.(?:c|cc|clj|cpp|cs|css|cxx|dart|erl|ex|exs|go|h|hpp|hs|java|js|jsx|kt|less|lua|m|"
    r"mjs|ml|php|pl|pm|py|pyi|pyx|r|rb|rs|sass|scala|scss|sh|sql|svelte|swift|ts|tsx|"
    r"vue|zig)",
    re.IGNORECASE | re.DOTALL,
)
_TEST_FOLDERS: Final = frozenset({"test", "tests", "testing", "__tests__", "spec", "e2e"})
TEST_FILE: Final = re.compile(r"(test_.*|conftest|.*([._-]test|[._-]tests|[._-]spec|Test|Tests))\.\w+|tests?\.\w+")
"""How files of tests are named."""


def is_source(path: str) -> bool:
    """Tell whether `path` ends as source code does."""
    return _SOURCE.fullmatch(path) is not None


def is_test(path: str) -> bool:
    """Tell whether `path` lies in a folder of tests or is named like a test file."""
    *folders, name = path.split("/")
    return not _TEST_FOLDERS.isdisjoint(folders) or TEST_FILE.fullmatch(name) is not None


def text_of(content: bytes) -> str | None:
    """Return a file as text, with a mark for each byte that is none; None for a binary file, as git tells them."""
    return None if b"\0" in content[:8000] else content.decode("utf-8", errors="replace")
