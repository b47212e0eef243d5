"""The register of sources: what it holds, and what is refused."""

import csv
import io
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical_assets.canonical import sha256
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.sources import (
    RegisteredSource,
    count_rows,
    parse_sources,
    verify_bytes,
)

DATA = Path(__file__).resolve().parents[3] / "data"
REGISTER = (DATA / "sources.toml").read_text()
SOURCES = parse_sources(REGISTER)
CONTENT = b"a,b\n1,2\n3,4\n"
ENTRY = f"""
[[source]]
id = "small"
title = "Two rows"
license = "CC0"
citation = "Nobody 2026"
reference = "made here"
collected_by = "the test"
collection = "typed"
consent = "not needed"
shipped = true
files = [
  {{ name = "a.csv", path = "a.csv", sha256 = "{sha256(CONTENT)}", rows = 2, header = true }}
]
columns = [{{ name = "a", unit = "1", description = "first" }}]
"""


def small() -> RegisteredSource:
    return parse_sources(ENTRY)["small"]


def test_the_register_of_this_repository() -> None:
    assert list(SOURCES) == ["pima-ripley", "pima-768", "breast-mass-wdbc"]
    assert [s.shipped for s in SOURCES.values()] == [True, False, True]
    for source in SOURCES.values():
        for text in (source.license, source.citation, source.collection, source.consent):
            assert text.strip()
        assert "://" not in str(source)


def test_pima_files_are_the_registered_ones() -> None:
    source = SOURCES["pima-ripley"]
    missing = {}
    for file in source.files:
        data = verify_bytes(source, file.name, (DATA / file.path).read_bytes())
        rows = list(csv.DictReader(io.StringIO(data.decode())))
        assert len(rows) == file.rows
        assert list(rows[0]) == [c.name for c in source.columns]
        for column in source.columns:
            missing[file.name, column.name] = sum(r[column.name] in column.missing for r in rows)
            present = {r[column.name] for r in rows} - {*column.missing}
            if column.name != "type":  # every value that is no missing code is a number
                assert all(float(value) >= 0 for value in present)
    assert [f.rows for f in source.files] == [300, 332]
    assert {key: count for key, count in missing.items() if count} == {
        ("pima_train.csv", "bp"): 13,
        ("pima_train.csv", "skin"): 98,
        ("pima_train.csv", "bmi"): 3,
    }


def test_breast_mass_file_of_the_locked_scikit_learn() -> None:
    source = SOURCES["breast-mass-wdbc"]
    (file,) = source.files
    found = find_spec(file.package)
    assert found is not None
    assert found.submodule_search_locations is not None
    path = Path(found.submodule_search_locations[0]) / file.path
    data = verify_bytes(source, file.name, path.read_bytes())
    head, first = data.decode().splitlines()[:2]
    assert head == "569,30,malignant,benign"
    assert len(first.split(",")) == len(source.columns) == 31
    # The names are scikit-learn's, so that its documentation applies.
    from sklearn.datasets import load_breast_cancer

    names = [str(n) for n in load_breast_cancer().feature_names]
    assert [c.name for c in source.columns] == [*names, "class"]


def test_good_bytes_pass() -> None:
    assert verify_bytes(small(), "a.csv", CONTENT) == CONTENT


@pytest.mark.parametrize(
    "data", [b"", CONTENT + b"5,6\n", CONTENT.replace(b"\n", b"\r\n"), CONTENT.replace(b"4", b"5")]
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ClinicalError, match=r"not the registered one.*source small, file a\.csv"):
        verify_bytes(small(), "a.csv", data)


def test_wrong_row_count_in_the_register() -> None:
    source = small()
    wrong = replace(source, files=(replace(source.files[0], rows=3),))
    with pytest.raises(ClinicalError, match="has 2 rows, but 3 are registered"):
        verify_bytes(wrong, "a.csv", CONTENT)


def test_unknown_file() -> None:
    with pytest.raises(
        ClinicalError, match=r"no file of this name \(b\.csv\)\. Use one of: a\.csv"
    ):
        verify_bytes(small(), "b.csv", CONTENT)


@given(
    rows=st.lists(st.text(alphabet="0123456789,", min_size=1), max_size=10),
    end=st.sampled_from(["", "\n", "\n\n"]),
    line=st.sampled_from(["\n", "\r\n"]),
    header=st.booleans(),
)
def test_rows_are_counted_whatever_the_line_ends(
    rows: list[str], end: str, line: str, header: bool
) -> None:
    data = (line.join((["name"] if header else []) + rows) + end).encode()
    assert count_rows(data, header=header) == len(rows)


def test_rows_of_nothing() -> None:
    assert count_rows(b"", header=True) == count_rows(b"", header=False) == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Two rows"', "", "key title is missing"),
        ('title = "Two rows"', 'title = "x"\nmood = "good"', "key mood is unknown"),
        ('title = "Two rows"', "title = 3", "key title: input should be a valid string"),
        ("shipped = true", 'shipped = "yes"', "key shipped: input should be a valid boolean"),
        ("rows = 2", 'rows = "2"', "key files.0.rows: input should be a valid integer"),
        ("rows = 2", "rows = 0", "rows of a.csv must be at least 1"),
        ("rows = 2, ", "", "key files.0.rows is missing"),
        (", header = true", ', header = true, color = "red"', "key files.0.color is unknown"),
        ('unit = "1", ', "", "key columns.0.unit is missing"),
        (sha256(CONTENT), "abc", "sha256 of a.csv is not 64 lower-case hexadecimal digits"),
        (sha256(CONTENT), sha256(CONTENT).upper(), "sha256 of a.csv is not 64 lower-case"),
        ('path = "a.csv", ', "", "file a.csv needs a path"),
        ("shipped = true", "shipped = false", "file a.csv has a path, but shipped is false"),
        ('path = "a.csv"', 'path = "../a.csv"', "path of a.csv must stay below its folder"),
        ('path = "a.csv"', 'path = "/a.csv"', "path of a.csv must stay below its folder"),
        ('id = "small"', 'id = "Not Small"', "id must be lower-case words"),
        (
            'description = "first" }',
            'description = "f" }, { name = "a", unit = "1", description = "g" }',
            "column a is declared twice",
        ),
    ],
)
def test_a_wrong_entry_is_named(old: str, new: str, message: str) -> None:
    assert old in ENTRY
    with pytest.raises(ClinicalError) as caught:
        parse_sources(ENTRY.replace(old, new), origin="my.toml")
    assert message in str(caught.value)
    assert "my.toml, source" in caught.value.where


def test_empty_lists_are_refused() -> None:
    entry = ENTRY.split("files =")[0] + "files = []\ncolumns = []\n"
    with pytest.raises(ClinicalError, match="at least one file and one column"):
        parse_sources(entry)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"no \[\[source\]\] entry"),
        ("source = 3", r"no \[\[source\]\] entry"),
        ("x = ", "not TOML"),
        ("other = 1\n" + ENTRY, "unknown key other"),
        (ENTRY + ENTRY, r"id is used twice \(sources.toml, source small"),
        ("source = [3]", "source number 1"),
    ],
)
def test_a_wrong_document_is_refused(text: str, message: str) -> None:
    with pytest.raises(ClinicalError, match=message):
        parse_sources(text)
