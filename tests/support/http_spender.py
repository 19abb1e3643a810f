"""A process that spends by real calls to an endpoint until a cap stops it, as often as it is told to.

`python -m tests.support.http_spender WIRE URL NUMBER` loads the SDK and says "ready". Each line on stdin is one trial,
`LEDGER CAP_USD PRICE...`, with prices as `--price` takes them, one model each; it says "stopped" after each.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from pytest_swebench.errors import BudgetExhausted, ProviderError
from pytest_swebench.providers.admission import make_gate
from pytest_swebench.providers.budget import Caps
from pytest_swebench.providers.ledger import Ledger
from pytest_swebench.providers.prices import Prices
from pytest_swebench.providers.protocol import Message, Request
from pytest_swebench.providers.rate import Limiter
from tests.support.asking import connect


def main(wire: str, url: str, number: str) -> None:
    connect(wire, url)
    print("ready", flush=True)
    for line in sys.stdin:
        ledger_path, cap_usd, *price_texts = line.split()
        spend(wire, url, number, Path(ledger_path), float(cap_usd), price_texts)
        print("stopped", flush=True)


def spend(wire: str, url: str, number: str, path: Path, cap_usd: float, price_texts: list[str]) -> None:
    chance = random.Random(f"{path}{number}")
    ledger, limiter = Ledger(path, Caps(max_cost_usd=cap_usd), Prices(price_texts)), Limiter(path)
    gate = make_gate(ledger, limiter, f"one/variant/r{number}", "variant", wire, url)
    provider = connect(wire, url, gate=gate)
    models = [text.partition("=")[0] for text in price_texts]
    while True:
        message = Message("user", "x" * chance.randrange(100, 4000))
        request = Request(
            model=chance.choice(models), messages=(message,), max_tokens=chance.randrange(50, 4000), temperature=None
        )
        try:
            provider.complete(request, timeout_s=60.0)
        except BudgetExhausted:
            break
        except ProviderError:  # an answer that was broken three times; charged all the same
            continue
    provider.close()
    ledger.close()
    limiter.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
