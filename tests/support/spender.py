"""A process that spends from a ledger until a cap stops it, and notes what its "endpoint" charged, in its own file.

`python spender.py LEDGER CAP_USD SEED LOG PRICE...`: prices as `--price` takes them, one model each. The charge is
worked out here, from the same texts but by other means, so the log is a count of its own.
"""

from __future__ import annotations

import random
import sys
import time
from fractions import Fraction
from pathlib import Path

from pytest_swebench.errors import BudgetExhausted
from pytest_swebench.providers.admission import make_gate
from pytest_swebench.providers.budget import Caps
from pytest_swebench.providers.ledger import Ledger
from pytest_swebench.providers.prices import Prices
from pytest_swebench.providers.protocol import Answer, Message, Request, StopReason, Usage
from pytest_swebench.providers.rate import Limiter


def main(ledger_path: str, cap_usd: str, seed: str, log_path: str, *price_texts: str) -> None:
    chance = random.Random(seed)
    ledger = Ledger(Path(ledger_path), Caps(max_cost_usd=float(cap_usd)), Prices(price_texts))
    limiter = Limiter(Path(ledger_path))
    gate = make_gate(ledger, limiter, f"one/variant/r{seed}", "variant", "chutes")
    prices = {
        model: [Fraction(amount) for amount in amounts.split(",")]
        for model, _, amounts in (text.partition("=") for text in price_texts)
    }
    print("ready", flush=True)
    sys.stdin.readline()
    with open(log_path, "w", buffering=1) as log:
        while True:
            model = chance.choice(list(prices))
            text = "x" * chance.randrange(100, 4000)
            request = Request(model=model, messages=(Message("user", text),), max_tokens=chance.randrange(50, 4000))
            try:
                turn = gate.enter(request, timeout_s=60.0)
            except BudgetExhausted as stopped:
                log.write(f"# {stopped}\n")
                break
            time.sleep(chance.uniform(0.0, 0.004))
            usage = Usage(input=chance.randrange(len(text)), output=chance.randrange(request.max_tokens + 1))
            charged = (usage.input * prices[model][0] + usage.output * prices[model][1]) / 10**6
            fate = chance.random()
            if fate < 0.05:  # nothing reached the endpoint
                turn.failed(billed=False)
            else:
                log.write(f"{charged.numerator} {charged.denominator}\n")
                if fate < 0.06:  # the endpoint charged, and its answer was lost
                    turn.failed(billed=True)
                else:
                    turn.answered(Answer(text="x", model=model, stop_reason=StopReason.END, usage=usage))
    ledger.close()
    limiter.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
