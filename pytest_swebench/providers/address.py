"""Addresses of endpoints as they may be written down: an address may hold a password."""

from __future__ import annotations

import re
from typing import Final

_USER: Final = re.compile(r"//[^/?#]*@")
# values in the query that let somebody in
_KEY_VALUE: Final = re.compile(r"([?&;][^=&;#\s]*(?:key|token|secret|password|signature)[^=&;#\s]*=)[^&;#\s]*", re.I)


def shown(url: str) -> str:
    """Return `url` without user and password, and with dots for keys in its query."""
    return _KEY_VALUE.sub(r"\1...", _USER.sub("//", url))
