"""Fit text into a fixed number of columns."""


def shorten(text: str, width: int, ellipsis: str = "...") -> str:
    """Return `text`, cut to at most `width` columns with `ellipsis` to show that something is missing."""
    if width < 0:
        raise ValueError(f"width {width!r} must be 0 or more")
    if len(text) <= width:
        return text
    return text[:width] + ellipsis


def columns(rows: list[list[str]], gap: int = 2) -> list[str]:
    """Return one line a row, its cells padded so that columns stand under each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append((" " * gap).join(cells).rstrip())
    return lines
