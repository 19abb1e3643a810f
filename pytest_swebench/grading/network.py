"""Which network the tests of an instance get: none, unless its reference patch shows that they need one.

Most official eval scripts run `pip install`, mostly in vain, so a complaint about the network says little. What says
something is the gold patch: an instance has no network where gold resolves without, and a bridge where it resolves
only with one. That is found out once, when gold is graded or when the tests first miss a network, and remembered.
What stayed open, since gold resolved neither way, is asked anew whenever gold is graded.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, TypeGuard

from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import NeedsNetwork
from pytest_swebench.grading.grader import OfficialGrader, Ran
from pytest_swebench.grading.ground import misses_network
from pytest_swebench.grading.known import Known
from pytest_swebench.grading.protocol import Grade
from pytest_swebench.records.layout import LOG_FILE

TOPIC: Final = "network"
"""What is known: `{"network": "none", "bridge" or "unknown", "because": ...}`; unknown where gold never resolves."""

Mode = Literal["auto", "none", "bridge"]
Fact = dict[str, str]

_NONE: Final = "none"
_BRIDGE: Final = "bridge"
UNKNOWN: Final = "unknown"
_NO_CHOICE: Final = "the sandbox gives every test the network {!r}"


class NetworkGrader:
    """Grader that gives each instance the network it needs; `none` and `bridge` as `mode` decide for all.

    Every grade says in its conditions which `network` the tests had and, of a bridge, `network_because` of what. None
    needs no reason, and what is known by chance of the order of cells must not show in their records.
    """

    def __init__(self, grader: OfficialGrader, known: Known, mode: Mode = "auto") -> None:
        self._grader = grader
        self._known = known
        self._mode = mode
        self._unanswered: dict[str, Fact] = {}  # of this machine at this time, so never stored

    def grade(self, instance: Instance, patch: str, folder: Path) -> Grade:
        """Grade `patch` as `OfficialGrader.grade` does; gold may run too, in `folder/gold`, to learn of the network.

        That is where nothing is known yet and the tests miss a network, be it that they fail for all one can see.
        Raises NeedsNetwork, with what gold has shown, where no network or none that is to be had would do.
        """
        if settled := self._settled(instance):
            return self._graded(instance, patch, folder, *settled)
        fact = self._fact(instance)
        if _is_open(fact) and patch and patch == instance.hidden.gold_patch:
            return self._gold(instance, folder)
        try:
            grade = self._graded(instance, patch, folder, _NONE)
        except NeedsNetwork as error:
            fact = fact or self._asked(instance, folder / "gold", error)
            if fact["network"] != _BRIDGE:
                raise NeedsNetwork(f"{error}; {fact['because']}") from error
        else:
            if fact is not None or not instance.hidden.gold_patch or not _is_doubtful(grade, folder):
                return grade
            fact = self._asked(instance, folder / "gold")
            if fact["network"] != _BRIDGE:
                return grade
        return self._graded(instance, patch, folder, _BRIDGE, fact["because"])

    def run(
        self,
        instance: Instance,
        patch: str,
        folder: Path,
        *,
        overlay: Mapping[str, bytes] | None = None,
        network: str = "",
    ) -> Ran:
        """Run the tests as `OfficialGrader.run` does, on the network that the instance's gradings have by now."""
        return self._grader.run(instance, patch, folder, overlay=overlay, network=network or self.network(instance))

    def network(self, instance: Instance) -> str:
        """Return `none` or `bridge`: what the next grading of `instance` would start with."""
        settled = self._settled(instance)
        return settled[0] if settled else _NONE

    def _settled(self, instance: Instance) -> tuple[str, str] | None:
        """Return the network that every grading of `instance` has, and why; None where it is none or not yet known."""
        if self._mode != "auto":
            return self._mode, f"--grade-network {self._mode}"
        if declared := instance.exceptions.get("network"):
            return str(declared), "the row asks for it"
        fact = self._fact(instance)
        return (_BRIDGE, fact["because"]) if fact is not None and fact["network"] == _BRIDGE else None

    def _fact(self, instance: Instance) -> Fact | None:
        fact: Fact | None = self._known.get(instance, TOPIC)
        return fact or self._unanswered.get(instance.digest)

    def _graded(self, instance: Instance, patch: str, folder: Path, network: str, because: str = "") -> Grade:
        grade = self._grader.grade(instance, patch, folder, network=network)
        if not patch:  # nothing ran
            return grade
        told = {"network": network} | ({"network_because": because} if network == _BRIDGE else {})
        return replace(grade, conditions=told | grade.conditions)

    def _gold(self, instance: Instance, folder: Path) -> Grade:
        """Grade gold, and let that teach which network the instance needs."""
        with self._known.finding_out(instance, TOPIC):
            if _is_open(self._fact(instance)):
                return self._find_out(instance, folder)
        return self.grade(instance, instance.hidden.gold_patch, folder)

    def _asked(self, instance: Instance, folder: Path, error: NeedsNetwork | None = None) -> Fact:
        """Return what gold shows. Raises NeedsNetwork, with the words of `error`, where there is no gold."""
        if not instance.hidden.gold_patch:
            raise NeedsNetwork(
                f"{error}; the row has no reference patch to show whether its tests need a network: "
                "decide with --grade-network bridge"
            ) from error
        with self._known.finding_out(instance, TOPIC):
            if self._fact(instance) is None:
                with suppress(NeedsNetwork):  # kept as a fact, too
                    self._find_out(instance, folder)
            fact = self._fact(instance)
        assert fact is not None, "finding out keeps what it found"
        return fact

    def _find_out(self, instance: Instance, folder: Path) -> Grade:
        """Grade gold without a network and, where that does not resolve it, with one; keep what helped.

        The files of the returned grade lie in `folder`. Raises NeedsNetwork where a bridge reaches nothing either.
        That is a fact of this machine at this time, as is a sandbox that grants no choice or tests that ran out of
        time, so it is kept for this process only.
        """
        bare = self._tried(instance, folder, _NONE)
        if isinstance(bare, Grade) and (had := bare.conditions["network"]) != _NONE:
            return self._learnt(instance, bare, UNKNOWN, _NO_CHOICE.format(had), lasting=False)
        if _resolves(bare):
            return self._learnt(instance, bare, _NONE, "gold resolves without")
        wired = self._tried(instance, folder / "bridge", _BRIDGE)
        if isinstance(wired, NeedsNetwork):
            because = f"gold does not resolve without a network, and with one: {wired}"
            self._unanswered[instance.digest] = {"network": UNKNOWN, "because": because}
            if isinstance(bare, NeedsNetwork):
                raise NeedsNetwork(because) from wired
            return bare
        if (had := wired.conditions["network"]) != _BRIDGE:
            return self._learnt(instance, wired, UNKNOWN, _NO_CHOICE.format(had), folder, lasting=False)
        if not _resolves(wired):
            because = f"gold resolves neither without a network nor with one ({wired.verdict.summary()})"
            lasting = not (_timed_out(bare) or _timed_out(wired) or _misses_network(folder / "bridge"))
            return self._learnt(instance, wired, UNKNOWN, because, folder, lasting=lasting)
        if isinstance(bare, Grade) and _resolves(self._tried(instance, folder / "again", _NONE)):
            return self._learnt(instance, bare, _NONE, "gold resolves without, though not always")
        return self._learnt(instance, wired, _BRIDGE, "gold resolves with a network only", folder)

    def _tried(self, instance: Instance, folder: Path, network: str) -> Grade | NeedsNetwork:
        try:
            return self._graded(instance, instance.hidden.gold_patch, folder, network)
        except NeedsNetwork as error:
            return error

    def _learnt(
        self,
        instance: Instance,
        grade: Grade,
        network: str,
        because: str,
        folder: Path | None = None,
        *,
        lasting: bool = True,
    ) -> Grade:
        """Remember what gold has shown and say so in its grade; with `folder`, its files come up from the bridge's."""
        fact = {"network": network, "because": because}
        if lasting:
            self._known.put(instance, TOPIC, fact)
        else:
            self._unanswered[instance.digest] = fact
        for path in filter(Path.is_file, (folder / "bridge").iterdir() if folder else ()):
            path.replace(path.parent.parent / path.name)
        wired = "network_because" in grade.conditions
        return replace(grade, conditions=grade.conditions | ({"network_because": because} if wired else {}))


def _is_open(fact: Fact | None) -> bool:
    return fact is None or fact["network"] == UNKNOWN


def _is_doubtful(grade: Grade, folder: Path) -> bool:
    """Tell whether a patch may have failed for lack of a network alone, as far as its log in `folder` shows."""
    return not grade.verdict.resolved and grade.conditions.get("network") == _NONE and _misses_network(folder)


def _misses_network(folder: Path) -> bool:
    log = folder / LOG_FILE
    return log.is_file() and misses_network(log)


def _timed_out(tried: Grade | NeedsNetwork) -> bool:
    return isinstance(tried, Grade) and tried.verdict.reason == "tests_timed_out"


def _resolves(tried: Grade | NeedsNetwork) -> TypeGuard[Grade]:
    return isinstance(tried, Grade) and tried.verdict.resolved
