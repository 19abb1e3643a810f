"""What the plugin adds to a pytest run that has nothing to do with it, beside what the environment itself adds."""

from __future__ import annotations

from sidebyside import cost_of_pytest, cpu_ratio, cpu_s, in_turn, print_table, print_target, project, wall_s

ROUNDS = 20
MOST = 1.05


def main() -> None:
    with project() as folder:
        (folder / "test_one.py").write_text("def test_one():\n    assert 1 + 1 == 2\n")
        costs = in_turn(
            ROUNDS,
            {
                "with the plugin": lambda: cost_of_pytest([], folder),
                "-p no:swebench": lambda: cost_of_pytest(["-p", "no:swebench"], folder),
                "no plugins at all": lambda: cost_of_pytest([], folder, {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}),
            },
        )
    without = costs["-p no:swebench"]
    print_table(
        f"start-up: one trivial test, medians of {ROUNDS} rounds",
        ["", "CPU s", "wall s", "ratio"],
        [
            [name, f"{cpu_s(of):.3f}", f"{wall_s(of):.3f}", f"{cpu_ratio(of, without):.3f}"]
            for name, of in costs.items()
        ],
    )
    print_target("CPU beside -p no:swebench", cpu_ratio(costs["with the plugin"], without), MOST)


if __name__ == "__main__":
    main()
