"""The code part of the texts in `princeton-nlp/SWE-bench_bm25_*`.

Such a text is a whole request: a statement, files between `<code>` and `</code>`, and instructions of its own. Each
file stands between `[start of PATH]` and `[end of PATH]`, its lines numbered (`prompt_style_3` in swebench's
inference/make_datasets/create_instance.py).
"""

from __future__ import annotations

import re
from typing import Final

_CODE: Final = re.compile(r"^<code>\n(?P<code>.*)^</code>$", re.MULTILINE | re.DOTALL)
_FILE: Final = re.compile(
    r"^\[start of (?P<path>.+)\]\n(?P<body>.*?)\n?^\[end of (?P=path)\]$", re.MULTILINE | re.DOTALL
)
_TAG: Final = re.compile(r"</?\w+>")


def retrieved_files(text: str) -> dict[str, str]:
    """Return the files (path to text, numbers of lines taken off) that a pre-retrieved text holds, in its order."""
    code = _CODE.search(text)
    found = _FILE.finditer(code["code"]) if code else ()
    return {match["path"]: _unnumbered(match["body"]) for match in found}


def _unnumbered(body: str) -> str:
    """Take off the numbers; a few lines may have none, as those that look like tags."""
    lines: list[str] = []
    numbers = strays = 0
    for line in body.split("\n"):
        number, _, rest = line.partition(" ")
        if number == str(numbers + 1):
            numbers += 1
            lines.append(rest)
        else:
            strays += not _TAG.fullmatch(line)
            lines.append(line)
    return "\n".join(lines) if lines[0] != body.partition("\n")[0] and strays < numbers else body
