from __future__ import annotations

import pytest

from tests.plugin.conftest import Run, ids

BOTH = "experiment or not experiment"  # ordinary tests look at what the experiments leave

MINE = """
    import gc

    import pytest

    @pytest.mark.experiment(dataset={dataset!r}, arms=["null"])
    def test_mine(cell):
        pass

    def test_collector_is_on():
        assert gc.isenabled()
"""


def test_garbage_collector_is_back_after_cells_were_generated(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_mine=MINE.format(dataset="demo"))
    run("-m", BOTH).assert_outcomes(passed=14)


def test_garbage_collector_is_back_after_a_dataset_was_refused(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_broken=MINE.format(dataset="missing.jsonl"))
    pytester.makepyfile(test_after="import gc\n\ndef test_collector_is_on():\n    assert gc.isenabled()\n")
    run("-m", BOTH, "--continue-on-collection-errors").assert_outcomes(passed=1, errors=1)


def test_garbage_collector_stays_off_for_who_turned_it_off(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import gc\n\ngc.disable()\n")
    pytester.makepyfile(test_mine=MINE.format(dataset="demo").replace("assert gc", "assert not gc"))
    run("-m", BOTH).assert_outcomes(passed=14)


def test_collecting_a_marked_test_without_any_option_leaves_nothing_behind(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_mine=MINE.format(dataset="demo"))
    result = run("--collect-only", "-q", "test_mine.py")
    assert len(ids(result)) == 13
    assert not pytester.path.joinpath("results").exists()
