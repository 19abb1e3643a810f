"""The settings that have a name outside the command line."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pytest_swebench.config.settings import Kind, Setting

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROWS: Final = (
    Setting(name="dataset", path="experiment.dataset", kind=Kind.TEXT, help="dataset, as --dataset takes it"),
    Setting(name="split", path="experiment.split", kind=Kind.TEXT, default="test", help="split of the dataset"),
    Setting(
        name="arms",
        path="experiment.arms",
        kind=Kind.WORDS,
        short=("ARMS",),
        default="singleshot",
        help="strategies to compare",
    ),
    Setting(
        name="instances",
        path="experiment.instances",
        kind=Kind.WORDS,
        short=("INSTANCES",),
        help="substrings; an instance id must hold one of them",
    ),
    Setting(
        name="language",
        path="experiment.language",
        kind=Kind.TEXT,
        in_dotenv=("LANGUAGE",),  # in a process, gettext's list of languages for messages
        help="only instances in this language",
    ),
    Setting(
        name="max_instances",
        path="experiment.max_instances",
        kind=Kind.INTEGER,
        short=("MAX_INSTANCES",),
        default=0,
        least=0,
        help="at most so many instances, 0 for all",
    ),
    Setting(
        name="output_dir",
        path="experiment.output_dir",
        kind=Kind.TEXT,
        short=("OUTPUT_DIR",),
        default="results",
        help="where results go",
    ),
    Setting(
        name="provider",
        path="generation.provider",
        kind=Kind.TEXT,
        short=("PROVIDER",),
        help="who is asked; there is no default",
    ),
    Setting(
        name="provider_url",
        path="generation.base_url",
        kind=Kind.TEXT,
        short=("BASE_URL",),
        help="base URL of a compatible server",
    ),
    Setting(
        name="model",
        path="generation.model",
        kind=Kind.WORDS,
        short=("MODEL",),
        also=("models",),
        help="model ids; there is no default",
    ),
    Setting(
        name="temperatures",
        path="generation.temperature",
        kind=Kind.WORDS,
        default="0.2",
        help="temperatures, or `default` for the provider's own",
    ),
    Setting(
        name="max_workers",
        path="generation.max_workers",
        kind=Kind.INTEGER,
        short=("MAX_WORKERS",),
        default=1,
        least=1,
        has_option=False,
        help="processes that run cells, where -n is not given",
    ),
    Setting(
        name="generation_timeout",
        path="generation.timeout",
        kind=Kind.NUMBER,
        default=300.0,
        least=1,
        help="seconds that an arm may work on a cell",
    ),
    Setting(
        name="generation_enabled",
        path="generation.enabled",
        kind=Kind.BOOLEAN,
        default=True,
        has_option=False,
        help="whether arms may call a model; if not, runs need --patches",
    ),
    Setting(
        name="batch_checkpointing",
        path="generation.batch_checkpointing",
        kind=Kind.BOOLEAN,
        default=True,
        has_option=False,
        help="whether --cache keeps answers",
    ),
    Setting(
        name="checkpoint_dir",
        path="generation.checkpoint_dir",
        kind=Kind.TEXT,
        default=".swebench/checkpoints",
        has_option=False,
        help="where a --checkpoint lies that is named without a folder",
    ),
    Setting(
        name="max_cost",
        path="generation.max_cost",
        kind=Kind.NUMBER,
        short=("MAX_COST",),
        least=0,
        help="cap of a run, USD",
    ),
    Setting(
        name="max_cost_per_variant",
        path="generation.max_cost_per_variant",
        kind=Kind.NUMBER,
        least=0,
        help="cap of each variant, USD",
    ),
    Setting(
        name="max_cost_per_cell",
        path="generation.max_cost_per_cell",
        kind=Kind.NUMBER,
        least=0,
        help="cap of each cell, USD",
    ),
    Setting(
        name="max_tokens",
        path="generation.max_tokens",
        kind=Kind.INTEGER,
        least=0,
        help="cap of a run in tokens, where no price is known",
    ),
    Setting(
        name="price",
        path="generation.price",
        kind=Kind.TEXTS,
        help="[MODEL=]IN,OUT[,CACHE_READ[,CACHE_WRITE]], USD per million tokens",
    ),
    Setting(name="rpm", path="generation.rpm", kind=Kind.INTEGER, least=1, help="requests a minute, over all workers"),
    Setting(name="tpm", path="generation.tpm", kind=Kind.INTEGER, least=1, help="tokens a minute, over all workers"),
    Setting(name="context", path="generation.context", kind=Kind.TEXT, help="where a prompt's files come from"),
    Setting(
        name="context_tokens",
        path="generation.context_tokens",
        kind=Kind.INTEGER,
        least=1,
        help="room for files in a prompt",
    ),
    Setting(name="cache", path="generation.cache", kind=Kind.BOOLEAN, help="keep answers, and serve them again"),
    Setting(
        name="eval_timeout",
        path="evaluation.timeout",
        kind=Kind.NUMBER,
        least=1,
        help="seconds that the tests of one patch may take",
    ),
    Setting(
        name="eval_max_workers",
        path="evaluation.max_workers",
        kind=Kind.INTEGER,
        short=("EVAL_MAX_WORKERS",),
        least=1,
        help="gradings at one time",
    ),
    Setting(
        name="max_patch_size",
        path="evaluation.max_patch_size_mb",
        kind=Kind.NUMBER,
        least=0,
        help="largest patch, MB",
    ),
    Setting(
        name="docker_namespace",
        path="docker.namespace",
        kind=Kind.TEXT,
        has_option=False,
        help="where images are asked for first",
    ),
    Setting(name="pro_scripts", path="docker.pro_scripts", kind=Kind.TEXT, help="checkout of SWE-bench_Pro-os"),
)
SETTINGS: Final[Mapping[str, Setting]] = MappingProxyType({setting.name: setting for setting in _ROWS})
