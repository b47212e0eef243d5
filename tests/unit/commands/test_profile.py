"""``clinical profile``, and ``clinical drift`` on what it writes."""

import json
import os
import threading
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from deltalake import write_deltalake

from clinical_assets.cli import cli
from resources.profile_store import ProfileStore


def clinical(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(each) for each in arguments])


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    """Two tables, in the second of which the lactate is in other units."""
    a, b = tmp_path / "a.csv", tmp_path / "b.parquet"
    table = pl.DataFrame(
        {"lactate": [i / 100 for i in range(1000)], "ward": ["a", "b", "b", "c"] * 250}
    )
    table.write_csv(a)
    table.with_columns(pl.col("lactate") * 9.01).write_parquet(b)
    return a, b


def test_from_tables_to_a_verdict(tables: tuple[Path, Path], tmp_path: Path) -> None:
    a, b = tmp_path / "a.profile", tmp_path / "b.profile"
    made = clinical("profile", tables[0], "-o", a)
    assert (made.exit_code, "1,000 rows, 2 columns" in made.output) == (0, True)
    assert clinical("profile", tables[1], "-o", b, "--reference", a).exit_code == 0
    outs = [tmp_path / f"{i}.json" for i in range(4)]
    sides = [(tables[0], tables[1]), (a, b), (a, tables[1]), (tables[0], b)]
    for (one, other), out in zip(sides, outs, strict=True):
        assert clinical("drift", one, other, "--json", out).exit_code == 1
    psi = [json.loads(out.read_text())["columns"][0]["statistics"]["psi"] for out in outs]
    assert len(set(psi)) == 1
    assert clinical("drift", a, a).exit_code == 0
    assert clinical("drift", a, b, "--columns", "ward").exit_code == 0
    one = tmp_path / "one.profile"
    assert clinical("profile", tables[0], "-o", one, "--columns", "ward").exit_code == 0
    assert clinical("drift", one, tables[1], "--columns", "ward").exit_code == 0
    own = tmp_path / "own.profile"
    assert clinical("profile", tables[1], "-o", own).exit_code == 0
    assert clinical("drift", a, own).exit_code == 1


def test_bad_input_is_one_paragraph_and_exit_code_2(
    tables: tuple[Path, Path], tmp_path: Path
) -> None:
    a, cut, out = tmp_path / "a.profile", tmp_path / "cut.profile", tmp_path / "out.profile"
    assert clinical("profile", tables[0], "-o", a).exit_code == 0
    cut.write_bytes(a.read_bytes()[:-9])
    (tmp_path / "empty.csv").write_text("x,y\n")
    refused(clinical("drift", a, cut), "damaged or cut short")
    refused(clinical("profile", tables[0], "-o", out, "--reference", cut), "damaged or cut short")
    refused(clinical("profile", tables[0], "-o", out, "--reference", tables[1]), "no profile")
    refused(
        clinical("profile", tables[0], "-o", out, "--reference", tmp_path / "x"), "No such file"
    )
    refused(clinical("profile", tmp_path / "empty.csv", "-o", out), "no rows")
    refused(clinical("profile", tables[0], "-o", tmp_path / "no" / "x"), "cannot be written")
    refused(clinical("profile", tables[0], "-o", out, "--columns", "q"), "named 'q'")
    assert not out.exists()


def refused(result: Result, words: str) -> None:
    assert result.exit_code == 2, result.output
    assert words in result.output, result.output
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1


