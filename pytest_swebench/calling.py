"""How the cells of this process call models: the endpoint, its limits, the budget, cache and cassettes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from pytest_swebench.cell import Cell, digest, slug
from pytest_swebench.errors import InputError, SwebenchError
from pytest_swebench.events import BackedOff
from pytest_swebench.providers.gate import OPEN
from pytest_swebench.spec import DEMO_MODEL, DEMO_PROVIDER, TEMPERATURE

if TYPE_CHECKING:
    from pytest_swebench.arms.protocol import Arm
    from pytest_swebench.cell import Variant
    from pytest_swebench.config.resolve import Settings
    from pytest_swebench.events import Event
    from pytest_swebench.handle import RunHandle
    from pytest_swebench.providers.cache import Cached
    from pytest_swebench.providers.cassette import Cassette
    from pytest_swebench.providers.gate import Gate
    from pytest_swebench.providers.ledger import Ledger
    from pytest_swebench.providers.prices import Tariff
    from pytest_swebench.providers.protocol import Provider, Usage
    from pytest_swebench.providers.rate import Limiter
    from pytest_swebench.providers.replay import Recording
    from pytest_swebench.providers.sent import ByMinute, Sent
    from pytest_swebench.redact import Redactor
    from pytest_swebench.sandbox.protocol import Sandbox
    from pytest_swebench.secrets import Keys
    from pytest_swebench.spec import ExperimentSpec

REPLAY: Final = "replay"
DEMO_RECORDINGS: Final = Path(__file__).parent / "demo" / "recordings.jsonl"


@dataclass(slots=True)
class CellCalls:
    """What one attempt at a cell reaches beyond this process; see `workplace.Outside`."""

    tariff: Tariff
    cassette: Cassette | None
    provider: Provider = field(init=False)
    cache: Cached | None = None
    retries: int = 0
    sent: Sent | None = None

    @property
    def requests(self) -> ByMinute:
        """Return what was sent, by the minute; of a recording nothing was."""
        return {} if self.sent is None else self.sent.by_minute

    def price(self, asked: str, answered: str, usage: Usage) -> float | None:
        """Return what a call cost in USD, None where nobody knows."""
        return self.tariff.usd(asked, answered, usage)

    def sandbox(self, opened: Sandbox) -> Sandbox:
        """Return the sandbox, behind the cassette if there is one."""
        return opened if self.cassette is None else self.cassette.sandbox(opened)

    def close(self, *, finished: bool) -> list[str]:
        """Close the provider and the cassette, and return what cache and cassette have to tell."""
        try:
            self.provider.close()
        finally:
            notes = [] if self.cassette is None else self.cassette.close(finished=finished)
        return notes if self.cache is None else [*notes, *self.cache.notes]


@dataclass(slots=True)
class Calls:
    """Makes what the cells of this process call with. `extra` gives the providers of plugins by name."""

    settings: Settings
    handle: RunHandle
    redactor: Redactor
    keys: Keys
    mode: str
    cassettes: Path
    extra: Callable[[], Mapping[str, Any]]
    _ledger: Ledger | None = None
    _limiter: Limiter | None = None

    @property
    def ledger(self) -> Ledger:
        """The run's ledger. Raises InputError for caps and prices that cannot be meant."""
        if self._ledger is None:
            from pytest_swebench.providers.budget import Caps
            from pytest_swebench.providers.ledger import Ledger
            from pytest_swebench.providers.prices import Prices

            value = self.settings.value
            caps = Caps(
                max_cost_usd=value("max_cost"),
                max_cost_per_cell_usd=value("max_cost_per_cell"),
                max_cost_per_variant_usd=value("max_cost_per_variant"),
                max_tokens=value("max_tokens"),
            )
            self._ledger = Ledger(self.handle.layout.ledger, caps, Prices(value("price") or ()))
        return self._ledger

    def outside(
        self,
        spec: ExperimentSpec,
        variant: Variant,
        cell: Cell,
        paid_before: Sequence[Sequence[Recording]],
        emit: Callable[[Event], None],
        own_cap_usd: float | None = None,
    ) -> CellCalls:
        """Return what one attempt at a cell calls with; `paid_before` is what earlier ones got, latest first.

        `own_cap_usd` is the arm's `max_cost_usd`, if it has any. Raises InputError if the cell's cassette cannot be
        read or its provider not be made.
        """
        from pytest_swebench.providers.earlier import Earlier
        from pytest_swebench.providers.prices import Prices
        from pytest_swebench.providers.sent import Sent

        cassette = self._cassette(cell, variant)
        provider_name = spec.provider.partition(":")[0]
        # a recording costs nothing, whatever the settings say of prices
        prices = Prices() if provider_name == REPLAY else self.ledger.prices
        calls = CellCalls(prices.at(provider_name, spec.provider_url), cassette)

        def waits(wait_s: float, reason: str) -> None:
            calls.retries += 1
            who, _, what = reason.partition(": ")  # who was asked, everybody knows, but not where that is
            emit(BackedOff(cell, wait_s, ": ".join(filter(None, (who.partition(" at ")[2], what))) or reason))

        def endpoint() -> Provider:
            gate = self._gate(str(cell), cell.variant, provider_name, spec.provider_url, own_cap_usd)
            calls.sent = None if provider_name == REPLAY else Sent(gate)
            provider = self.provider(spec, calls.sent or gate, waits)
            if self.settings.value("cache") and self.settings.value("batch_checkpointing"):
                calls.cache = provider = self._cached(provider)
            return Earlier(provider, *paid_before, redactor=self.redactor)

        calls.provider = endpoint() if cassette is None else cassette.provider(endpoint)
        return calls

    def aside(self, spec: ExperimentSpec, name: str) -> Provider:
        """Return a provider for the test `name`, which runs no cell of its own; it is charged like any other."""
        provider_name = spec.provider.partition(":")[0]
        return self.provider(spec, self._gate(name, "", provider_name, spec.provider_url))

    def provider(
        self, spec: ExperimentSpec, gate: Gate = OPEN, on_wait: Callable[[float, str], None] = lambda wait_s, why: None
    ) -> Provider:
        """Make a provider client. Raises InputError if none is configured or its key is missing."""
        from pytest_swebench.providers.registry import KeyMissing, make_provider

        if not spec.provider:
            raise InputError(
                "no model provider is configured; give --provider (anthropic, openai, openrouter, huggingface, "
                "ollama, chutes, replay:FILE) and --model, or set PROVIDER and MODEL; arms gold and null need none"
            )
        name = f"replay:{DEMO_RECORDINGS}" if spec.provider == DEMO_PROVIDER else spec.provider
        try:
            return make_provider(
                name,
                base_url=spec.provider_url,
                env={},
                find_key=self.keys.find,
                extra=self.extra(),
                gate=gate,
                on_wait=on_wait,
            )
        except KeyMissing as error:
            raise InputError(f"{error}; {self.keys.trouble}" if self.keys.trouble else str(error)) from None
        except SwebenchError:
            raise
        except Exception as error:  # somebody else's factory, before anything is paid
            raise InputError(f"provider {name!r} cannot be made: {type(error).__name__}: {error}") from error

    def endpoint_digest(self, spec: ExperimentSpec) -> str:
        """Return a digest of who answers, "" for a provider at its own address: part of what makes a cell."""
        if spec.provider == DEMO_PROVIDER:
            return ""
        if spec.provider.startswith(f"{REPLAY}:"):
            recordings = Path(spec.provider.partition(":")[2])
            return digest(recordings.read_text(encoding="utf-8", errors="replace")) if recordings.is_file() else ""
        address = urlsplit(spec.provider_url)
        return digest([address.scheme, address.hostname, address.port, address.path]) if spec.provider_url else ""

    def close(self) -> None:
        """Close the files that all processes of the run share; safe to call twice."""
        for part in (self._limiter, self._ledger):
            if part is not None:
                part.close()

    def check(self, spec: ExperimentSpec, arms: Mapping[str, Arm]) -> None:
        """Raise InputError, before anything is paid, for what the arms that call models lack."""
        paid = [name for name, arm in arms.items() if arm.paid]
        if not paid:
            return
        if not self.settings.value("generation_enabled"):
            source = self.settings["generation_enabled"].source
            raise InputError(f"arm {paid[0]!r} calls a model, which {source} forbids; give --patches instead")
        if spec.provider == DEMO_PROVIDER and (spec.models, spec.temperatures) != ((DEMO_MODEL,), (TEMPERATURE,)):
            raise InputError(
                f"the demo has recorded answers of {DEMO_MODEL!r} at temperature {TEMPERATURE} only; "
                "for another model or temperature add --provider"
            )
        if self.mode != "replay":
            self.provider(spec).close()
        if not spec.models:
            raise InputError(f"arm {paid[0]!r} needs a model: give --model ID, or set MODEL")
        if self.mode == "replay":
            if not self.cassettes.is_dir():
                raise InputError(f"--cassette replay: no cassettes in {str(self.cassettes)!r}; record them first")
            return
        self.ledger.prices.check_known(
            spec.provider.partition(":")[0],
            spec.models,
            spec.provider_url,
            max_tokens=self.ledger.caps.max_tokens,
            capped=self.ledger.caps.in_money,
        )

    def _gate(
        self, cell: str, variant: str, provider_name: str, base_url: str, own_cap_usd: float | None = None
    ) -> Gate:
        if provider_name == REPLAY:
            return OPEN
        from pytest_swebench.providers.admission import make_gate
        from pytest_swebench.providers.rate import Limiter

        if self._limiter is None:
            value = self.settings.value
            self._limiter = Limiter(self.handle.layout.ledger, rpm=value("rpm"), tpm=value("tpm"))
        return make_gate(self.ledger, self._limiter, cell, variant, provider_name, base_url, own_cap_usd=own_cap_usd)

    def _cached(self, provider: Provider) -> Cached:
        from pytest_swebench.providers.cache import Cached

        return Cached(provider, self.handle.layout.root / "cache" / "answers", self.redactor)

    def _cassette(self, cell: Cell, variant: Variant) -> Cassette | None:
        """Return the cassette of a cell; where its variant does not name the model, the cassette's folder does."""
        if not self.mode:
            return None
        from pytest_swebench.providers.cassette import Cassette, CassetteMode, cassette_path

        model = slug(variant.model)
        named = cell.variant if model in cell.variant else f"{cell.variant}+{model}"
        path = cassette_path(self.cassettes, Cell(cell.instance_id, named, cell.rep))
        return Cassette(path, CassetteMode(self.mode), self.redactor)
