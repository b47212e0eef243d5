"""``clinical profile``, and ``clinical drift`` on what it writes."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

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
    refused(clinical("profile", a, "-o", out), "This is no table")
    assert not out.exists()


def refused(result: Result, words: str) -> None:
    assert result.exit_code == 2, result.output
    assert words in result.output, result.output
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1
