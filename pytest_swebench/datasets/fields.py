"""Reading the fields of one dataset row: each reader checks presence and type and names file, line and field."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_swebench.errors import DatasetError

_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9._+-]+")
_SHOWN_CHARACTERS: Final = 80


@dataclass(frozen=True, slots=True)
class Fields:
    """One row and where it stands (`file:line`). Every reader raises DatasetError for a value it cannot use."""

    row: Mapping[str, Any]
    where: str

    def identifier(self, name: str) -> str:
        """Return an id that file names and pytest node ids accept unchanged."""
        value = self.text(name, required=True)
        if not _IDENTIFIER.fullmatch(value):
            raise self.error(name, value, "an id made of A-Z a-z 0-9 . _ + -")
        return value

    def text(self, name: str, *, required: bool = False) -> str:
        """Return a string; an absent or null field is "" unless it is `required`, then it must not be empty."""
        if required and name not in self.row:
            raise self.missing(name)
        value = self.row.get(name)
        if value is None and not required:
            return ""
        if not isinstance(value, str):
            raise self.error(name, value, "a string")
        if required and not value.strip():
            raise self.error(name, value, "a string that is not empty")
        return value

    def names(self, name: str) -> tuple[str, ...]:
        """Return a required list of strings, given as a list or as a string that holds one.

        The string is JSON in the official datasets and a Python literal in SWE-bench Pro.
        """
        if name not in self.row:
            raise self.missing(name)
        value = self.row[name]
        if isinstance(value, str):
            value = self._parsed(name, value)
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise self.error(name, value, "a list of strings, or a JSON string of one")
        return tuple(value)

    def mapping(self, name: str) -> dict[str, Any]:
        """Return an object, given as one or as a JSON string of one; {} where the field is absent, null or empty."""
        value = self.row.get(name)
        if value is None or value == "":
            return {}
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError as error:
                raise self.error(name, value, f"an object, or a JSON string of one ({error})") from error
        if not isinstance(value, dict):
            raise self.error(name, value, "an object, or a JSON string of one")
        return value

    def flag(self, name: str) -> bool:
        """Return true or false; false where the field is absent or null."""
        value = self.row.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.error(name, value, "true or false")
        return bool(value)

    def missing(self, name: str) -> DatasetError:
        """Return the error for a required field that is not there."""
        return DatasetError(f"{self.where}: field {name!r} is missing; found: {', '.join(map(repr, self.row))}")

    def error(self, name: str, found: object, expected: str) -> DatasetError:
        """Return the error for a field whose value cannot be used."""
        shown = repr(found)
        if len(shown) > _SHOWN_CHARACTERS:
            shown = f"{shown[:_SHOWN_CHARACTERS]}..."
        return DatasetError(f"{self.where}: field {name!r}: expected {expected}, found {shown}")

    def _parsed(self, name: str, text: str) -> object:
        try:
            return json.loads(text)
        except ValueError as error:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # a test name may hold what Python takes for a bad escape
                    return ast.literal_eval(text)
            except (ValueError, SyntaxError, TypeError, RecursionError):
                raise self.error(name, text, f"a list of strings, or a JSON string of one ({error})") from error
