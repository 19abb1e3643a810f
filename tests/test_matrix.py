from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.arms.protocol import Solution, SolveContext
from pytest_swebench.arms.registry import ArmRegistry
from pytest_swebench.cell import Cell, Variant, slug
from pytest_swebench.datasets.instance import Instance
from pytest_swebench.errors import SelectionError
from pytest_swebench.matrix import Selection, build_cells, build_variants, read_ids, select, split
from tests.support.made import made_instance

NAMES = st.text("abcXYZ019_-.", min_size=1, max_size=8)
INSTANCES = [
    made_instance("django__django-11099", image="b", language="python"),
    made_instance("django__django-11133", image="a", language="python"),
    made_instance("sympy__sympy-20590", image="c", language="python"),
    made_instance("axios__axios-5919", image="d", language="js"),
]


@dataclass(frozen=True)
class NamedArm:
    name: str
    paid: bool
    version: str = "1"
    oracle: bool = False

    def check(self, instances: list[Instance]) -> None:
        return

    def solve(self, context: SolveContext) -> Solution:
        return Solution()


def ids(instances: list[Instance]) -> list[str]:
    return [instance.instance_id for instance in instances]


@given(
    arms=st.lists(st.builds(NamedArm, NAMES, st.booleans()), max_size=4, unique_by=lambda arm: slug(arm.name)),
    models=st.lists(NAMES, max_size=3, unique_by=slug),
    heats=st.lists(st.none() | st.sampled_from([0.0, 0.2, 0.8, 1.0]), min_size=1, max_size=3, unique=True),
)
def test_variants_are_named_after_themselves_and_once(
    arms: list[NamedArm], models: list[str], heats: list[float | None]
) -> None:
    variants = build_variants(arms, models, heats)
    assert {name: variant.name for name, variant in variants.items()} == {name: name for name in variants}
    expected = sum((max(1, len(models)) * len(heats)) if arm.paid else 1 for arm in arms)
    assert len(variants) == expected
    assert len({(one.arm, one.model, one.temperature) for one in variants.values()}) == expected


def test_an_arm_with_one_model_gives_one_variant_of_its_name() -> None:
    arms = [ArmRegistry().make(name) for name in ("gold", "singleshot")]
    assert build_variants(arms, ["acme/large"], [0.2]) == {
        "gold": Variant("gold", "gold"),
        "singleshot": Variant("singleshot", "singleshot", "acme/large", 0.2),
    }


def test_names_tell_models_and_temperatures_apart() -> None:
    arms = [ArmRegistry().make("singleshot")]
    assert list(build_variants(arms, ["acme/large", "small"], [0.2, None])) == [
        "singleshot+acme-large+t0.2",
        "singleshot+acme-large+tdefault",
        "singleshot+small+t0.2",
        "singleshot+small+tdefault",
    ]


def test_turns_make_variants_of_an_arm_that_takes_them() -> None:
    class Turning(NamedArm):
        takes_turns = True

    arms = [Turning("agent", True), NamedArm("singleshot", True), NamedArm("gold", False)]
    variants = build_variants(arms, ["m"], [0.2], [10, 20])
    assert [(one.name, one.turns) for one in variants.values()] == [
        ("agent+turns10", 10),
        ("agent+turns20", 20),
        ("singleshot", None),
        ("gold", None),
    ]
    assert build_variants(arms, ["m"], [0.2], [10])["agent"].turns == 10


def test_two_variants_of_one_name_are_refused() -> None:
    arms = [ArmRegistry().make("singleshot")]
    with pytest.raises(SelectionError, match=r"two variants .*'singleshot\+acme-large'.*'acme large'"):
        build_variants(arms, ["acme/large", "acme large"], [0.2])


