"""The one redactor: replaces known secrets by value, wherever text leaves the process.

By value and not by pattern: it is exact, it is fast, and it also catches keys whose shape nobody foresaw.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus

REDACTED: Final = "[redacted]"
MIN_SECRET_LENGTH: Final = 8  # shorter values occur in ordinary text and would mangle it
_SECRET_NAMES: Final = ("KEY", "TOKEN", "SECRET", "PASSWORD")


class Redactor:
    """Replaces every known secret, and its base64, URL-encoded and JSON-escaped forms, with `[redacted]`."""

    __slots__ = ("_forms",)

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= MIN_SECRET_LENGTH for form in _forms(secret)}
        # Longest first, so that a form which contains another is replaced whole.
        self._forms = tuple(sorted(forms, key=lambda form: (-len(form), form)))

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Redactor:
        """Take as secrets the values of variables whose names contain KEY, TOKEN, SECRET or PASSWORD."""
        return cls(value for name, value in env.items() if any(word in name.upper() for word in _SECRET_NAMES))

    def text(self, text: str) -> str:
        """Return `text` without the known secrets."""
        for form in self._forms:
            text = text.replace(form, REDACTED)
        return text

    def data(self, value: Any) -> Any:
        """Return JSON data with every string in it, keys included, free of the known secrets."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.data(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.data(item) for item in value]
        return value

    def raw(self, content: bytes) -> bytes:
        """Return the bytes of a file without the known secrets; the same object where it holds none."""
        for form in self._forms:
            secret = form.encode(errors="surrogateescape")
            if secret in content:
                content = content.replace(secret, REDACTED.encode())
        return content

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<{len(self._forms)} forms>)"


def _forms(secret: str) -> set[str]:
    """Return the texts under which `secret` may appear."""
    raw = secret.encode()
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    encoded = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    whole = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    return {secret} | escaped | encoded | whole | _embedded_base64(raw)


def _embedded_base64(raw: bytes) -> set[str]:
    """Return the base64 characters that depend on `raw` alone when other bytes stand before and after it.

    Base64 maps three bytes to four characters, so the same bytes look different at each of three offsets, as in
    the `user:password` of basic authentication.
    """
    forms = set()
    for offset in range(3):
        padded = base64.b64encode(bytes(offset) + raw).decode().rstrip("=")
        start = (offset * 8 + 5) // 6  # the first character made of bits of `raw` alone
        end = (offset + len(raw)) * 8 // 6
        core = padded[start:end]
        forms |= {core, core.replace("+", "-").replace("/", "_")}
    return forms
