"""The console command `swebench-runner`: a thin face on pytest runs, and what is done before and after them.

It is not called `swebench`: the official package owns that script name since its 5.0.
"""

from __future__ import annotations


def main() -> int:
    """Run the command line of this process and return its exit code."""
    import sys

    from pytest_swebench.cli.command import run

    return run(sys.argv[1:])