def test_a_store_by_day_and_site_answers_without_the_table(tmp_path: Path) -> None:
    rows = pl.DataFrame({"n": range(400)}).select(
        at=datetime(2026, 1, 1) + pl.duration(hours="n"),
        ward=pl.when(pl.col("n") % 2 == 0).then(pl.lit("icu")).otherwise(pl.lit("ward 3")),
        lactate=pl.col("n") * 37 % 101,
    )
    early, late, store = tmp_path / "early.parquet", tmp_path / "late.csv", tmp_path / "store"
    rows.head(240).write_parquet(early)
    rows.tail(160).write_csv(late)
    made = clinical("profile", early, "-o", store, "--time", "at", "--by", "ward")
    assert (made.exit_code, "240 rows of 10 × 1d, 20 profiles" in made.output) == (0, True)
    assert clinical("profile", late, "-o", store, "--time", "at", "--by", "ward").exit_code == 0
    refused(clinical("profile", late, "-o", store, "--time", "at", "--by", "ward"), "already")
    refused(clinical("profile", late, "-o", store, "--time", "at"), "other ones")
    refused(
        clinical("profile", late, "-o", store, "--time", "at", "--by", "ward", "--columns", "ward"),
        "columns of its reference",
    )
    week, wanted = tmp_path / "week.profile", tmp_path / "wanted.profile"
    options = ("--since", "2026-01-03", "--until", "2026-01-10", "--sites", "icu")
    assert clinical("profile", store, "-o", week, *options).exit_code == 0
    chosen = rows[48:216].filter(pl.col("ward") == "icu").drop("at")
    chosen.write_parquet(tmp_path / "chosen.parquet")
    known = store / "reference.profile"
    command = ("profile", tmp_path / "chosen.parquet", "-o", wanted, "--reference", known)
    assert clinical(*command).exit_code == 0
    assert week.read_bytes() == wanted.read_bytes()
    assert clinical("drift", known, store).exit_code == 0
    refused(clinical("profile", early, "-o", week, "--since", "2026-01-03"), "choose from a store")
    refused(clinical("profile", store, "-o", week, "--sites", "mars"), "nothing of mars")
    refused(clinical("profile", early, "-o", week, "--by", "ward"), "go with --time")
    refused(clinical("profile", store, "-o", week, "--sites", " , "), "names nothing")
    refused(clinical("profile", store, "-o", week, "--since", "2026-1-3"), "is no day")
    page = tmp_path / "page.html"
    assert clinical("drift", known, store, "--html", page).exit_code == 0
    assert "store of 34 profiles, SHA-256" in page.read_text()
    zoned = tmp_path / "zoned.parquet"
    rows.with_columns(pl.col("at").dt.replace_time_zone("UTC")).write_parquet(zoned)
    refused(
        clinical("profile", zoned, "-o", store, "--time", "at", "--by", "ward"), "1d of at in UTC"
    )


def test_several_inputs_are_added_up(tables: tuple[Path, Path], tmp_path: Path) -> None:
    one, both = tmp_path / "one.profile", tmp_path / "both.profile"
    assert clinical("profile", tables[0], "-o", one, "--moments").exit_code == 0
    added = clinical("profile", one, tables[1], "-o", both, "--moments")
    assert (added.exit_code, "2,000 rows" in added.output) == (0, True)
    refused(clinical("profile", one, one, "-o", both), "named twice")
    beside = tables[0].parent / "." / "x" / ".." / tables[0].name
    (tables[0].parent / "x").mkdir()
    refused(clinical("profile", tables[0], beside, "-o", both), "named twice")
    other = tmp_path / "other.profile"
    assert clinical("profile", tables[1], "-o", other).exit_code == 0
    refused(clinical("profile", one, other, "-o", both), "not made against the same reference")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_pipe_is_read_once(tables: tuple[Path, Path], tmp_path: Path, form: str) -> None:
    pipe, source = tmp_path / f"pipe.{form}", tables[form == "parquet"]
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(source.read_bytes()))
    writer.start()
    found = clinical("drift", source, pipe, "--json", "-")
    writer.join(timeout=10)
    assert (found.exit_code, json.loads(found.output)["rows"]["current"]) == (0, 1000)


def test_a_delta_table_without_its_files_is_refused_in_words(tmp_path: Path) -> None:
    write_deltalake(str(tmp_path / "t.delta"), pl.DataFrame({"x": [1.0, 2.0]}).to_arrow())
    for file in (tmp_path / "t.delta").glob("*.parquet"):
        file.unlink()
    refused(clinical("profile", tmp_path / "t.delta", "-o", tmp_path / "o"), "read to its end")


def charted(folder: Path, name: str, first: int, number: int, site: str = "B") -> Path:
    """A row each hour, beginning with so many hours after the new year."""
    hours = pl.DataFrame({"n": range(first, first + number)})
    rows = hours.select(
        at=datetime(2026, 1, 1) + pl.duration(hours="n"), site=pl.lit(site), x=pl.col("n") * 7 % 31
    )
    rows.write_parquet(folder / name)
    return folder / name


@pytest.mark.parametrize("more", [(), ("--replace",)])
def test_a_day_in_two_inputs_has_the_rows_of_both(tmp_path: Path, more: tuple[str, ...]) -> None:
    first, second = charted(tmp_path, "a", 0, 30), charted(tmp_path, "b", 30, 30)
    whole, store = charted(tmp_path, "c", 0, 60), tmp_path / "store"
    options = ("--time", "at", "--by", "site", *more)
    made = clinical("profile", first, second, "-o", store, *options)
    assert (made.exit_code, "60 rows of 3 × 1d, 3 profiles" in made.output) == (0, True)
    alike = ("--reference", store / "reference.profile")
    one = clinical("profile", whole, "-o", tmp_path / "one", *options, *alike)
    assert one.exit_code == 0, one.output
    for part in (tmp_path / "one").glob("*/*.profile"):
        there = store / part.relative_to(tmp_path / "one")
        assert there.read_bytes() == part.read_bytes()


