"""A folder of profiles by day and site: sums of what is there, nothing counted twice."""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from clinical_assets.drift.profiles import Profile, profile, profiles_by
from clinical_assets.errors import ClinicalError
from resources import profile_store, store_settings
from resources.profile_files import write_profile
from resources.profile_store import ProfileStore
from resources.store_settings import Parting, is_store, store_around

DAILY = Parting("at", "site", "1d")


def days(first: int, number: int) -> pl.DataFrame:
    """Four rows a day, two a site."""
    rows = number * 4
    start = datetime(2026, 1, first)
    return pl.DataFrame({"n": range(rows)}).select(
        at=start + pl.duration(hours=pl.col("n") * 6),
        site=pl.when(pl.col("n") % 2 == 0).then(pl.lit("north")).otherwise(pl.lit("a/..\n")),
        lactate=(pl.col("n") * 37 % 11).cast(pl.Float64),
    )


@pytest.fixture
def known() -> Profile:
    return profile(days(1, 10), columns=["lactate"])


@pytest.fixture
def store(tmp_path: Path, known: Profile) -> ProfileStore:
    """Ten days, added in two goes."""
    store = ProfileStore.begun(tmp_path / "store", known, DAILY)
    for first in (1, 6):
        store.put(profiles_by(days(first, 5), known, "at", "site"))
    return store


def counted(frame: pl.DataFrame, known: Profile) -> Profile:
    return profile(frame.select("lactate"), known)


def test_any_window_and_site_is_the_profile_of_its_rows(
    store: ProfileStore, known: Profile
) -> None:
    everything = pl.concat([days(1, 5), days(6, 5)])
    again = ProfileStore(store.folder)
    assert (again.parting, again.reference) == (DAILY, known)
    assert again.over() == counted(everything, known)
    chosen = everything.filter(
        pl.col("at") >= datetime(2026, 1, 3),
        pl.col("at") < datetime(2026, 1, 7),
        pl.col("site") == "north",
    )
    sites = frozenset({"north"})
    assert again.over("2026-01-03", "2026-01-07", sites) == counted(chosen, known)
    assert list(again.keys("2026-01-10")) == [("2026-01-10", "a/..\n"), ("2026-01-10", "north")]


def test_rows_without_a_time_belong_to_no_window(store: ProfileStore, known: Profile) -> None:
    timeless = days(1, 1).with_columns(at=pl.when(pl.col("lactate") > 0).then("at"))
    store.put(profiles_by(timeless, known, "at", "site"), replace=True)
    assert store.over().rows == 40  # what replaced the first day has a row without a time
    assert store.over("2026-01-01").rows == 39


def test_nothing_is_counted_twice(store: ProfileStore, known: Profile) -> None:
    before = store.over()
    again = profiles_by(days(10, 2), known, "at", "site")
    with pytest.raises(ClinicalError, match=r"2 are in the store already, the first 2026-01-10"):
        store.put(again)
    assert store.over() == before
    store.put(again, replace=True)
    assert store.over() == counted(pl.concat([days(1, 5), days(6, 4), days(10, 2)]), known)


def test_what_would_not_add_up_is_not_taken(store: ProfileStore, known: Profile) -> None:
    for other in (replace(DAILY, by=""), replace(DAILY, every="1w"), replace(DAILY, time="on")):
        with pytest.raises(ClinicalError, match="parts are other ones"):
            ProfileStore.begun(store.folder, known, other)
    strange = profile(days(1, 3), columns=["lactate"])
    with pytest.raises(ClinicalError, match="another reference"):
        ProfileStore.begun(store.folder, strange, DAILY)
    (key, part), *_ = profiles_by(days(11, 1), strange, "at", "site").items()
    store.put({key: part})
    with pytest.raises(ClinicalError, match="made on another grid"):
        store.over()


def test_what_is_asked_for_and_not_there(store: ProfileStore) -> None:
    with pytest.raises(ClinicalError, match="no rows of these days"):
        store.over("2027-01-01")
    with pytest.raises(ClinicalError, match="nothing of mars there"):
        store.over(sites=frozenset({"north", "mars"}))


