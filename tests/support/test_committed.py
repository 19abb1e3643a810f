from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.committed import committed


def test_repository_of_a_hook_and_settings_of_a_person_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, among = tmp_path / "plain", tmp_path / "among"
    for folder in (plain, among):
        folder.mkdir()
        (folder / "a.txt").write_text("a\n")
    expected = committed(plain)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[commit]\n\tgpgsign = true\n[gpg]\n\tprogram = false\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert committed(among) == expected
    assert (among / ".git").is_dir()
    assert not (tmp_path / "elsewhere").exists()