def test_inputs_of_several_zones_or_a_bad_one_leave_no_folder(tmp_path: Path) -> None:
    first, store = charted(tmp_path, "a", 0, 30), tmp_path / "store"
    pl.read_parquet(first).with_columns(pl.col("at").dt.replace_time_zone("UTC")).write_parquet(
        tmp_path / "b"
    )
    long = charted(tmp_path, "c", 0, 30, "ü" * 90)
    pl.DataFrame({"x": [1]}).write_parquet(tmp_path / "d")
    options = ("-o", store, "--time", "at", "--by", "site")
    refused(clinical("profile", first, tmp_path / "b", *options), "not in one zone")
    refused(clinical("profile", long, *options), "too long")
    refused(clinical("profile", first, tmp_path / "d", *options), "no column named 'at'")
    assert not store.exists()


def test_who_comes_second_counts_on_the_grid_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = charted(tmp_path, "a", 0, 48), charted(tmp_path, "b", 48, 100)
    store, begun = tmp_path / "store", ProfileStore.begun.__func__  # type: ignore[attr-defined]
    options = ("--time", "at", "--by", "site")
    another = clinical("profile", first, "-o", tmp_path / "another", *options)
    assert another.exit_code == 0

    def late(cls: type[ProfileStore], *arguments: object, **named: object) -> object:
        (tmp_path / "another").rename(store)
        monkeypatch.undo()
        return begun(cls, *arguments, **named)

    monkeypatch.setattr(ProfileStore, "begun", classmethod(late))
    made = clinical("profile", second, "-o", store, *options)
    assert made.exit_code == 0, made.output
    found = clinical("profile", store, "-o", tmp_path / "sum.profile")
    assert (found.exit_code, "148 rows" in found.output) == (0, True)


def test_what_a_replacement_left_and_lost_is_said(tmp_path: Path) -> None:
    both, store = tmp_path / "both", tmp_path / "store"
    a, b = charted(tmp_path, "a", 0, 24, "A"), charted(tmp_path, "b", 0, 24, "B")
    pl.concat([pl.read_parquet(a), pl.read_parquet(b)]).write_parquet(both)
    options = ("-o", store, "--time", "at", "--by", "site")
    assert "Kept" not in clinical("profile", both, *options).output
    again = clinical("profile", a, *options, "--replace")
    assert again.exit_code == 0
    assert "no row of that day and site: 2026-01-01 B.\n" in again.output
    text = tmp_path / "text"
    pl.read_parquet(a).with_columns(pl.col("x").cast(pl.String)).write_parquet(text)
    refused(clinical("profile", text, *options, "--replace"), "would be lost: numeric")
    pl.read_parquet(a).drop("x").write_parquet(text)
    lost = clinical("profile", text, *options, "--replace")
    assert (lost.exit_code, "counts of before are gone, first 2026-01-01 A" in lost.output) == (
        0,
        True,
    )


def test_which_day_has_a_column_that_cannot_be_counted_is_said(tmp_path: Path) -> None:
    good, bad, store = charted(tmp_path, "a", 0, 72), tmp_path / "bad", tmp_path / "store"
    options = ("-o", store, "--time", "at", "--by", "site")
    assert clinical("profile", good, *options).exit_code == 0
    day = pl.read_parquet(charted(tmp_path, "b", 72, 24))
    day.with_columns(pl.col("x").cast(pl.String)).write_parquet(bad)
    assert clinical("profile", bad, *options).exit_code == 0
    summed = clinical("profile", store, "-o", tmp_path / "sum.profile")
    assert (
        "x: not profiled, numeric in the reference, category (String) here, first 2026-01-04 B"
        in (summed.output)
    )
    found = clinical("drift", store / "reference.profile", store)
    assert (found.exit_code, "first 2026-01-04 B" in " ".join(found.output.split())) == (2, True)


