"""An eval script that is filled in, for tests of `calc.py` that need more or less of a network."""

from __future__ import annotations

EVAL = """\
#!/bin/bash
set -uxo pipefail
cd "$SWEBENCH_TESTBED"
mkdir -p /tmp/lib
{install}
: '>>>>> Start Test Output'
{before_tests}
python3 - <<'EOF'
import sys
sys.path[:0] = ["/tmp/lib", "."]
import {imports}
passed = {{"test_add": calc.add(1, 2) == 3, "test_zero": calc.add(1, 0) == 1}}
for name, good in passed.items():
    print("PASSED" if good else "FAILED", "tests/test_calc.py::" + name)
sys.exit(not all(passed.values()))
EOF
: '>>>>> End Test Output'
"""
