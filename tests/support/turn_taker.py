"""A process that takes turns under a rate limit as fast as it gets them, and prints when each request went out.

`python turn_taker.py FILE RPM SECONDS`: prints `ready`, begins on a line of input, then prints one time a turn, in
seconds of the machine's monotonic clock.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from pytest_swebench.providers.protocol import Message, Request
from pytest_swebench.providers.rate import Limiter


def main(path: str, rpm: str, seconds: str) -> None:
    limiter = Limiter(Path(path), rpm=float(rpm))
    request = Request(model="m", messages=(Message("user", "x"),))
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        limiter.take("lane", request, timeout_s=60.0)
        print(time.monotonic(), flush=True)
    limiter.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
