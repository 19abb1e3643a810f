"""A cap against real calls: many processes, an endpoint that charges by its own count, and breaks off now and then."""

from __future__ import annotations

import random
import subprocess
import sys
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.support.llm_server import Behaviour, Broken, LLMServer, ScriptedAnswer, Status

ROOT = Path(__file__).parents[2]
CAP_USD = 10


class Charging:
    """Answers at random lengths within what was asked; one in twenty breaks off after it was charged for."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def __call__(self, body: dict[str, Any]) -> Behaviour:
        asked = len(body["messages"][-1]["content"])
        most = body.get("max_tokens") or body["max_completion_tokens"]
        usage = {"input": self._chance.randrange(asked), "output": self._chance.randrange(most + 1)}
        fate = self._chance.random()
        if fate < 0.03:
            return Status(500)
        answer = ScriptedAnswer(text="because", usage=usage)
        return Broken("cut", answer=answer) if fate < 0.05 else answer


@pytest.mark.parametrize(
    ("wire", "processes", "trials"),
    [
        ("openai", 4, 1),
        ("anthropic", 4, 1),
        pytest.param("openai", 8, 50, marks=pytest.mark.soak),
        pytest.param("anthropic", 8, 10, marks=pytest.mark.soak),
    ],
)
def test_server_never_charges_more_than_the_cap(tmp_path: Path, wire: str, processes: int, trials: int) -> None:
    with LLMServer(Charging(trials), keep=False) as server, ExitStack() as stack:
        spenders = [stack.enter_context(spender(wire, server.url, number)) for number in range(processes)]
        for one in spenders:
            assert said(one) == "ready"
        charged = []
        for trial in range(trials):
            chance = random.Random(trial)
            prices = {f"m{trial}-{n}": (chance.randrange(2, 40), chance.randrange(5, 90)) for n in range(3)}
            texts = " ".join(f"{model}={into},{out}" for model, (into, out) in prices.items())
            for one in spenders:
                assert one.stdin is not None
                one.stdin.write(f"{tmp_path / f'{trial}.sqlite'} {CAP_USD} {texts}\n")
                one.stdin.flush()
            for one in spenders:
                assert said(one) == "stopped"
            charged.append(sum(bill(server, model, price) for model, price in prices.items()))
        for one in spenders:
            assert one.stdin is not None
            one.stdin.close()
            assert one.wait(timeout=30) == 0
    print(f"\n{wire}: charged ${float(min(charged)):.4f} to ${float(max(charged)):.4f} in {trials} trials")
    assert max(charged) <= CAP_USD
    assert min(charged) >= 0.8 * CAP_USD  # calls that broke off are reserved in full


def bill(server: LLMServer, model: str, price: tuple[int, int]) -> Fraction:
    """Return what the endpoint charges for a model by its own count, broken answers included."""
    used = server.traffic.used(model)
    return Fraction(used.get("input", 0) * price[0] + used.get("output", 0) * price[1], 10**6)


def spender(wire: str, url: str, number: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.support.http_spender", wire, url, str(number)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()
