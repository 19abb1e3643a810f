"""`python -m pytest_swebench` is `swebench-runner`."""

from __future__ import annotations

import sys

from pytest_swebench.cli import main

if __name__ == "__main__":
    sys.exit(main())
