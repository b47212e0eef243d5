"""What is read of a store of profiles is of one moment, whoever writes meanwhile."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from clinical_assets.drift.profiles import Profile, profile, profiles_by
from clinical_assets.errors import ClinicalError
from resources import profile_store, store_moment
from resources.drift_inputs import open_input
from resources.locks import held
from resources.profile_files import bytes_of
from resources.profile_store import ProfileStore
from resources.store_settings import Parting

DAILY = Parting("at", "", "1d")
DAYS = 20


def rows(day: int, number: int, value: float) -> pl.DataFrame:
    at = datetime(2026, 1, 1) + pl.duration(days=day)
    return pl.DataFrame({"x": [value] * number}).select(at=at, x="x")


def versions() -> list[pl.DataFrame]:
    """The first and the last day, between which 100 of 104 rows move; their values differ."""
    return [
        pl.concat([rows(0, 102, 1.0), rows(DAYS - 1, 2, 1.0)]),
        pl.concat([rows(0, 2, 2.0), rows(DAYS - 1, 102, 2.0)]),
    ]


@pytest.fixture
def known() -> Profile:
    return profile(pl.DataFrame({"x": [float(n) for n in range(10)]}))


@pytest.fixture
def store(tmp_path: Path, known: Profile) -> ProfileStore:
    store = ProfileStore.begun(tmp_path / "store", known, DAILY)
    quiet = pl.concat([rows(day, 2, 3.0) for day in range(1, DAYS - 1)])
    store.put(profiles_by(quiet, known, "at") | profiles_by(versions()[0], known, "at"))
    return store


WRITER = """
import sys, time
from pathlib import Path
import polars as pl
from clinical_assets.drift.profiles import profiles_by
from resources.profile_store import ProfileStore

store = ProfileStore(Path(sys.argv[1]))
versions = [profiles_by(pl.read_parquet(name), store.reference, "at") for name in sys.argv[2:4]]
print("ready", flush=True)
number = 0
while not Path(sys.argv[4]).exists():
    number += 1
    store.put(versions[number % 2], replace=True)
    time.sleep(0.01 * (number % 5))
print(number)
"""


def test_a_reader_sees_all_of_a_replacement_or_nothing(store: ProfileStore, tmp_path: Path) -> None:
    names = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for name, frame in zip(names, versions(), strict=True):
        frame.write_parquet(name)
    stop = tmp_path / "stop"
    command = [sys.executable, "-c", WRITER, str(store.folder), *map(str, names), str(stop)]
    seen: dict[str, set[tuple[int, float]]] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        try:
            for _ in range(20):
                read = store.read()
                first = float(read.profile["x"].minimum)
                seen.setdefault(read.identity, set()).add((read.profile.rows, first))
                assert store.identity() in seen or len(seen) == 1
                assert store.over("2026-01-01", "2026-01-02").rows in (2, 102)
        finally:
            stop.touch()
        assert int(writer.stdout.read()) > 10
    everything = 104 + 2 * (DAYS - 2)
    # Each identity is of one content, and there are no others than the two.
    assert all(len(found) == 1 for found in seen.values())
    assert {rows for found in seen.values() for rows, _ in found} == {everything}
    assert len(seen) == 2


def meanwhile(
    monkeypatch: pytest.MonkeyPatch, store: ProfileStore, known: Profile, times: int
) -> list[int]:
    """As often a writer replaces both days while a reader reads the last part."""
    left, last = [times], f"{datetime(2026, 1, DAYS):%Y-%m-%d}"
    parts = [profiles_by(frame, known, "at") for frame in versions()]

    def read(name: str) -> bytes:
        if last in name and left[0] and threading.current_thread() is threading.main_thread():
            left[0] -= 1
            writer = threading.Thread(
                target=lambda: ProfileStore(store.folder).put(parts[left[0] % 2], replace=True)
            )
            writer.start()
            writer.join(1)
        return bytes_of(name)

    monkeypatch.setattr(profile_store, "bytes_of", read)
    return left


def test_a_store_that_is_always_written_to_is_read_with_the_writers_waiting(
    store: ProfileStore, known: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = meanwhile(monkeypatch, store, known, 5)
    monkeypatch.setattr(ProfileStore, "_lost", lambda *_: ({}, {}))  # reads as the reader does
    assert store.over().rows == 104 + 2 * (DAYS - 2)
    assert left == [0]


def test_who_may_not_lock_a_store_that_is_always_written_to_is_told(
    store: ProfileStore, known: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def refused(path: Path, *, wait_seconds: float) -> Iterator[None]:
        raise ClinicalError("The lock cannot be made", repair="Nothing")
        yield

    left = meanwhile(monkeypatch, store, known, 9)
    monkeypatch.setattr(store_moment, "held", refused)
    with pytest.raises(ClinicalError, match=r"being written to, and the lock .* cannot be had"):
        store.over()
    assert left == [5]
    left[0] = 1
    assert store.over().rows == 104 + 2 * (DAYS - 2)  # no lock is needed where one try succeeds


def test_no_lock_is_taken_to_read_a_store_at_rest(store: ProfileStore) -> None:
    with held(store.folder / "store.lock"):
        assert store.read().profile.rows == 104 + 2 * (DAYS - 2)
        assert len(store.keys()) == DAYS


def test_an_input_has_the_identity_of_what_was_read(store: ProfileStore, known: Profile) -> None:
    before = store.identity()
    read = open_input(str(store.folder))
    assert (read.data, read.identity()) == (store.over(), before)
    store.put(profiles_by(versions()[1], known, "at"), replace=True)
    assert store.identity() != before
    assert read.identity() == before
    assert open_input(str(store.folder)).identity() == store.identity()


def test_every_step_of_a_writer_is_told_from_every_other(store: ProfileStore) -> None:
    putting, seen = store_moment.Putting(store.folder), set()
    for _ in range(50):
        putting.tell((), ())
        seen.add(putting.file.read_bytes())
    assert len(seen) == 50
    assert putting.unfinished() == (set(), set())
