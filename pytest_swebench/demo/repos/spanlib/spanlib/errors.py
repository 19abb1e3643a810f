"""The errors of the library."""


class SpanError(ValueError):
    """A span that ends before it starts."""


class DurationError(ValueError):
    """A text that is no duration."""
