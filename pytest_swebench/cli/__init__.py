"""The console command `swebench-runner`."""

from __future__ import annotations
