"""The demo's recorded answers behind a real endpoint: what was asked how often is counted on its side."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

from pytest_swebench.calling import DEMO_RECORDINGS
from pytest_swebench.providers.replay import read_recordings
from tests.support.llm_server import ScriptedAnswer

STOPS = {"end": "end", "max_tokens": "max_tokens", "refusal": "refusal"}


class RecordedAnswers:
    """Answers each of the demo's questions with its first recorded answer, after `delay_s` seconds.

    `asked` counts by question; an unknown question is an error of the test, and is answered with its beginning.
    """

    def __init__(self, delay_s: float = 0.0) -> None:
        self.asked: Counter[str] = Counter()
        self._delay_s = delay_s
        self._lock = threading.Lock()
        self._answers: dict[str, ScriptedAnswer] = {}
        for recording in read_recordings(DEMO_RECORDINGS):
            answer = recording.answer
            self._answers.setdefault(
                recording.request.messages[-1].content,
                ScriptedAnswer(
                    text=answer.text,
                    stop=STOPS[answer.stop_reason],
                    usage={"input": answer.usage.input, "output": answer.usage.output},
                ),
            )

    def __call__(self, body: dict[str, Any]) -> ScriptedAnswer:
        question = body["messages"][-1]["content"]
        with self._lock:
            self.asked[question] += 1
        time.sleep(self._delay_s)
        return self._answers.get(question) or ScriptedAnswer(text=f"never recorded: {question[:200]}")
