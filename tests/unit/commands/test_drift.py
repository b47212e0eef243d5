"""``clinical drift`` as scripts and people use it: exit codes, JSON, every kind of bad input."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result
from deltalake import write_deltalake

from clinical_assets.cli import cli


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
    assert (same.exit_code, "0 of 2 columns drifted" in same.output) == (0, True)
    moved = drift(files["a.csv"], files["b.parquet"], "--json", tmp_path / "out.json")
    assert moved.exit_code == 1
    assert "lactate: its distribution changed" in moved.output
    found: dict[str, Any] = json.loads((tmp_path / "out.json").read_text())
    assert found["drifted"] is True
    assert found["rows"] == {"reference": 1000, "current": 1000}
    assert [c["name"] for c in found["columns"]] == ["lactate", "ward"]
    column = found["columns"][0]
    assert set(column) == {"name", "kind", "drifted", "statistics", "causes"}
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
    plan.write_text("psi = 50.0\n")
    assert drift(files["a.csv"], files["b.parquet"], "--plan", plan).exit_code == 0


def test_bad_input_is_one_paragraph_and_exit_code_2(files: dict[str, Path], tmp_path: Path) -> None:
    good = files["a.csv"]
    whole = files["a.parquet"].read_bytes()
    bad: dict[str, tuple[bytes, str]] = {
        "empty.csv": (b"", "The file is empty"),
        "header.csv": (b"lactate,ward\n", "has no rows"),
        "twice.csv": (b"lactate,lactate\n1,2\n", "named more than once: 'lactate'"),
        "ragged.csv": (b"lactate,ward\n1,a,Mrs-Canary\n", "damaged"),
        "latin.csv": ("läctate\n1\n".encode("latin-1"), "not UTF-8"),
        "other.csv": (b"x,y\n1,2\n", "no column in common"),
        "cut.parquet": (whole[: len(whole) // 2], "damaged"),
        "image.png": (b"\x89PNG\0\0", "neither Parquet nor text"),
    }
    for name, (data, words) in bad.items():
        (tmp_path / name).write_bytes(data)
        refused(drift(good, tmp_path / name), words)
        refused(drift(tmp_path / name, good), words)
    refused(drift(good, tmp_path / "nowhere.csv"), "No such file")
    refused(drift(good, tmp_path), "a folder without a Delta table")
    refused(drift("-", "-"), "cannot be both")
    refused(drift("-", good, stdin=b""), "Nothing came in")
    refused(drift(good, good, "--columns", "z"), "named 'z'")
    refused(drift(good, good, "--plan", tmp_path / "no.toml"), "The plan cannot be read")


def refused(result: Result, words: str) -> None:
    assert result.exit_code == 2, result.output
    assert words in result.output, result.output
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1
    assert "Mrs-Canary" not in result.output