@given(
    st.lists(NAMES, unique=True, max_size=5), st.lists(NAMES, unique=True, min_size=1, max_size=3), st.integers(1, 4)
)
def test_cells_come_repetition_by_repetition_with_variants_in_turn(
    instance_ids: list[str], variants: list[str], reps: int
) -> None:
    cells = build_cells(instance_ids, variants, reps)
    assert len(set(cells)) == len(cells) == len(instance_ids) * len(variants) * reps
    assert [cell.rep for cell in cells] == sorted(cell.rep for cell in cells)
    assert [cell.variant for cell in cells] == variants * (len(cells) // len(variants))
    assert [cell.instance_id for cell in cells[:: len(variants)]] == instance_ids * reps


def test_order_of_cells_is_what_a_person_expects() -> None:
    assert build_cells(["i1", "i2"], ["a", "b"], 2) == [
        *(Cell("i1", "a", 1), Cell("i1", "b", 1), Cell("i2", "a", 1), Cell("i2", "b", 1)),
        *(Cell("i1", "a", 2), Cell("i1", "b", 2), Cell("i2", "a", 2), Cell("i2", "b", 2)),
    ]


def test_everything_is_selected_in_the_order_of_images() -> None:
    assert ids(select(INSTANCES, Selection(), "demo")) == [
        "django__django-11133",
        "django__django-11099",
        "sympy__sympy-20590",
        "axios__axios-5919",
    ]


def test_substrings_ids_and_language_narrow_together() -> None:
    assert ids(select(INSTANCES, Selection(substrings=("sympy", "axios")), "d")) == [
        "sympy__sympy-20590",
        "axios__axios-5919",
    ]
    assert ids(select(INSTANCES, Selection(language="js"), "d")) == ["axios__axios-5919"]
    both = Selection(ids=("django__django-11099", "sympy__sympy-20590"), substrings=("django",))
    assert ids(select(INSTANCES, both, "d")) == ["django__django-11099"]


@given(st.integers(0, 6), st.none() | st.integers(0, 5))
def test_a_limit_takes_the_first_of_the_same_order(limit: int, seed: int | None) -> None:
    everything = select(INSTANCES, Selection(seed=seed), "d")
    limited = select(INSTANCES, Selection(limit=limit, seed=seed), "d")
    assert limited == (everything[:limit] if limit else everything)


@given(st.permutations(INSTANCES), st.integers())
def test_shuffling_depends_on_the_seed_alone(instances: list[Instance], seed: int) -> None:
    assert select(instances, Selection(seed=seed), "d") == select(INSTANCES, Selection(seed=seed), "d")


def test_seeds_shuffle_differently() -> None:
    orders = {tuple(ids(select(INSTANCES, Selection(seed=seed), "d"))) for seed in range(20)}
    assert len(orders) > 5


def test_unknown_id_is_answered_with_the_nearest() -> None:
    with pytest.raises(SelectionError) as caught:
        select(INSTANCES, Selection(ids=("django__django-1109",)), "lite")
    message = str(caught.value)
    assert message.startswith("--instance-ids: unknown instance 'django__django-1109'")
    assert "did you mean 'django__django-11099'?" in message
    assert message.endswith("(4 instances in 'lite')")


def test_unknown_id_among_very_many_lists_a_few_only() -> None:
    many = [made_instance(f"acme__acme-{number}") for number in range(2294)]
    with pytest.raises(SelectionError) as caught:
        select(many, Selection(ids=("zzz",)), "full")
    assert len(str(caught.value)) < 300


def test_unknown_language_lists_those_there_are() -> None:
    with pytest.raises(
        SelectionError, match=r"--language: unknown language 'pyton'; did you mean 'python'\? known: js"
    ):
        select(INSTANCES, Selection(language="pyton"), "lite")


def test_a_selection_of_nothing_shows_its_options_and_what_ids_look_like() -> None:
    with pytest.raises(SelectionError) as caught:
        select(INSTANCES, Selection(substrings=("flask",), language="python"), "lite")
    assert str(caught.value) == (
        "--instances flask --language python matches none of the 4 instances of 'lite'; "
        "ids look like axios__axios-5919, django__django-11099, django__django-11133"
    )


def test_selection_describes_itself_as_options() -> None:
    assert Selection().describe() == ""
    full = Selection(substrings=("a", "b"), ids=("x",), language="go", limit=3, seed=0)
    assert full.describe() == "--instances a,b --instance-ids x --language go --max-instances 3 --shuffle 0"
    assert Selection(ids=tuple("abcdef")).describe() == "--instance-ids (6 ids)"


def test_ids_come_from_a_comma_list_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("\ufeff# the hard ones\nb-2 # first\r\n\n  a-1\nb-2\n", encoding="utf-8")
    assert read_ids("@ids.txt", tmp_path) == ("b-2", "a-1")
    assert read_ids(f"@{tmp_path / 'ids.txt'}", Path("/")) == ("b-2", "a-1")
    assert read_ids(" b-2, a-1,,b-2 ", tmp_path) == ("b-2", "a-1")
    assert read_ids("", tmp_path) == ()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("@missing.txt", "cannot read .*missing.txt.*: No such file"),
        ("@.", "cannot read .*: Is a directory"),
        ("@latin.txt", "cannot read .*latin.txt.*: not UTF-8 text"),
        ("@empty.txt", "'@empty.txt' names no instance"),
        (",", "',' names no instance"),
    ],
)
def test_ids_that_cannot_be_had_are_an_error_and_not_everything(tmp_path: Path, value: str, reason: str) -> None:
    (tmp_path / "latin.txt").write_bytes("é".encode("latin-1"))
    (tmp_path / "empty.txt").write_text("# nothing chosen yet\n", encoding="utf-8")
    with pytest.raises(SelectionError, match=reason):
        read_ids(value, tmp_path)


@given(st.lists(st.text("ab ,\t", max_size=5), max_size=6))
def test_a_comma_list_has_each_part_once_and_none_empty(parts: list[str]) -> None:
    found = split(",".join(parts))
    assert len(set(found)) == len(found)
    assert all(part and part == part.strip() for part in found)
