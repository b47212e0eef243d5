"""Rows without a time are neither lost nor counted twice, whatever calls they come with."""

import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from clinical_assets.drift.profiles import Profile, profile, profiles_by
from clinical_assets.errors import ClinicalError
from resources.profile_store import ProfileStore, Put
from resources.store_settings import Parting

DAILY = Parting("at", "site", "1d")


def rows(month: int, first: int, last: int, untimed: int, site: str = "icu") -> pl.DataFrame:
    """A row a day, and some without a time."""
    days = [datetime(2026, month, day) for day in range(first, last + 1)]
    at = pl.Series("at", [*days, *[None] * untimed], dtype=pl.Datetime("us"))
    return pl.DataFrame([at]).with_columns(site=pl.lit(site), x=pl.lit(float(month)))


@pytest.fixture
def known() -> Profile:
    return profile(pl.DataFrame({"x": [float(n) for n in range(10)]}))


@pytest.fixture
def store(tmp_path: Path, known: Profile) -> ProfileStore:
    return ProfileStore.begun(tmp_path / "store", known, DAILY)


def put(store: ProfileStore, *frames: pl.DataFrame, replace: bool = False) -> Put:
    parts = profiles_by(pl.concat(frames), store.reference, "at", "site")
    return store.put(parts, replace=replace)


def untimed(store: ProfileStore) -> dict[str, int]:
    found = {" ".join(key): store.part(key).rows for key in list(store.keys())}
    return {name: rows for name, rows in found.items() if name.startswith("(no time)")}


def test_each_month_has_its_own(store: ProfileStore) -> None:
    put(store, rows(1, 1, 31, 5))
    put(store, rows(2, 1, 28, 5))
    assert store.over().rows == 31 + 28 + 10
    assert store.over("2026-01-01").rows == 31 + 28
    assert untimed(store) == {
        "(no time) 2026-01-01 to 2026-01-31 icu": 5,
        "(no time) 2026-02-01 to 2026-02-28 icu": 5,
    }
    with pytest.raises(ClinicalError, match="in the store already"):
        put(store, rows(1, 1, 31, 5))
    replaced = put(store, rows(1, 1, 31, 4), replace=True)
    assert store.over().rows == 31 + 28 + 9
    assert replaced.fewer == {("(no time) 2026-01-01 to 2026-01-31", "icu"): (5, 4)}


def test_a_longer_replacement_takes_the_place_of_all_that_it_covers(store: ProfileStore) -> None:
    put(store, rows(1, 1, 31, 5))
    put(store, rows(1, 2, 20, 2, "er"))
    put(store, rows(2, 1, 28, 3))
    both = rows(1, 1, 31, 5), rows(2, 1, 28, 3)
    kept = put(store, *both, replace=True).kept
    assert store.over().rows == 31 + 28 + 8 + 19 + 2
    assert untimed(store) == {
        "(no time) 2026-01-01 to 2026-02-28 icu": 8,
        "(no time) 2026-01-02 to 2026-01-20 er": 2,
    }
    assert ("(no time) 2026-01-02 to 2026-01-20", "er") in kept


def test_a_replacement_of_some_days_leaves_them_or_is_refused(store: ProfileStore) -> None:
    put(store, rows(1, 1, 31, 5))
    assert put(store, rows(1, 7, 7, 0), replace=True).kept == (
        ("(no time) 2026-01-01 to 2026-01-31", "icu"),
    )
    assert store.over().rows == 36
    with pytest.raises(ClinicalError, match=r"came with 2026-01-01 to 2026-01-31, not all") as told:
        put(store, rows(1, 7, 7, 1), replace=True)
    assert store.over().rows == 36
    # What the message advises loses nothing.
    file = Path(str(told.value).rpartition("(")[2].partition(".profile")[0] + ".profile")
    assert file.is_file(), told.value
    file.unlink()
    put(store, rows(1, 7, 7, 5), replace=True)
    assert store.over().rows == 36


def test_those_that_earlier_versions_kept_stay_readable(store: ProfileStore) -> None:
    put(store, rows(1, 1, 31, 5))
    now = store.folder / "%28no time%29 2026-01-01 to 2026-01-31"
    now.rename(store.folder / "%28no time%29")
    put(store, rows(2, 1, 28, 3))
    assert store.over().rows == 31 + 28 + 8
    with pytest.raises(ClinicalError, match="came with days that are not known"):
        put(store, rows(2, 1, 28, 3), replace=True)
    put(store, rows(2, 1, 28, 0), replace=True)
    assert store.over().rows == 31 + 28 + 8
    (store.folder / "%28no time%29").rename(store.folder / "%28no time%29 soon")
    with pytest.raises(ClinicalError, match="no part of 1d"):
        store.over()


def test_hours_are_labelled_with_their_offsets(tmp_path: Path, known: Profile) -> None:
    store = ProfileStore.begun(tmp_path / "h", known, Parting("at", "", "1h", "Europe/Berlin"))
    at = pl.Series([datetime(2026, 10, 25, 0), datetime(2026, 10, 25, 1), None])
    local = at.dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
    frame = pl.DataFrame({"at": local, "x": [1.0, 2.0, 3.0]})
    parts = profiles_by(frame, known, "at", every="1h")
    store.put(parts)
    label = "(no time) 2026-10-25 02:00+0200 to 2026-10-25 02:00+0100"
    assert store.keys()[-1][0] == label
    store.put(parts, replace=True)
    assert store.over().rows == 3


KILLED = """
import os, signal, sys
from clinical_assets.cli import cli

left = int(sys.argv[1])

def counting(real):
    def step(*arguments, **named):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    return step

from pathlib import Path
os.fsync, Path.rmdir = counting(os.fsync), counting(Path.rmdir)
cli(["profile", *sys.argv[3:], "-o", sys.argv[2], "--time", "at", "--by", "site", "--replace"])
"""


def replaced(store: ProfileStore, kill: int, *tables: Path) -> int:
    command = [sys.executable, "-c", KILLED, str(kill), str(store.folder), *map(str, tables)]
    return subprocess.run(command, check=False, capture_output=True).returncode


@pytest.mark.parametrize("kill", [1, 2, 5, 6, 7, 8])
def test_a_call_that_was_killed_is_made_good_by_running_it_again(
    store: ProfileStore, tmp_path: Path, kill: int
) -> None:
    """Five writes of parts between the two of their names, and a folder that is taken away."""
    tables = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for month, table in enumerate(tables, 1):
        frame = rows(month, 1, 2, 3)
        put(store, frame)
        frame.write_parquet(table)
    assert replaced(store, kill, *tables) == -signal.SIGKILL
    if kill == 1:
        assert store.over().rows == 10
    else:
        with pytest.raises(ClinicalError, match="A replacement of parts was cut off"):
            store.over()
    put(store, rows(3, 1, 1, 1))  # another call meanwhile
    assert replaced(store, 0, *tables) == 0
    assert store.over().rows == 12
    assert untimed(store) == {
        "(no time) 2026-01-01 to 2026-02-02 icu": 6,
        "(no time) 2026-03-01 to 2026-03-01 icu": 1,
    }
    assert not list((store.folder / "%28no time%29 2026-01-01 to 2026-01-02").glob("*"))
