"""Lines of exchanges that tell of a question only what the line before it, of the same agent, does not tell.

A conversation is asked about again with every turn; told whole each time, a file of it grows with the square of its
turns. Both sides work on what `replay.request_as_json` returns, whatever else stands on the line.
"""

from __future__ import annotations

from typing import Any, Final

_LARGE: Final = ("system", "tools", "schema")  # what is left out beside messages where it is the same


class Shortener:
    """Shortens the lines of one file, given in the order in which they are written."""

    def __init__(self) -> None:
        self._last: dict[str, dict[str, Any]] = {}  # by agent

    def shorten(self, line: dict[str, Any]) -> dict[str, Any]:
        """Return `line` without what its predecessor told; the first of a conversation stays whole.

        `follows` is the digest of the question before, `kept_messages` says how many of its messages begin this one.
        """
        request = line["request"]
        base = self._last.get(request["agent"])
        self._last[request["agent"]] = line
        if base is None:
            return line
        told, messages = base["request"]["messages"], request["messages"]
        pairs = enumerate(zip(told, messages, strict=False))
        kept = next((place for place, (old, new) in pairs if old != new), min(len(told), len(messages)))
        if not kept:
            return line
        same = {name for name in _LARGE if request[name] == base["request"][name]}
        rest = {name: value for name, value in request.items() if name not in same}
        return {
            **line,
            "follows": base["request_digest"],
            "kept_messages": kept,
            "request": {**rest, "messages": messages[kept:]},
        }


class Restorer:
    """Makes the lines of one file whole again, given in their order."""

    def __init__(self) -> None:
        self._last: dict[str, dict[str, Any]] = {}

    def restore(self, line: dict[str, Any]) -> dict[str, Any]:
        """Return `line` as it was before it was shortened; what is no line of an exchange stays what it is.

        Where its predecessor is lost, what that one told stays out of the request; digests and answer are whole.
        """
        if not isinstance(line.get("request"), dict):
            return line
        agent = line["request"].get("agent", "")
        if "follows" in line:
            base = self._last.get(agent)
            known = base["request"] if base is not None and base["request_digest"] == line["follows"] else {}
            request = {name: known[name] for name in _LARGE if name in known} | line["request"]
            request["messages"] = [*known.get("messages", ())[: line["kept_messages"]], *line["request"]["messages"]]
            line = {**line, "request": request}
        self._last[agent] = line
        return line
