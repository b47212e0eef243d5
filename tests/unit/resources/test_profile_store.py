"""A folder of profiles by day and site: sums of what is there, nothing counted twice."""

import json
import threading
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from clinical_assets.drift.profiles import Profile, profile, profiles_by
from clinical_assets.errors import ClinicalError
from resources.profile_store import Parting, ProfileStore, is_store

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


def test_a_beginning_that_was_cut_off_is_begun_again(tmp_path: Path, known: Profile) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "reference.profile").write_bytes(known.to_bytes()[:100])
    assert not is_store(folder)
    assert ProfileStore.begun(folder, known, DAILY).reference == known
