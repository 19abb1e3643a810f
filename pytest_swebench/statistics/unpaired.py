"""Fisher's exact test of two rates as if they were of different instances.

It ignores what pairing tells and takes cells of one instance for independent ones, so it is no default anywhere. Charts
keep it beside the paired numbers, under a name that says so, for those who know it from earlier reports.
"""

from __future__ import annotations

import math
from typing import Final

_SLACK: Final = 1e-7  # tables as likely as the observed one, up to rounding


def fisher_p(resolved_a: int, cells_a: int, resolved_b: int, cells_b: int) -> float:
    """Return the two-sided p: the chance of all tables with these sums that are no likelier than the observed one."""
    total, cells = resolved_a + resolved_b, cells_a + cells_b
    least, most = max(0, total - cells_b), min(cells_a, total)
    logs = {x: _log_comb(cells_a, x) + _log_comb(cells_b, total - x) for x in range(least, most + 1)}
    whole = _log_comb(cells, total)
    limit = logs[resolved_a] + math.log1p(_SLACK)
    return min(1.0, math.fsum(math.exp(one - whole) for one in logs.values() if one <= limit))


def _log_comb(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
