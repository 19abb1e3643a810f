"""Where traces go, as the environment says it: LANGSMITH_API_KEY, _PROJECT, _ENDPOINT, _WORKSPACE_ID."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from pytest_swebench.errors import InputError

DEFAULT_PROJECT: Final = "pytest-swebench"
DEFAULT_ENDPOINT: Final = "https://api.smith.langchain.com"
_USER_INFO: Final = re.compile(r"://[^/\s]*@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A project of an endpoint, and the key to it, which stays out of `repr`."""

    key: str
    endpoint: str
    project: str
    workspace: str = ""

    @property
    def shown(self) -> str:
        """The endpoint, without a name and a password in it."""
        return without_user_info(self.endpoint)

    def __repr__(self) -> str:
        return f"Account(endpoint={self.shown!r}, project={self.project!r})"


def without_user_info(text: str) -> str:
    """Return text without names and passwords in the addresses that it holds."""
    return _USER_INFO.sub("://", text)


def account_of(env: Mapping[str, str]) -> Account:
    """Return the account that the environment names. Raises InputError where key or package are missing."""
    key = env.get("LANGSMITH_API_KEY", "").strip()
    if not key:
        raise InputError("LANGSMITH_API_KEY is not set; set it to a key of your LangSmith account")
    if find_spec("langsmith") is None:
        raise InputError("the package langsmith is not installed; pip install 'pytest-swebench[langsmith]'")
    return Account(
        key=key,
        endpoint=env.get("LANGSMITH_ENDPOINT") or DEFAULT_ENDPOINT,
        project=env.get("LANGSMITH_PROJECT") or DEFAULT_PROJECT,
        workspace=env.get("LANGSMITH_WORKSPACE_ID", ""),
    )
