from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pytest_swebench.config import resolve
from pytest_swebench.errors import InputError
from pytest_swebench.wizard.saving import save_defaults


def test_new_file_has_the_long_names_and_is_the_persons_alone(tmp_path: Path) -> None:
    save_defaults(tmp_path, {"provider": "openai", "model": "a model's name", "max_instances": "5"})
    settings = resolve({}, tmp_path)
    assert [settings.value(name) for name in ("provider", "model", "max_instances")] == ["openai", "a model's name", 5]
    assert settings["provider"].source == ".env:SWEBENCH_PROVIDER"
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == [".env"]


def test_everything_else_stays_and_known_names_are_used(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# mine\nMODEL=old # why\nOTHER=1")
    path.chmod(0o640)
    save_defaults(tmp_path, {"model": "new", "dataset": "lite"})
    assert path.read_text() == "# mine\nMODEL=new # why\nOTHER=1\nSWEBENCH_DATASET=lite\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_one_bad_value_leaves_all_of_it_as_it_was(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MODEL=old\n")
    with pytest.raises(InputError, match="max_instances"):
        save_defaults(tmp_path, {"model": "new", "max_instances": "many"})
    assert (tmp_path / ".env").read_text() == "MODEL=old\n"
    assert os.listdir(tmp_path) == [".env"]


def test_what_a_link_points_to_is_changed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "work").mkdir()
    (tmp_path / "elsewhere" / "settings").write_text("")
    (tmp_path / "work" / ".env").symlink_to(tmp_path / "elsewhere" / "settings")
    save_defaults(tmp_path / "work", {"model": "new"})
    assert (tmp_path / "work" / ".env").is_symlink()
    assert (tmp_path / "elsewhere" / "settings").read_text() == "SWEBENCH_MODEL=new\n"


def test_virtual_environment_of_that_name_is_no_place(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        save_defaults(tmp_path, {"model": "new"})


def test_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        save_defaults(tmp_path / "gone", {"model": "new"})
