"""A setting: its names in every place it may stand in, what it takes, and how text becomes its value.

Every one can be set as `SWEBENCH_<NAME>` and, in pytest's own configuration, as `swebench_<name>`. Shorter names of
the environment come after the long one of the same place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from pytest_swebench.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})


class Kind(StrEnum):
    """What a setting holds. `WORDS` is a comma list kept as text, `TEXTS` a tuple of texts that hold commas."""

    TEXT = "text"
    WORDS = "a comma list"
    TEXTS = "texts with blanks between them"
    INTEGER = "a whole number"
    NUMBER = "a number"
    BOOLEAN = "true or false"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting. `name` is that of its option in `config.option`, without `swe_`.

    `path` is its place in `.swebench.yaml`. `short` are further names in the environment and in `.env`; `in_dotenv`
    those that are read in `.env` only, because in a process they mean something else. `has_option` says whether the
    command line has it too; `also` are further options that set it. `choices` are the words it takes, no others where
    it holds a text; the items of a list may be of the kind `items` too, and `least` is theirs then.
    """

    name: str
    path: str
    kind: Kind
    help: str
    short: tuple[str, ...] = ()
    in_dotenv: tuple[str, ...] = ()
    default: Any = None
    least: float | None = None
    choices: tuple[str, ...] = ()
    items: Kind | None = None
    has_option: bool = True
    also: tuple[str, ...] = ()

    @property
    def option(self) -> str:
        return option_of(self.name)

    @property
    def ini(self) -> str:
        return f"swebench_{self.name}"

    @property
    def env(self) -> tuple[str, ...]:
        """Names in the environment of the process, best first."""
        return (f"SWEBENCH_{self.name.upper()}", *self.short)

    @property
    def dotenv(self) -> tuple[str, ...]:
        """Names in `.env`, best first."""
        return (*self.env, *self.in_dotenv)

    @property
    def accepts(self) -> str:
        """Say in words what it, or an item of its list, takes."""
        if self.kind is Kind.TEXT and self.choices:
            return " or ".join(self.choices)
        kind = str(self.items or self.kind) + ("" if self.least is None else f" of {self.least:g} or more")
        return ", or ".join([kind, *self.choices])

    def read(self, text: str, where: str) -> Any:
        """Return the value that `text`, found at `where`, stands for. Raises InputError."""
        try:
            return self.check(_READ[self.kind](text), where)
        except ValueError:
            raise InputError(f"{where}: {text!r} is not {self.accepts}") from None

    def check(self, value: Any, where: str) -> Any:
        """Return `value`, already of its kind, unless it is out of range. Raises InputError."""
        if self.items is not None:
            for item in filter(None, map(str.strip, value.split(","))):
                self._check_item(item, where)
            return value
        if self.kind is Kind.TEXT and self.choices and value not in self.choices:
            raise InputError(f"{where}: {value!r} is not {self.accepts}")
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"{where}: {value} is not {self.accepts}")
        if self.least is not None and value < self.least:
            raise InputError(f"{where} {value:g}: must be {self.least:g} or more")
        return value

    def _check_item(self, item: str, where: str) -> None:
        """Raise InputError for an item of a list that it does not take."""
        try:
            number = _READ[self.items or self.kind](item)
        except ValueError:
            number = math.nan
        if item not in self.choices and not (self.least or 0) <= number < math.inf:
            raise InputError(f"{where}: {item!r} is not {self.accepts}; put commas between several")

    def plain(self, value: Any, where: str) -> Any:
        """Return the value of YAML data that fits the schema: lists become the text that an option would take."""
        if self.kind is Kind.TEXTS:
            return tuple(value) if isinstance(value, list) else self.read(value, where)
        if self.kind is Kind.WORDS:
            items = value if isinstance(value, list) else [value]
            # YAML reads the name `null` of an arm as no value at all
            return self.check(",".join("null" if item is None else str(item) for item in items), where)
        # YAML data may write a whole number as 2.0
        return self.check(int(value) if self.kind is Kind.INTEGER else value, where)

    @property
    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of its value in `.swebench.yaml`; nothing there is the same as no key."""
        return dict(_SCHEMAS[self.kind])


def option_of(name: str) -> str:
    """Return the option that a name in `config.option`, without `swe_`, belongs to."""
    return f"--{name.replace('_', '-')}"


def is_nothing(value: Any) -> bool:
    """Say whether a value sets nothing: none, blanks, or a list of such, as of `--model="$MODEL"` in a script."""
    if isinstance(value, list | tuple):
        return all(isinstance(item, str) and not item.strip() for item in value)
    return value is None or (isinstance(value, str) and not value.strip())


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word not in TRUE | _FALSE:
        raise ValueError(word)
    return word in TRUE


_READ: Final[Mapping[Kind, Any]] = MappingProxyType(
    {
        Kind.TEXT: str,
        Kind.WORDS: str,
        Kind.TEXTS: lambda text: tuple(text.split()),
        Kind.INTEGER: int,
        Kind.NUMBER: float,
        Kind.BOOLEAN: _boolean,
    }
)
_SCHEMAS: Final[Mapping[Kind, dict[str, Any]]] = MappingProxyType(
    {
        Kind.TEXT: {"type": ["string", "null"]},
        Kind.WORDS: {
            "type": ["string", "number", "array", "null"],
            "items": {"type": ["string", "number", "null"]},
        },
        Kind.TEXTS: {"type": ["string", "array", "null"], "items": {"type": "string"}},
        Kind.INTEGER: {"type": ["integer", "null"]},
        Kind.NUMBER: {"type": ["number", "null"]},
        Kind.BOOLEAN: {"type": ["boolean", "null"]},
    }
)