def test_a_damaged_store_is_said_to_be(store: ProfileStore, tmp_path: Path, known: Profile) -> None:
    part = next(store.folder.glob("2026-01-04/north.profile"))
    part.write_bytes(part.read_bytes()[:-7])
    with pytest.raises(ClinicalError, match="damaged or cut short") as told:
        store.over()
    assert str(part) in str(told.value)
    settings = store.folder / "store.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"format": 2}))
    with pytest.raises(ClinicalError, match="of format 2, this program knows 1"):
        ProfileStore(store.folder)
    settings.write_text("{")
    with pytest.raises(ClinicalError, match="store of profiles is damaged"):
        ProfileStore(store.folder)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letters").touch()
    with pytest.raises(ClinicalError, match="something else"):
        ProfileStore.begun(tmp_path / "other", known, DAILY)


def test_a_name_that_no_file_can_have_keeps_nothing(store: ProfileStore, known: Profile) -> None:
    before = store.over()
    long = days(20, 2).with_columns(
        site=pl.when(pl.col("site") == "north").then(pl.lit("ü" * 90)).otherwise("site")
    )
    with pytest.raises(ClinicalError, match="too long"):
        store.put(profiles_by(long, known, "at", "site"))
    assert store.over() == before


def test_two_writers_of_the_same_days_are_not_both_accepted(
    store: ProfileStore, known: Profile
) -> None:
    def parts(site: str) -> dict[tuple[str, str], Profile]:
        late = days(20, 60).with_columns(site=pl.lit(site))
        return profiles_by(late, known, "at", "site")

    mine, outcomes = parts("north"), []

    def put() -> None:
        try:
            ProfileStore(store.folder).put(mine)
            outcomes.append("kept")
        except ClinicalError:
            outcomes.append("refused")

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["kept", "refused", "refused", "refused"]
    assert store.over("2026-01-20").rows == 240


