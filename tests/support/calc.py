"""A repository of one module whose `add` subtracts: what mends it, and what does not."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pytest_swebench.datasets.instance import Source

CALC: Final = "def add(a, b):\n    return a - b\n"
FIX: Final = """\
diff --git a/calc.py b/calc.py
--- a/calc.py
+++ b/calc.py
@@ -1,2 +1,2 @@
 def add(a, b):
-    return a - b
+    return a + b
"""
OTHER_FIX: Final = FIX.replace("a + b", "b + a")
WRONG: Final = FIX.replace("a + b", "b - a")

ADD: Final = "tests/test_calc.py::test_add"
ZERO: Final = "tests/test_calc.py::test_zero"


def write_calc(folder: Path) -> Source:
    """Write `calc.py` into a new folder, as a source to copy."""
    folder.mkdir()
    (folder / "calc.py").write_text(CALC)
    return Source(path=str(folder))
