"""A finished run in LangSmith: what tracing would have told while it ran, of every cell's last attempt."""

from __future__ import annotations

from contextlib import closing

from pytest_swebench.errors import InputError, ProviderError, unknown
from pytest_swebench.reporting.langsmith.account import Account
from pytest_swebench.reporting.langsmith.attempt import recorded
from pytest_swebench.reporting.langsmith.sending import Sender, load_client, quiet, said_of
from pytest_swebench.reporting.reading import RunView


def export_to_langsmith(view: RunView, account: Account, variant: str = "") -> int:
    """Send the cells of a run, or of one variant of it, and return how many.

    Attempts and their feedback have the ids that live tracing gives them, so what is there already stands once.
    Raises InputError where there is nothing to send, and ProviderError where the endpoint does not take it.
    """
    places = [place for place in view.places if variant in {"", place.cell.variant}]
    if not places:
        known = {place.cell.variant for place in view.places}
        told = f"--variant: {unknown('variant', variant, known)}" if known else "it has no record yet"
        raise InputError(f"run {view.layout.run_id!r}: {told}")
    load_client()
    sent = 0
    with quiet(), closing(Sender(account)) as sender:
        for record in view.records():
            if variant in {"", record["variant"]}:
                attempt, ending = recorded(account.project, record)
                try:
                    sender.begin(attempt)
                    sender.end(attempt, ending)
                except Exception as error:  # the client's kinds and those of what it talks through have no common base
                    raise ProviderError(
                        f"LangSmith: {sent} of {len(places)} cells reached {account.shown}; {said_of(error)}; "
                        "the same command sends all again, and doubles none"
                    ) from error
                sent += 1
    return sent