def test_two_beginnings_at_once_leave_all_parts_on_one_grid(
    tmp_path: Path, known: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is held up in the middle of its beginning, until the second has had its chance."""
    folder, begun, outcomes = tmp_path / "store", threading.Event(), {}
    writes = store_settings.write_profile

    def slow(made: Profile, path: Path, *, grid: bool = True) -> int:
        if path.name == "reference.profile" and threading.current_thread().name == "first":
            begun.set()
            threading.Event().wait(0.5)
        return writes(made, path, grid=grid)

    monkeypatch.setattr(store_settings, "write_profile", slow)

    def begin(rows: pl.DataFrame, given: bool) -> None:
        name = threading.current_thread().name
        mine = profile(rows, columns=["lactate"])
        try:
            store = ProfileStore.begun(folder, mine, DAILY, given=given)
            store.put(profiles_by(rows, store.reference, "at", "site"))
            outcomes[name] = "kept"
        except ClinicalError as error:
            outcomes[name] = str(error)

    others = days(11, 3).with_columns(pl.col("lactate") * 3)
    threads = [
        threading.Thread(target=begin, name="first", args=(days(1, 5), False)),
        threading.Thread(target=begin, name="second", args=(others, False)),
        threading.Thread(target=begin, name="third", args=(others, True)),
    ]
    threads[0].start()
    assert begun.wait(10)
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join()
    assert (outcomes["first"], outcomes["second"]) == ("kept", "kept")
    assert "begun with another reference" in outcomes["third"]
    assert ProfileStore(folder).over().rows == 32


def test_a_beginning_that_was_cut_off_is_begun_again(tmp_path: Path, known: Profile) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "reference.profile").write_bytes(known.to_bytes()[:100])
    assert not is_store(folder)
    assert ProfileStore.begun(folder, known, DAILY).reference == known


KILLED = """
import os, signal, sys
from clinical_assets.cli import cli

left, real = int(sys.argv[1]), os.fsync

def fsync(number):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    real(number)

os.fsync = fsync
cli(["profile", sys.argv[2], "-o", sys.argv[3], "--time", "at", "--by", "site"])
"""


def run_killed(write: int, table: Path, folder: Path) -> int:
    """Puts a table into a store and is killed in this write of a file, the first being 1."""
    command = [sys.executable, "-c", KILLED, str(write), str(table), str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode


@pytest.mark.parametrize("write", [1, 2, 3, 7], ids=["reference", "settings", "names", "part"])
def test_a_beginning_that_was_killed_is_begun_by_running_again(tmp_path: Path, write: int) -> None:
    table, folder = tmp_path / "t.parquet", tmp_path / "store"
    days(1, 5).write_parquet(table)
    assert run_killed(write, table, folder) == -signal.SIGKILL
    assert (folder / "store.lock").exists()
    assert any(entry.name.endswith(".part") for entry in folder.rglob("*"))
    assert run_killed(0, table, folder) == 0
    assert ProfileStore(folder).over().rows == 20
    assert {entry.name for entry in folder.iterdir()} == {
        *("reference.profile", "store.json", "store.lock", "store.putting"),
        *(f"2026-01-0{day}" for day in range(1, 6)),
    }


def test_days_whose_adding_was_killed_do_not_count_and_are_added_by_running_again(
    store: ProfileStore, tmp_path: Path
) -> None:
    before, table = store.over(), tmp_path / "t.parquet"
    days(11, 3).write_parquet(table)
    assert run_killed(5, table, store.folder) == -signal.SIGKILL
    assert (store.folder / "2026-01-12").is_dir()
    assert store.over() == before
    assert run_killed(0, table, store.folder) == 0
    assert store.over().rows == 52
    assert not list(store.folder.rglob("*.part"))


def test_a_replacement_that_was_cut_off_is_told_and_finished_by_running_again(
    store: ProfileStore, known: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def full(part: Profile, path: Path, **more: Any) -> int:
        written.append(path)
        if len(written) > 1:
            raise ClinicalError("The disk is full", repair="Make room")
        return write_profile(part, path, **more)

    parts = profiles_by(days(9, 4), known, "at", "site")
    with monkeypatch.context() as patched:
        patched.setattr(profile_store, "write_profile", full)
        with pytest.raises(ClinicalError, match="full"):
            store.put(parts, replace=True)
    assert store.over(until="2026-01-09").rows == 32
    with pytest.raises(ClinicalError, match="A replacement of parts was cut off, the first 2026"):
        store.over()
    store.put(profiles_by(days(20, 1), known, "at", "site"))  # others may be added meanwhile
    with pytest.raises(ClinicalError, match="cut off"):
        store.over()
    store.put(parts, replace=True)
    assert store.over().rows == 52


def test_a_reader_sees_all_of_a_call_or_nothing(
    store: ProfileStore, known: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer begins and ends while the reader lists the folders."""
    parts, listed = profiles_by(days(11, 4), known, "at", "site"), ProfileStore._listed
    writers = iter([lambda: ProfileStore(store.folder).put(parts)])

    def meanwhile(self: ProfileStore, *asked: Any) -> Any:
        found = listed(self, *asked)
        next(writers, lambda: None)()
        return found

    before = len(list(store.keys()))
    with monkeypatch.context() as patched:
        patched.setattr(ProfileStore, "_listed", meanwhile)
        assert len(list(store.keys())) == before + len(parts)  # listed again


def test_what_was_left_half_written_is_no_part_and_no_hindrance(
    store: ProfileStore, known: Profile
) -> None:
    """In a container every process may have the number of the one that was killed."""
    left = store.folder / "2026-01-03" / f".north.profile.{os.getpid()}.part"
    left.write_bytes(b"half")
    assert store.over().rows == 40
    store.put(profiles_by(days(3, 1), known, "at", "site"), replace=True)
    assert (store.over().rows, left.exists()) == (40, False)


def hourly(folder: Path) -> ProfileStore:
    """Two days of Berlin around the end of summer time, a row each half hour."""
    start = datetime(2026, 10, 24, 10, tzinfo=UTC)
    at = pl.Series([start + timedelta(minutes=30 * i) for i in range(96)])
    rows = pl.DataFrame({"at": at.dt.convert_time_zone("Europe/Berlin"), "x": range(96)})
    known = profile(rows, columns=["x"])
    parts = profiles_by(rows, known, "at", every="1h")
    store = ProfileStore.begun(folder, known, Parting("at", "", "1h", "Europe/Berlin"))
    store.put(dict(reversed(parts.items())))
    assert list(store.keys()) == list(parts)  # in order of time
    return store


def test_hours_are_chosen_as_instants_where_summer_time_ends(tmp_path: Path) -> None:
    store = hourly(tmp_path / "store")
    first, second = "2026-10-25 02:00+0200", "2026-10-25 02:00+0100"
    assert [day for day, _ in store.keys(first, second)] == [first]
    assert [day for day, _ in store.keys(second, "2026-10-25 03:00+0100")] == [second]
    assert store.over(second, "2026-10-25 03:00+0100").rows == 2
    assert store.over("2026-10-25", "2026-10-26").rows == 50  # a day of 25 hours
    assert store.over("2026-10-25 00:00+0000", "2026-10-25 02:00+0000").rows == 4
    assert next(iter(store.keys("2026-10-25 02:00")))[0] == first


def test_a_day_or_hour_that_cannot_be_is_refused(store: ProfileStore, tmp_path: Path) -> None:
    assert store.over("2026-01-02", "2026-01-03").rows == 4
    for day in ("2026-02-31", "2026-13-01", "0000-01-01", "2026-01-02T08:00", "٢٠٢٦-01-01"):
        with pytest.raises(ClinicalError, match=r"is no day \(--until\)"):
            store.over(until=day)
    with pytest.raises(ClinicalError, match=r"parts are of 1d.*Give the day alone, 2026-01-02"):
        store.over("2026-01-02 08:00")
    hours = ProfileStore.begun(tmp_path / "hours", store.reference, replace(DAILY, every="6h"))
    hours.put(profiles_by(days(1, 1), store.reference, "at", "site", every="6h"))
    assert hours.over("2026-01-01 06:00", "2026-01-01 18:00").rows == 2
    with pytest.raises(ClinicalError, match=r"times have no zone.*as 2026-01-01 06:00"):
        hours.over("2026-01-01 06:00+0100")


def test_a_replacement_says_what_it_left(store: ProfileStore, known: Profile) -> None:
    north = days(3, 2).filter(pl.col("site") == "north")
    put = store.put(profiles_by(north, known, "at", "site"), replace=True)
    assert put.kept == (("2026-01-03", "a/..\n"), ("2026-01-04", "a/..\n"))
    assert store.over().rows == 40
    assert store.put(profiles_by(days(3, 2), known, "at", "site"), replace=True).kept == ()
    assert store.put(profiles_by(days(21, 1), known, "at", "site")).kept == ()


def test_counts_are_not_replaced_by_none(store: ProfileStore, known: Profile) -> None:
    before = store.over()
    text = days(3, 2).with_columns(pl.col("lactate").cast(pl.String) + " mmol/l")
    parts = profiles_by(text, known, "at", "site")
    with pytest.raises(
        ClinicalError, match=r"counts of lactate .* 2026-01-03 (?s:.*) would be lost"
    ):
        store.put(parts, replace=True)
    assert store.over() == before
    without = profiles_by(days(3, 2).drop("lactate"), known, "at", "site")
    assert list(store.put(without, replace=True).lost) == ["lactate"]
    store.put(parts, replace=True)  # there are no counts any more
    path = store.folder / "2026-01-05" / "north.profile"
    path.write_bytes(b"damaged")
    store.put(profiles_by(days(5, 1), known, "at", "site"), replace=True)


def test_the_first_part_without_a_column_s_counts_is_said(
    store: ProfileStore, known: Profile
) -> None:
    text = days(12, 2).with_columns(pl.col("lactate").cast(pl.String))
    store.put(profiles_by(text, known, "at", "site"))
    why = "numeric in the reference, category (String) here"
    assert store.over()["lactate"].obstacle == f"{why}, first 2026-01-12 a/..\n"
    assert store.over(sites=frozenset({"north"}))["lactate"].obstacle.endswith("2026-01-12 north")
    assert store.over("2026-01-12")["lactate"].obstacle == why  # in all parts
    assert not hasattr(store.over(until="2026-01-12")["lactate"], "obstacle")
    store.put(profiles_by(days(20, 1).drop("lactate"), known, "at", "site"))
    assert store.over("2026-01-20")["lactate"].obstacle == "not in the table"
    both = f"not in the table; {why}, first 2026-01-13 a/..\n"
    assert store.over("2026-01-13")["lactate"].obstacle == both


def test_a_file_that_cannot_be_added_is_named(store: ProfileStore, known: Profile) -> None:
    assert store_around(store.folder / "2026-01-03" / "z.profile") == store.folder
    assert store_around(store.folder) is None
    strange = store.folder / "2026-01-03" / "z.profile"
    strange.write_bytes(profile(days(1, 3), columns=["lactate"]).to_bytes())
    with pytest.raises(ClinicalError, match="on another grid") as told:
        store.over()
    assert str(strange) in str(told.value)
    strange.unlink()
    (store.folder / "copies").mkdir()
    (store.folder / "copies" / "z.profile").write_bytes(known.to_bytes())
    with pytest.raises(ClinicalError, match=r"no part of 1d \(.*copies\)"):
        store.over()