def test_no_profile_is_written_into_a_store(tmp_path: Path) -> None:
    table, store = charted(tmp_path, "a", 0, 48), tmp_path / "store"
    options = ("--time", "at", "--by", "site")
    assert clinical("profile", table, "-o", store, *options).exit_code == 0
    for output in ("2026-01-01/z.profile", "z.profile", "reference.profile"):
        refused(clinical("profile", table, "-o", store / output), "would lie in the store")
    refused(clinical("profile", table, "-o", store / "deeper", *options), "would lie in the store")
    (tmp_path / "link").symlink_to(store)
    refused(clinical("profile", table, "-o", tmp_path / "link" / "z"), "would lie in the store")
    refused(clinical("profile", store, "-o", tmp_path / "x", "--until", "2026-02-31"), "is no day")


def month(folder: Path, name: str, first: datetime, days: int, untimed: int) -> Path:
    """A row a day, and some without a time."""
    at = pl.datetime_range(first, first + timedelta(days=days - 1), "1d", eager=True)
    at = pl.concat([at, pl.Series([None] * untimed, dtype=at.dtype)])
    pl.DataFrame({"at": at, "ward": "icu", "x": range(len(at))}).write_parquet(folder / name)
    return folder / name


def rows_of(store: Path) -> int:
    return ProfileStore(store).over().rows


def test_months_with_rows_without_a_time_are_added_one_after_the_other(tmp_path: Path) -> None:
    january = month(tmp_path, "january", datetime(2026, 1, 1), 31, 5)
    february = month(tmp_path, "february", datetime(2026, 2, 1), 28, 4)
    options = ("-o", tmp_path / "store", "--time", "at", "--by", "ward")
    for table in (january, february):
        made = clinical("profile", table, *options)
        assert made.exit_code == 0, made.output
    assert rows_of(tmp_path / "store") == 68
    refused(clinical("profile", february, *options), "29 are in the store already")
    assert clinical("profile", february, *options, "--replace").exit_code == 0
    assert rows_of(tmp_path / "store") == 68


def test_a_week_in_two_months_is_added_without_a_loss_as_the_message_says(tmp_path: Path) -> None:
    january = month(tmp_path, "january", datetime(2026, 1, 1), 31, 1)
    february = month(tmp_path, "february", datetime(2026, 2, 1), 28, 1)
    options = ("-o", tmp_path / "store", "--time", "at", "--by", "ward", "--every", "1w")
    assert clinical("profile", january, *options).exit_code == 0
    again = clinical("profile", february, *options)
    refused(again, "the first 2026-01-26 to 2026-02-01 icu")
    assert "give all rows that the store has of them and the new ones in one call" in again.output
    both = clinical("profile", january, february, *options, "--replace")
    assert both.exit_code == 0, both.output
    assert "Warning" not in both.output
    assert rows_of(tmp_path / "store") == 61
    fewer = clinical("profile", february, *options, "--replace")
    assert fewer.exit_code == 2, fewer.output
    assert "came with 2025-12-29 to 2026-02-23" in fewer.output
    timed = month(tmp_path, "timed", datetime(2026, 2, 1), 28, 0)
    lost = clinical("profile", timed, *options, "--replace")
    assert "Warning: 2026-01-26 icu had 7 rows and has 1 now; rows of another call" in lost.output


def test_a_site_that_is_called_no_value_is_not_that_without_one(tmp_path: Path) -> None:
    table = month(tmp_path, "t", datetime(2026, 1, 1), 6, 0)
    wards = ["(no value)", "(no value)", "(no value)", None, None, "'(no value)'"]
    pl.read_parquet(table).with_columns(ward=pl.Series(wards)).write_parquet(table)
    options = ("-o", tmp_path / "store", "--time", "at", "--by", "ward", "--every", "1mo")
    assert clinical("profile", table, *options).exit_code == 0
    store = ProfileStore(tmp_path / "store")
    assert {site: store.part((day, site)).rows for day, site in list(store.keys())} == {
        "(no value)": 2,
        "'(no value)'": 3,
        "''(no value)''": 1,
    }


@pytest.mark.parametrize("size", [1, 8, 16, 17, 60])
def test_a_profile_that_is_cut_short_is_no_table(
    tables: tuple[Path, Path], tmp_path: Path, size: int
) -> None:
    whole, cut = tmp_path / "a.profile", tmp_path / "b.profile"
    assert clinical("profile", tables[0], "-o", whole).exit_code == 0
    cut.write_bytes(whole.read_bytes()[:size])
    refused(clinical("drift", whole, cut), "damaged or cut short")
    refused(clinical("profile", cut, "-o", tmp_path / "out"), "damaged or cut short")
    options = ("-o", tmp_path / "out", "--reference", cut)
    refused(clinical("profile", tables[0], *options), "damaged or cut short")
