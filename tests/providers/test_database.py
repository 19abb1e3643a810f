from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from pytest_swebench.errors import RecordError
from pytest_swebench.providers.database import Database

SCHEMA = "CREATE TABLE IF NOT EXISTS notes (text TEXT);"


def notes(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [text for (text,) in db.execute("SELECT text FROM notes ORDER BY rowid")]


def test_nothing_is_made_before_the_first_use(tmp_path: Path) -> None:
    database = Database(tmp_path / "new" / "run.sqlite", SCHEMA)
    assert not (tmp_path / "new").exists()
    with database.reading() as db:
        assert db.execute("SELECT count(*) FROM notes").fetchone()[0] == 0
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    database.close()
    database.close()
    assert (tmp_path / "new" / "run.sqlite").exists()


def test_an_error_undoes_a_transaction(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "run.sqlite", SCHEMA)) as database:
        with suppress(KeyError), database.writing() as db:
            db.execute("INSERT INTO notes VALUES ('undone')")
            raise KeyError
        with database.writing() as db:
            db.execute("INSERT INTO notes VALUES ('kept')")
    assert notes(tmp_path / "run.sqlite") == ["kept"]


def test_only_what_must_outlive_a_power_cut_waits_for_the_disk(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "run.sqlite", SCHEMA)) as database:
        for durable, level in ((False, 1), (True, 2), (False, 1)):  # NORMAL, FULL in SQLite's words
            with database.writing(durable=durable) as db:
                assert db.execute("PRAGMA synchronous").fetchone()[0] == level


def test_a_closed_one_opens_again(tmp_path: Path) -> None:
    database = Database(tmp_path / "run.sqlite", SCHEMA)
    for text in ("one", "two"):
        with database.writing() as db:
            db.execute("INSERT INTO notes VALUES (?)", (text,))
        database.close()
    assert notes(tmp_path / "run.sqlite") == ["one", "two"]


def test_a_fork_takes_no_connection_along(tmp_path: Path) -> None:
    """The parent forks while another of its threads writes, and goes on writing."""
    script = (
        "import os, threading; from pathlib import Path\n"
        "from pytest_swebench.providers.database import Database\n"
        f"path = Path({str(tmp_path / 'run.sqlite')!r})\n"
        f"database = Database(path, {SCHEMA!r})\n"
        "def note(text):\n"
        "    with database.writing() as db:\n"
        "        db.execute('INSERT INTO notes VALUES (?)', (text,))\n"
        "writing, forking = threading.Event(), threading.Event()\n"
        "def write():\n"
        "    with database.writing() as db:\n"
        "        db.execute(\"INSERT INTO notes VALUES ('thread')\")\n"
        "        writing.set()\n"
        "        forking.wait()\n"
        "thread = threading.Thread(target=write); thread.start(); writing.wait()\n"
        "threading.Timer(0.2, forking.set).start()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    links = [os.path.realpath(f'/proc/self/fd/{fd}') for fd in range(3, 64)]\n"
        "    assert not any(link.startswith(str(path)) for link in links), links\n"
        "    note('child'); database.close(); os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "thread.join(); note('parent'); database.close()\n"
    )
    # Python warns of forks beside threads, which is what this is about
    subprocess.run([sys.executable, "-W", "ignore::DeprecationWarning", "-c", script], check=True, timeout=60)
    assert notes(tmp_path / "run.sqlite") == ["thread", "child", "parent"]


@pytest.mark.parametrize("content", [b"this is no database" * 100, b""])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run.sqlite"
    if content:
        path.write_bytes(content)
    else:
        path.mkdir()
    database = Database(path, SCHEMA)
    with pytest.raises(RecordError, match=r"cannot use '.*run\.sqlite': "), database.reading():
        pytest.fail("nothing can be read there")
    database.close()
