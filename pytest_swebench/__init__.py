"""pytest-swebench: every instance x variant x repetition of a coding-agent experiment is one pytest item."""

from __future__ import annotations

__version__ = "0.1.0"
