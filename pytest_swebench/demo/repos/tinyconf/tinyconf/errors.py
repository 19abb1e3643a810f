"""The errors of the library."""


class ConfigError(ValueError):
    """Base of all errors raised here."""


class ParseError(ConfigError):
    """A line that cannot be read; `line` counts the lines of the file from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line


class InterpolationError(ConfigError):
    """A reference that leads nowhere."""
