"""A process that writes is told from one that has ended, however it ended."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from resources.ledger_database.writers import Writers
from tests.unit.resources.faults import kill_after, start

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
WRITER = """
import sys, time
from pathlib import Path
from resources.ledger_database.writers import Writers
print(Writers(Path(sys.argv[1])).name(), flush=True)
time.sleep(60)
"""


def test_a_process_lives_until_it_is_killed(tmp_path: Path) -> None:
    writers = Writers(tmp_path)
    process = start(WRITER, str(tmp_path))
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    assert writers.may_be_alive(name, NOW - timedelta(days=9), NOW)
    process.kill()
    process.wait()
    process.stdout.close()
    assert not writers.may_be_alive(name, NOW, NOW)
    assert not Writers(tmp_path).may_be_alive(name, NOW, NOW)


def test_a_process_knows_itself_and_keeps_its_name(tmp_path: Path) -> None:
    writers = Writers(tmp_path)
    assert writers.name() == writers.name()
    assert writers.may_be_alive(writers.name(), NOW, NOW)
    assert Writers(tmp_path).may_be_alive(writers.name(), NOW, NOW)
    assert Writers(tmp_path).name() != writers.name()


def test_files_of_the_dead_are_taken_away_and_those_of_the_living_not(tmp_path: Path) -> None:
    process = start(WRITER, str(tmp_path))
    (dead,) = kill_after(process, 0.0)
    living = Writers(tmp_path)
    names = {living.name().rpartition(":")[2]}
    assert {p.name for p in tmp_path.glob("[!.]*")} == names
    assert dead.rpartition(":")[2] not in names


def test_of_another_folder_only_time_tells(tmp_path: Path) -> None:
    writers, elsewhere = Writers(tmp_path / "a"), Writers(tmp_path / "b")
    name = elsewhere.name()
    assert writers.may_be_alive(name, NOW - timedelta(minutes=59), NOW)
    assert not writers.may_be_alive(name, NOW - timedelta(minutes=61), NOW)
    assert not writers.may_be_alive("", NOW - timedelta(minutes=61), NOW)


def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    writers = Writers(tmp_path)
    place = writers.name().rpartition(":")[0]
    for name in ("../x", "/etc/passwd", "", "."):
        assert not writers.may_be_alive(f"{place}:{name}", NOW, NOW)


def test_a_child_is_another_writer_and_does_not_keep_its_parent_alive(tmp_path: Path) -> None:
    writers = Writers(tmp_path)
    own = writers.name()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, writers.name().encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    name = os.read(reading, 1000).decode()
    os.close(reading)
    assert name not in ("", own)
    assert not writers.may_be_alive(name, NOW, NOW)
    assert writers.may_be_alive(own, NOW, NOW)
