"""``clinical drift`` as scripts and people use it: exit codes, JSON, every kind of bad input."""

import json
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from deltalake import write_deltalake

from clinical_assets.cli import cli
from clinical_assets.drift import Plan
from clinical_assets.errors import ClinicalError


def drift(*arguments: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(cli, ["drift", *map(str, arguments)], input=stdin)


@pytest.fixture
def table() -> pl.DataFrame:
    return pl.DataFrame(
        {"lactate": [i / 100 for i in range(1000)], "ward": ["a", "b", "b", "c"] * 250}
    )


@pytest.fixture
def files(tmp_path: Path, table: pl.DataFrame) -> dict[str, Path]:
    """The same rows in each format, and others whose lactate is in other units."""
    made = {name: tmp_path / f"{name}" for name in ("a.csv", "a.parquet", "a.delta", "b.parquet")}
    table.write_csv(made["a.csv"])
    table.write_parquet(made["a.parquet"])
    write_deltalake(str(made["a.delta"]), table.to_arrow())
    table.with_columns(pl.col("lactate") * 9.01).write_parquet(made["b.parquet"])
    return made


def test_exit_codes_and_the_form_of_the_json(files: dict[str, Path], tmp_path: Path) -> None:
    same = drift(files["a.csv"], files["a.parquet"])
    assert (same.exit_code, "No column has drifted" in same.output) == (0, True)
    moved = drift(files["a.csv"], files["b.parquet"], "--json", tmp_path / "out.json")
    assert moved.exit_code == 1
    assert "lactate: its distribution changed" in moved.output
    found: dict[str, Any] = json.loads((tmp_path / "out.json").read_text())
    assert found["drifted"] is True
    assert found["rows"] == {"reference": 1000, "current": 1000}
    assert [c["name"] for c in found["columns"]] == ["lactate", "ward"]
    column = found["columns"][0]
    form = {"name", "kind", "drifted", "statistics", "causes", "evidence", "reasons"}
    assert set(column) == form
    assert column["causes"] == ["Values are 9.0 times larger: mmol/L → mg/dL of lactate."]
    assert column["evidence"][0]["kind"] == "unit"
    assert {
        "psi",
        "ks",
        "ks_pvalue",
        "wasserstein",
        "jensen_shannon",
        "hellinger",
        "missing_reference",
        "missing_current",
    } <= set(column["statistics"])
    printed = drift(files["a.csv"], files["b.parquet"], "--json", "-")
    assert json.loads(printed.output) == found


@pytest.mark.parametrize("form", ["a.csv", "a.parquet", "a.delta"])
def test_every_format_and_standard_input(files: dict[str, Path], form: str) -> None:
    assert drift(files[form], files["b.parquet"]).exit_code == 1
    if files[form].is_file():
        assert drift("-", files["a.csv"], stdin=files[form].read_bytes()).exit_code == 0


def test_some_columns_and_a_plan(files: dict[str, Path], tmp_path: Path) -> None:
    assert drift(files["a.csv"], files["b.parquet"], "--columns", "ward").exit_code == 0
    plan = tmp_path / "plan.toml"
    plan.write_text("psi = 50.0\nlevels = 0.95\n")
    assert drift(files["a.csv"], files["b.parquet"], "--plan", plan).exit_code == 0


def test_a_plan_says_what_it_wants(files: dict[str, Path], tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    for line, wanted in (("bins = 'x'", "a whole number"), ("columns = 3", "a list of names")):
        plan.write_text(line)
        refused(drift(files["a.csv"], files["a.csv"], "--plan", plan), f"Give {wanted}")
    for line, words in (
        ("psi = -1.0", "is -1.0 ({plan}). Give a number above 0"),
        ("columns = 3", "is 3 ({plan}). Give a list of names"),
        ("[thresholds]\none_false_alarm_in = '90d'", "({plan}). "),
        ("[thresholds]\nkind = 'no'", "({plan}). Give `constant` or `calibrated`"),
        ("x = 1", "({plan}). Choose among bins, rate, psi, "),
        ("x = 1", ", context, unit, [thresholds]."),
    ):
        plan.write_text(line)
        refused(drift(files["a.csv"], files["a.csv"], "--plan", plan), words.format(plan=plan))


def test_bad_input_is_one_paragraph_and_exit_code_2(files: dict[str, Path], tmp_path: Path) -> None:
    good = files["a.csv"]
    whole = files["a.parquet"].read_bytes()
    torn = whole[:30] + bytes(range(256)) + whole[286:]
    bad: dict[str, tuple[bytes, str]] = {
        "empty.csv": (b"", "The file is empty"),
        "header.csv": (b"lactate,ward\n", "has no rows"),
        "twice.csv": (b"lactate,lactate\n1,2\n", "named more than once: 'lactate'"),
        "ragged.csv": (b"lactate,ward\n1,a,Mrs-Canary\n", "more fields than the header"),
        "latin.csv": ("läctate\n1\n".encode("latin-1"), "not UTF-8"),
        "other.csv": (b"x,y\n1,2\n", "no column in common"),
        "headless.csv": (b"Mrs-Canary,1955-03-02,I10\nx,2000-01-01,E11\n", "seems to hold values"),
        "quoted.csv": (b'"lactate",lactate\n1,2\n', "named more than once: 'lactate'"),
        "torn.parquet": (torn, "cannot be read to its end"),
        "noise.csv": (bytes(range(255, 0, -1)) * 20, "not UTF-8"),
        "cut.parquet": (whole[: len(whole) // 2], "damaged"),
        "begun.parquet": (whole[:3], "cut off"),
        "byte.parquet": (whole[:1], "cut off"),
        "image.png": (b"\x89PNG\0\0", "neither Parquet nor text"),
    }
    for name, (data, words) in bad.items():
        (tmp_path / name).write_bytes(data)
        refused(drift(good, tmp_path / name), words)
        refused(drift(tmp_path / name, good), words)
    (tmp_path / "no_delta" / "_delta_log").mkdir(parents=True)
    refused(drift(good, tmp_path / "no_delta"), "its Delta log cannot be read")
    refused(drift(good, tmp_path / "nowhere.csv"), "No such file")
    refused(drift(good, tmp_path), "a folder without a Delta table")
    refused(drift("-", "-"), "cannot be both")
    refused(drift("-", good, stdin=b""), "Nothing came in")
    refused(drift(good, good, "--columns", "z"), "named 'z'")
    refused(drift(good, good, "--plan", tmp_path / "no.toml"), "The plan cannot be read")
    endless = tmp_path / "endless.toml"
    endless.write_text("psi = inf\n")
    refused(drift(good, good, "--plan", endless), "'psi' is inf")
    refused(drift(good, good, "--html", "-"), "Only JSON can be printed")
    refused(drift(good, good, "--evidently", "-"), "Only JSON can be printed")
    refused(drift(good, good, "--by", "lactate"), "is of type Float64, which makes no groups")


def test_a_column_that_is_named_twice_counts_once(files: dict[str, Path]) -> None:
    found = drift(files["a.csv"], files["a.csv"], "--columns", "ward,ward", "--json", "-")
    assert [column["name"] for column in json.loads(found.output)["columns"]] == ["ward"]
    with pytest.raises(ClinicalError, match="'columns' is 'ward'"):
        Plan(columns="ward")  # type: ignore[arg-type]


def refused(result: Result, words: str) -> None:
    assert result.exit_code == 2, result.output
    assert words in result.output, result.output
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1
    assert "Mrs-Canary" not in result.output


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (pl.col("lactate").cast(pl.String) + "x", "numeric (Float64) against category (String)"),
        (pl.col("ward").replace_strict({"a": 1, "b": 2, "c": 3}), "category (String) against"),
        (pl.lit(1).alias("new"), "new: not in the reference"),
    ],
)
def test_columns_that_cannot_be_compared_are_shown_and_are_no_success(
    files: dict[str, Path], tmp_path: Path, table: pl.DataFrame, change: pl.Expr, words: str
) -> None:
    other = tmp_path / "other.parquet"
    table.with_columns(change).write_parquet(other)
    found = drift(files["a.parquet"], other, "--json", tmp_path / "out.json")
    assert found.exit_code == 2
    assert "not compared" in found.stdout
    assert words in found.stderr
    assert (found.stderr.startswith("Error: "), found.stderr.count("\n")) == (True, 1)
    assert json.loads((tmp_path / "out.json").read_text())["drifted"] is False
    assert drift(files["a.parquet"], other, "--columns", "lactate,ward").exit_code == (
        0 if "new" in words else 2
    )


def test_a_mix_of_time_zones_is_said(tmp_path: Path) -> None:
    for zone in ("UTC", "Europe/Vienna"):
        at = pl.datetime_range(
            datetime(2026, 1, 1), datetime(2026, 1, 2), "1h", time_zone=zone, eager=True
        )
        pl.DataFrame({"x": range(25), "at": at}).write_parquet(tmp_path / f"{zone[:3]}.parquet")
    found = drift(tmp_path / "UTC.parquet", tmp_path / "Eur.parquet")
    assert found.exit_code == 2
    assert "at: Datetime" in found.stderr


def test_groups_and_windows(files: dict[str, Path], tmp_path: Path, table: pl.DataFrame) -> None:
    moved = table.with_columns(
        pl.when(pl.col("ward") == "c").then(pl.col("lactate") * 9).otherwise("lactate"),
        at=pl.lit(datetime(2026, 3, 1)) + pl.duration(hours=pl.int_range(1000) // 50 * 24),
    )
    moved.write_parquet(tmp_path / "moved.parquet")
    arguments = (files["a.parquet"], tmp_path / "moved.parquet", "--columns", "lactate")
    found = drift(*arguments, "--by", "ward", "--time", "at", "--json", "-")
    assert found.exit_code == 1
    plain = json.loads(found.stdout)
    assert [(g["name"], g["drifted"]) for g in plain["groups"]] == [
        ("b", False),
        ("a", False),
        ("c", True),
    ]
    assert {"name", "against", "drifted", "columns", "rows"} == set(plain["groups"][0])
    assert len(plain["windows"]) == 20
    shown = drift(*arguments, "--by", "ward", "--time", "at", "--html", tmp_path / "p.html")
    assert "Groups by size" in shown.stdout
    assert "first drift" in shown.stdout
    assert "PSI over time" in (tmp_path / "p.html").read_text()


def test_an_output_is_refused_before_any_work(files: dict[str, Path], tmp_path: Path) -> None:
    good = files["a.csv"]
    refused(drift(good, good, "--json", good), "overwrite an input")
    refused(drift(good, good, "--html", files["a.delta"]), "folder")
    refused(drift(good, files["a.delta"], "--html", files["a.delta"] / "x"), "overwrite an input")
    refused(drift(good, good, "--html", tmp_path / "no" / "x.html"), "does not exist")
    twice = tmp_path / "x"
    refused(drift(good, good, "--html", twice, "--json", twice), "Two outputs have one name")
    refused(drift(good, good, "--by", "z"), "no column named 'z'")
    refused(drift(good, good, "--every", "1d"), "--every with --time")
    assert not twice.exists()


def test_calibrated_thresholds_from_the_plan(tmp_path: Path) -> None:
    rows = pl.int_range(2400)
    table = pl.DataFrame({"x": [(i * 37 % 101) / 10 for i in range(2400)]}).with_columns(
        at=pl.lit(datetime(2026, 1, 5)) + pl.duration(hours=rows // 60 * 24)
    )
    later = table.with_columns(
        pl.when(rows < 1200).then("x").otherwise(pl.col("x") + 4),
        at=pl.col("at") + pl.duration(days=60),
    )
    a, b, plan = (tmp_path / name for name in ("a.parquet", "b.parquet", "plan.toml"))
    table.write_parquet(a), later.write_parquet(b)
    plan.write_text(
        '[thresholds]\nkind = "calibrated"\none_false_alarm_in = "90d"\npersistence = "2 of 3"\n'
    )
    timed = (a, b, "--plan", plan, "--time", "at", "--every", "1d")
    found = drift(*timed, "--columns", "x", "--json", "-")
    assert found.exit_code == 1
    plain = json.loads(found.stdout)
    assert plain["first_drift"] == {"x": plain["windows"][21]["name"]}
    judged = plain["windows"][20]["columns"][0]["judged"][0]
    assert (judged["statistic"], judged["crossed"], judged["alarm"]) == ("psi", True, False)
    assert plain["calibration"]["reference_windows"] == 40
    assert {"estimate", "low", "high"} <= set(plain["columns"][0]["intervals"]["psi"])
    shown = drift(*timed, "--columns", "x", "--html", tmp_path / "page.html")
    assert "threshold" in shown.stdout
    assert "Of the reference's own" in shown.stdout
    assert "calibrated on the reference" in (tmp_path / "page.html").read_text()
    refused(drift(a, b, "--plan", plan), "--time")
    refused(drift(*timed, "--by", "x"), "not for groups")
    refused(drift(a, b, "--plan", plan, "--time", "at", "--every", "30d"), "at least 8")


def test_names_part_at_their_words() -> None:
    from clinical_assets.commands.drift_show import folded

    assert folded("Bilirubin_direct", 10) == "Bilirubin_\ndirect"
    assert folded("HospAdmTime", 8) == "HospAdm\nTime"
    assert folded("glucose", 3) == "glucose"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"x\r1\r2\r", "cannot be read as CSV"),
        (b"x;y\n1;2\n3;4\n", "separated by ';'"),
        (b"x\ty\n1\t2\n", "separated by"),
        (b"63,5.1,ward\n64,5.2,ward\n", "not the names of columns"),
        (b"x,name\n1,a\n2,M\xfcller\n", "not UTF-8 ({odd}, line 3)"),
        (b"x,y\n1,2\n3,4\n5", "fewer fields than the header, which has 2 ({odd}, line 4)"),
        ("x,name\n1,a\n".encode("utf-16"), "seems to be UTF-16, not UTF-8"),
        (b"\xfe\xff" + "x,name\n1,a\n".encode("utf-16-be"), "seems to be UTF-16, not UTF-8"),
        (b"\n\n \r\n", "holds blank lines only"),
        (b"x,name\n1,a\n2,b,c\n", "more fields than the header, which has 2 ({odd}, line 3)"),
        (b'x,name\n1,"a,\n,,,"\n2,b,c\n', "which has 2 ({odd}, line 4)"),
        (b'x,name\n1,"a"\n2,"b",c\n', "damaged"),
    ],
)
def test_what_only_looks_like_csv(tmp_path: Path, text: bytes, words: str) -> None:
    odd = tmp_path / "odd.csv"
    odd.write_bytes(text)
    found = drift(odd, odd)
    assert found.exit_code == 2
    assert words.format(odd=odd) in found.output


def test_windows_that_a_plan_counts_must_be_there(files: dict[str, Path], tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('[thresholds]\npersistence = "2 of 3"\n')
    refused(drift(files["a.csv"], files["b.parquet"], "--plan", plan), "there are no windows")


def test_of_identifiers_a_profile_compares_how_many_are_missing(tmp_path: Path) -> None:
    before, same, fewer = (tmp_path / f"{name}.csv" for name in ("before", "same", "fewer"))
    rows = pl.DataFrame({"patient": [f"p{i}" for i in range(400)], "x": range(400)})
    rows.write_csv(before)
    rows.write_csv(same)
    rows.with_columns(pl.when(pl.col("x") % 2 == 0).then("patient")).write_csv(fewer)
    known = tmp_path / "before.profile"
    assert CliRunner().invoke(cli, ["profile", str(before), "-o", str(known)]).exit_code == 0
    found = drift(known, same)
    assert (found.exit_code, "only its missing values" in found.output) == (0, True)
    found = drift(known, fewer)
    assert (found.exit_code, "1 column has drifted" in found.output) == (1, True)


def test_a_column_that_died_in_a_csv_file_is_missing_and_not_of_another_type(
    tmp_path: Path, table: pl.DataFrame
) -> None:
    before, after = tmp_path / "before.csv", tmp_path / "after.csv"
    table.write_csv(before)
    table.with_columns(pl.lit(None).alias("lactate")).write_csv(after)
    for reference, current in ((before, after), (after, before)):
        out = tmp_path / "out.json"
        page = tmp_path / "out.html"
        assert drift(reference, current, "--json", out, "--html", page).exit_code == 1
        (column,) = (c for c in json.loads(out.read_text())["columns"] if c["drifted"])
        assert column["name"] == "lactate"
        out.unlink()


def test_nothing_that_is_read_is_overwritten(files: dict[str, Path], tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("psi = 0.3\n")
    assert drift(files["a.csv"], files["b.parquet"], "--plan", plan, "--json", plan).exit_code == 2
    assert plan.read_text() == "psi = 0.3\n"
    data = files["a.parquet"].read_bytes()
    made = CliRunner().invoke(
        cli, ["profile", str(files["a.parquet"]), "-o", str(files["a.parquet"])]
    )
    assert made.exit_code == 2
    assert files["a.parquet"].read_bytes() == data


def test_times_are_not_judged_within_groups(files: dict[str, Path], tmp_path: Path) -> None:
    rows = 400
    day = pl.datetime_range(datetime(2026, 1, 1), datetime(2027, 2, 4), "1d", eager=True)
    later = day.dt.offset_by("2y")
    for name, at in (("before", day), ("after", later)):
        pl.DataFrame(
            {"x": [i % 7 for i in range(rows)], "site": ["n", "s"] * 200, "at": at}
        ).write_parquet(tmp_path / f"{name}.parquet")
    both = tmp_path / "before.parquet", tmp_path / "after.parquet"
    assert drift(*both, "--by", "site", "--time", "at", "--every", "1mo").exit_code == 0


def test_where_no_window_can_be_judged_that_is_said(tmp_path: Path) -> None:
    def days(start: int, number: int) -> pl.DataFrame:
        at = [datetime(2026, 1, 1 + start % 20, 0, i) for i in range(20)]
        parts = [
            pl.DataFrame({"x": [float(i % 9 + start) for i in range(20)], "at": at}).with_columns(
                pl.col("at").dt.offset_by(f"{d}d")
            )
            for d in range(number)
        ]
        return pl.concat(parts)

    days(0, 200).write_parquet(tmp_path / "a.parquet")
    days(5, 12).write_parquet(tmp_path / "b.parquet")
    plan = tmp_path / "plan.toml"
    plan.write_text(
        '[thresholds]\nkind = "calibrated"\none_false_alarm_in = "90d"\npersistence = "2 of 3"\n'
    )
    found = drift(tmp_path / "a.parquet", tmp_path / "b.parquet", "--plan", plan, "--time", "at")
    assert found.exit_code == 2
    assert "nothing can be judged" in found.output


def test_what_cannot_be_printed_is_no_drift(files: dict[str, Path]) -> None:
    """Status 1 would be read as drift. The shell's own streams are asked, because click's runner
    has others."""
    for form in ("", "--json -"):
        full = _in_shell(f"{files['a.csv']} {files['a.parquet']} {form} >/dev/full")
        assert full.returncode == 2
        assert "The result cannot be printed (No space left on device)" in full.stderr
        assert len(full.stderr.splitlines()) == 1
    closed = _in_shell(f"{files['a.csv']} {files['a.parquet']} >&-")
    assert closed.returncode == 2
    assert "The result cannot be printed (standard output is closed)" in closed.stderr
    assert _in_shell(f"{files['a.csv']} nowhere.csv 2>/dev/full").returncode == 2


def _in_shell(rest: str) -> "subprocess.CompletedProcess[str]":
    command = f"{sys.executable} -m clinical_assets.cli drift {rest}"
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("kind", [ZeroDivisionError, pl.exceptions.PanicException])
def test_what_nobody_foresaw_is_no_drift_and_quotes_nothing(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise kind("Mrs Example, born 1931")

    monkeypatch.setattr("clinical_assets.commands.drift_show.show", fails)
    found = drift(files["a.csv"], files["b.parquet"])
    assert found.exit_code == 2
    assert kind.__name__ in found.output
    assert re.search(r"\(clinical_assets/commands/drift\.py:\d+\)", found.output)
    assert "Example" not in found.output
    assert len(found.output.splitlines()) == 1


def test_dates_of_a_csv_file_are_those_of_a_parquet_file(tmp_path: Path) -> None:
    days = pl.datetime_range(datetime(2026, 1, 1), datetime(2026, 3, 1), "1h", eager=True)
    table = pl.DataFrame(
        {
            "born_on": days.dt.date().alias("born_on"),
            "seen_at": days,
            "charted_at": days.dt.replace_time_zone("UTC"),
            "lactate": [i % 17 / 10 for i in range(len(days))],
        }
    )
    csv, parquet = tmp_path / "a.csv", tmp_path / "a.parquet"
    table.write_csv(csv)
    table.write_parquet(parquet)
    for sides in ((csv, parquet), (parquet, csv)):
        found = drift(*sides, "--json", "-")
        assert found.exit_code == 0
        columns = json.loads(found.stdout)["columns"]
        assert [c["kind"] for c in columns] == ["time", "time", "time", "numeric"]
        assert all(c["statistics"]["ks"] == 0 for c in columns)
        for time in ("born_on", "seen_at", "charted_at"):
            assert drift(*sides, "--time", time, "--columns", f"lactate,{time}").exit_code == 0


def test_the_row_of_what_is_no_time_is_said_and_not_its_text(tmp_path: Path) -> None:
    rows = [f"2026-01-{1 + i % 28:02},{i}" for i in range(200)]
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("at,x\n" + "\n".join(rows) + "\n")
    rows[16] = "Mrs Example,16"
    bad.write_text("at,x\n" + "\n".join(rows) + "\n")
    found = drift(good, bad, "--time", "at")
    assert found.exit_code == 2
    assert "'at' holds text in row 17 of the current data that is no time" in found.output
    assert "Example" not in found.output


def test_a_column_that_a_parquet_file_names_twice(tmp_path: Path) -> None:
    column = pa.array([1, 2])
    twice = tmp_path / "twice.parquet"
    pq.write_table(pa.Table.from_arrays([column] * 3, names=["x", "x", "y"]), twice)
    refused(drift(twice, twice), "Columns are named more than once: 'x'")
    refused(drift("-", twice, stdin=twice.read_bytes()), "Columns are named more than once: 'x'")


def test_lines_of_a_quoted_field_are_no_lines_with_too_few_fields(tmp_path: Path) -> None:
    notes = tmp_path / "notes.csv"
    notes.write_text('x,note,y\n1,"began\nwent on\nended",2\n3,none,\n')
    assert drift(notes, notes).exit_code == 0


def test_a_column_without_a_name_can_be_seen(tmp_path: Path) -> None:
    before, after, page = (tmp_path / name for name in ("a.parquet", "b.parquet", "c.html"))
    pl.DataFrame({"": range(500), "x": range(500)}).write_parquet(before)
    pl.DataFrame({"": range(900, 1400), "x": range(500)}).write_parquet(after)
    found = drift(before, after, "--html", page)
    assert re.search(r'^ "" +numeric', found.output, re.MULTILINE)
    assert re.search(r'^"": its distribution changed', found.output, re.MULTILINE)
    assert "&#34;&#34;" in page.read_text() or '""' in page.read_text()


def test_few_rows_are_said_to_show_hardly_anything(tmp_path: Path) -> None:
    few, more = tmp_path / "few.csv", tmp_path / "more.csv"
    few.write_text("x\n1\n")
    more.write_text("x\n" + "1\n2\n" * 4)
    said = "So few rows can hardly show a change."
    for sides in ((few, few), (few, more), (more, few)):
        found = drift(*sides)
        assert (found.exit_code, said in found.output) == (0, True)
    assert said not in drift(more, more).output


def test_a_unit_is_named_by_an_option_and_missed_where_patients_repeat(tmp_path: Path) -> None:
    stays = pl.DataFrame(
        {
            "patient_id": [f"p{i // 20}" for i in range(2000)],
            "lactate": [float(i // 20 % 50) + i % 3 for i in range(2000)],
            "charted_at": [datetime(2026, 1, 1 + i % 20) for i in range(2000)],
        }
    )
    before, after = tmp_path / "a.parquet", tmp_path / "b.parquet"
    stays.write_parquet(before)
    stays.head(200).write_parquet(after)
    chosen = ("--columns", "patient_id,lactate")
    rows = drift(before, after, *chosen)
    assert rows.exit_code == 1
    assert "say --unit patient_id, or small groups of patients will seem" in " ".join(
        rows.output.split()
    )
    found = drift(before, after, *chosen, "--unit", "patient_id", "--json", "-")
    plain: dict[str, Any] = json.loads(found.stdout)
    by_name = {column["name"]: column for column in plain["columns"]}
    assert by_name["patient_id"]["not_compared"] == "it tells what belongs together"
    assert 5 < by_name["lactate"]["statistics"]["effective_current"] < 15
    shown = drift(before, after, *chosen, "--unit", "patient_id")
    assert shown.exit_code == found.exit_code
    assert "say --unit" not in shown.output
    assert "it tells what belongs together" in shown.output
    plan = tmp_path / "plan.toml"
    plan.write_text('unit = "patient_id"\n')
    assert drift(before, after, *chosen, "--plan", plan).output == shown.output
    for refused, said in (
        (("--unit", "patient_id", "--time", "charted_at"), "Windows of time"),
        (("--unit", "mrn"), "no column named 'mrn'"),
        (("--unit", ""), "names nothing"),
    ):
        result = drift(before, after, *refused)
        assert (result.exit_code, said in " ".join(result.output.split())) == (2, True), result
