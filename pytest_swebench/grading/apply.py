"""The bash script of one grading life: apply the patch as upstream does, then run the tests.

The script talks on stderr and leaves stdout to the tests alone, so that the log holds what upstream's holds. It
reads `patch.diff` and `eval.sh` from `$SWEBENCH_FILES`, works in `$SWEBENCH_TESTBED`, and exits with `NOT_APPLIED`
or, once the tests ran, with 0 whatever they said.
"""

from __future__ import annotations

import re
from typing import Final

from pytest_swebench.records.layout import EVAL_FILE, PATCH_FILE

NOT_APPLIED: Final = 97
"""Exit code of the script where nothing could apply the patch."""

# The commands and their order are upstream's `run_evaluation.GIT_APPLY_CMDS`. A failed attempt, notably --reject,
# leaves half a patch behind on which every later one fails, hence the restart; and a patch that reverses cleanly is
# in already, although every command failed on it.
RUN_SCRIPT: Final = f"""\
cd "$SWEBENCH_TESTBED" || exit 1
exec 3>&1 1>&2
[ -w . ] || {{ echo "swebench: $SWEBENCH_TESTBED cannot be written by user $(id -u)"; exit 1; }}
apply() {{ "$@" "$SWEBENCH_FILES/{PATCH_FILE}" </dev/null && echo "swebench: applied with $*"; }}
restart() {{ git checkout -- .; git clean -fd; }}
apply git apply --verbose ||
{{ restart; apply git apply --verbose --3way; }} ||
{{ restart; apply git apply --verbose --reject; }} ||
{{ restart; apply patch --batch --forward --fuzz=5 -p1 -i; }} ||
apply git apply --check --reverse ||
{{ echo "swebench: the patch does not apply"; exit {NOT_APPLIED}; }}
/bin/bash "$SWEBENCH_FILES/{EVAL_FILE}" </dev/null 1>&3 2>&1 3>&-
exit 0
"""

_APPLIED: Final = re.compile(r"^swebench: applied with (.+)$", re.MULTILINE)


def applied_with(notes: str) -> str:
    """Return the command that applied the patch, as the script noted it on stderr; empty where none did."""
    found = _APPLIED.findall(notes)
    return found[-1] if found else ""
