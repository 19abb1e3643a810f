"""The one redactor: replaces known secrets by value, wherever text leaves the process.

By value and not by pattern: it is exact, it is fast, and it also catches keys whose shape nobody foresaw.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote

REDACTED: Final = "[redacted]"
MIN_SECRET_LENGTH: Final = 8  # shorter values occur in ordinary text and would mangle it
_SECRET_NAMES: Final = ("KEY", "TOKEN", "SECRET", "PASSWORD")
_CUT: Final = "..."
_POINTER: Final = "keyring://"  # says where a secret is, and is none
_WORD_LENGTH: Final = 20  # letters alone below this are an ordinary word, which patches hold too
_USER_INFO: Final = re.compile(r"://([^/\s:@]*):([^/\s]+)@")  # a password may hold `@`


class Redactor:
    """Replaces every known secret, and its base64, URL-encoded and JSON-escaped forms, with `[redacted]`.

    So are the ends of a secret that was cut by `...` in its middle, as pytest cuts what it shows of long values. One
    instance stands before every writer of a process, so whatever it learns later holds for all of them.
    """

    __slots__ = ("_forms", "_secrets")

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: tuple[str, ...] = ()
        self._secrets: frozenset[str] = frozenset()
        self.learn(secrets)

    @classmethod
    def from_env(cls, *envs: Mapping[str, str]) -> Redactor:
        """Take as secrets what variables hold whose names contain KEY, TOKEN, SECRET or PASSWORD, and URLs' passwords.

        `envs` are environments, or what a `.env` file sets. Plain words and numbers there, as in DB_PASSWORD=postgres,
        are none: to replace them would rewrite patches.
        """
        return cls(secret for env in envs for name, value in env.items() for secret in _secrets_in(name, value))

    def learn(self, secrets: Iterable[str]) -> None:
        """Know further secrets from now on; those shorter than `MIN_SECRET_LENGTH` are passed over."""
        known = {secret for secret in secrets if len(secret) >= MIN_SECRET_LENGTH}
        self._secrets |= known
        new = {form for secret in known for form in _forms(secret)}
        # Longest first, so that a form which contains another is replaced whole.
        self._forms = tuple(sorted(new.union(self._forms), key=lambda form: (-len(form), form)))

    def text(self, text: str) -> str:
        """Return `text` without the known secrets."""
        for form in self._forms:
            text = text.replace(form, REDACTED)
        return _CUT.join(map(self._without_ends, text.split(_CUT))) if _CUT in text else text

    def _without_ends(self, piece: str) -> str:
        """Return `piece`, which `...` stands before or after, without the beginning or end of a secret."""
        for secret in self._secrets:
            tail, head = piece[-len(secret) :], piece[: len(secret)]
            at = tail.find(secret[:MIN_SECRET_LENGTH])
            if at >= 0 and secret.startswith(tail[at:]):
                piece = piece[: len(piece) - len(tail) + at] + REDACTED
            end = head.find(secret[-MIN_SECRET_LENGTH:]) + MIN_SECRET_LENGTH
            if end >= MIN_SECRET_LENGTH and secret.endswith(head[:end]):
                piece = REDACTED + piece[end:]
        return piece

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


def address_secrets(url: str) -> Iterator[str]:
    """Yield the password in an address that is called, and every form that it takes together with its user's name."""
    for user, password in _USER_INFO.findall(url):
        yield password
        yield unquote(password)
        yield from _together(user, password)


def _together(user: str, password: str) -> Iterator[str]:
    """Yield user and password as basic authentication sends them, and as they stand in an address.

    The password of less than `MIN_SECRET_LENGTH` characters, or a plain word, is told from ordinary text by this alone.
    """
    both = f"{unquote(user)}:{unquote(password)}".encode(errors="surrogateescape")
    yield base64.b64encode(both).decode()
    if len(password) < MIN_SECRET_LENGTH or _is_plain(password):
        yield f"//{user}:{password}@"


def _is_plain(value: str) -> bool:
    return value.isdigit() or (value.isalpha() and len(value) < _WORD_LENGTH)


def _secrets_in(name: str, value: str) -> Iterator[str]:
    found = []
    if any(word in name.upper() for word in _SECRET_NAMES) and not value.startswith(_POINTER):
        found += [value, value.strip()]  # the second is what is sent
    for user, password in _USER_INFO.findall(value):
        found += [password, unquote(password)]
        yield from _together(user, password)
    yield from (secret for secret in found if not _is_plain(secret.strip()))


def _forms(secret: str) -> set[str]:
    """Return the texts under which `secret` may appear."""
    raw = secret.encode(errors="surrogateescape")  # a variable may hold any bytes
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    encoded = {quote(raw, safe=""), quote(raw), quote_plus(raw)}
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
