"""What cells' pages need, apart from the page: bundles of JSON, packed, within the file or beside it.

A bundle is gzip in base64, which a browser unpacks by itself. Within the file it is the text of a script element of a
type that nothing runs; beside it, a script that hands itself over, since a page opened from disk may load scripts only.
"""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass, field
from typing import IO, Any, Final

from pytest_swebench.redact import Redactor
from pytest_swebench.reporting.html.markup import as_json

ENTRIES: Final = 100
BYTES: Final = 2_000_000  # of JSON: what a browser unpacks in a blink


@dataclass(slots=True)
class Shelf:
    """The bundles of one kind, packed into `file` as they fill up; `starts` names the first entry of each.

    `size_bytes` is what they take in the report. A shelf with nothing but None on it is empty.
    """

    name: str
    file: IO[bytes]
    redactor: Redactor
    starts: list[int] = field(default_factory=list)
    size_bytes: int = 0
    _places: list[tuple[int, int]] = field(default_factory=list)
    _entries: list[str] = field(default_factory=list)
    _open_bytes: int = 0
    _count: int = 0
    _any: bool = False

    def add(self, entry: Any) -> None:
        """Put one entry into the bundle that is open."""
        self._any = self._any or entry is not None
        if not self._entries:
            self.starts.append(self._count)
        text = as_json(entry)
        if self.redactor.text(text) != text:
            text = as_json(self.redactor.data(entry))
        self._entries.append(text)
        self._open_bytes += len(text)
        self._count += 1
        if len(self._entries) >= ENTRIES or self._open_bytes >= BYTES:
            self.close()

    def close(self) -> None:
        """Pack the bundle that is open."""
        if not self._entries:
            return
        content = f"[{','.join(self._entries)}]".encode()
        packed = base64.b64encode(gzip.compress(content, compresslevel=6, mtime=0))
        self._places.append((self.file.seek(0, 2), len(packed)))
        self.file.write(packed)
        self.size_bytes += len(packed)
        self._entries, self._open_bytes = [], 0

    def __len__(self) -> int:
        return len(self._places) if self._any else 0

    def packed(self, number: int) -> bytes:
        """Return a bundle in base64."""
        offset, size = self._places[number]
        self.file.seek(offset)
        return self.file.read(size)

    def element(self, number: int) -> bytes:
        """Return a bundle as an element of the page."""
        return b'<script type="text/plain" id="%s%d">%s</script>\n' % (self.name.encode(), number, self.packed(number))

    def script(self, number: int) -> bytes:
        """Return a bundle as a script beside the page."""
        return b'__bundle("%s%d","%s");\n' % (self.name.encode(), number, self.packed(number))
