"""Keep pytest out of the repositories in here: their tests are what the tasks are judged by, and fail."""

from __future__ import annotations

collect_ignore = ["repos"]
