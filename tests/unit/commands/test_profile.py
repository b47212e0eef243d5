"""``clinical profile``, and ``clinical drift`` on what it writes."""

import json
import os
import threading
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from deltalake import write_deltalake

from clinical_assets.cli import cli


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
