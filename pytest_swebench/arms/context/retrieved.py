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


def retrieved_files(text: str) -> dict[str, str]:
    """Return the files (path to text, numbers of lines taken off) that a pre-retrieved text holds, in its order."""
    code = _CODE.search(text)
    found = _FILE.finditer(code["code"]) if code else ()
    return {match["path"]: _unnumbered(match["body"]) for match in found}


def _unnumbered(body: str) -> str:
    lines = body.split("\n")
    numbered = [line.partition(" ") for line in lines]
    if all(number == str(place) for place, (number, _, _) in enumerate(numbered, 1)):
        lines = [rest for _, _, rest in numbered]
    return "\n".join(lines)
