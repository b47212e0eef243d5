"""Tables that a person names on the command line: CSV, Parquet, Delta, or standard input.

What belongs here: opening them as scans, and saying clearly what is wrong with one. What does not:
registered sources (:mod:`.source_files`) and the lake (:mod:`.lake`), which know what a table
should be; of these only the bytes are known.
"""

import csv
import hashlib
import io
import re
import sys
from collections import Counter
from pathlib import Path

import polars as pl

from clinical_assets.drift.iso8601 import strictly
from clinical_assets.errors import ClinicalError

STDIN = "-"
_PARQUET = b"PAR1"
_DATE = re.compile(r"\s*\d{4}-\d{2}-\d{2}([T ][\d:.]+(Z|[+-][\d:]+)?)?\s*")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_UTF_8 = b"\xef\xbb\xbf"
_TWICE = re.compile(r"column with name '(.*)' has more than one occurrence", re.DOTALL)
_LINE = pl.col("line")
_COMMAS = _LINE.str.count_matches(",", literal=True)
_MISSING = ["", "NA", "NaN", "nan", "null", "NULL"]


def open_table(name: str) -> pl.LazyFrame:
    """The table of this name, read when it is needed.

    Args:
        name: a CSV or Parquet file, a folder with a Delta table, or ``-`` for standard input, which
            is read to its end at once.

    Raises:
        ClinicalError: there is none, or it is neither, damaged, or names a column twice.
    """
    if name == STDIN:
        return _from_bytes(sys.stdin.buffer.read(), "standard input")
    path = Path(name)
    try:
        if (path / "_delta_log").is_dir():
            return _delta(path)
        if path.is_dir():
            raise _unknown(name, "a folder without a Delta table")
        if path.exists() and not path.is_file():  # a pipe can be read once
            return _from_bytes(path.read_bytes(), name)
        with path.open("rb") as file:
            start = file.read(64 * 1024)
        if not start:
            raise ClinicalError("The file is empty", where=name, repair="Give a file with a table")
        if start.startswith(_PARQUET) or _PARQUET.startswith(start):
            scan = pl.scan_parquet(path)
            scan.collect_schema()
            return scan
        _demand_header(start, name)
        # Whole and once: a scan would parse all of the text again for each column.
        return _csv(path, name)
    except OSError as error:
        raise _unreadable(name, error) from None
    except pl.exceptions.PolarsError as error:
        raise _damaged(path.read_bytes(), name, error) from error


def _delta(path: Path) -> pl.LazyFrame:
    from deltalake.exceptions import DeltaError

    try:
        scan = pl.scan_delta(str(path))
        scan.collect_schema()
    except DeltaError:
        raise _unknown(str(path), "its Delta log cannot be read") from None
    return scan


def identity_of(name: str) -> str:
    """What tells a table's bytes from others': SHA-256 of a file, version of a Delta table.

    Raises:
        ClinicalError: it cannot be read.
    """
    path = Path(name)
    if name == STDIN:
        return "standard input"
    if path.is_dir():
        from deltalake import DeltaTable

        return f"Delta table, version {DeltaTable(str(path)).version()}"
    if path.exists() and not path.is_file():
        return "a pipe"
    try:
        with path.open("rb") as file:
            return f"SHA-256 {hashlib.file_digest(file, 'sha256').hexdigest()}"
    except OSError as error:
        raise _unreadable(name, error) from None


def _unreadable(name: str, error: OSError) -> ClinicalError:
    return ClinicalError(
        f"The table cannot be read ({error.strerror or type(error).__name__})",
        where=name,
        repair="Check the path and your right to read it",
    )


def _from_bytes(data: bytes, name: str) -> pl.LazyFrame:
    if not data:
        raise ClinicalError("Nothing came in", where=name, repair="Pipe a CSV or Parquet table")
    try:
        if data.startswith(_PARQUET) or _PARQUET.startswith(data):
            return pl.read_parquet(io.BytesIO(data)).lazy()
        _demand_header(data[: 64 * 1024], name)
        return _csv(data, name)
    except pl.exceptions.PolarsError as error:
        raise _damaged(data, name, error) from error


def _csv(source: Path | bytes, name: str) -> pl.LazyFrame:
    table = pl.read_csv(source, null_values=_MISSING, infer_schema_length=None)
    if table.width > 1 and table.to_series(-1).null_count():
        _demand_fields(source, table.width, name)
    return _typed(table)


def _demand_fields(source: Path | bytes, fields: int, name: str) -> None:
    """Refuses a line with too few fields, as where a file is cut off: the library fills it up."""
    if line := _line_where(source, _COMMAS.lt(fields - 1)):
        raise ClinicalError(
            f"A line has fewer fields than the header, which has {fields}",
            where=f"{name}, line {line}",
            repair="Copy the file again if it was cut off; leave nothing between two commas where a"
            " value is missing",
        )


def _line_where(source: Path | bytes, wrong: pl.Expr) -> int:
    """The first line that is wrong, from 1; 0 where none is.

    Lines that hold a quote, or lie within a quoted field, are taken as they are, because their
    commas may be within a field.
    """
    quotes = _LINE.str.count_matches('"', literal=True).fill_null(0)
    found = (
        pl.read_csv(
            source,
            has_header=False,
            new_columns=["line"],
            separator="\x1f",
            quote_char=None,
            schema={"line": pl.String},
            truncate_ragged_lines=True,
        )
        .with_row_index("number", offset=1)
        .filter(wrong, quotes == 0, quotes.cum_sum() % 2 == 0)
    )
    return int(found["number"][0]) if len(found) else 0


def _typed(table: pl.DataFrame) -> pl.LazyFrame:
    """A column of a CSV file without any value is of no type, not text; one in which all are dates
    or times of ISO 8601 is of these, so that it can be held against that of a Parquet file."""
    texts = [c for c in table.iter_columns() if c.dtype == pl.String]
    empty = [c.name for c in table.iter_columns() if c.null_count() == len(c) > 0]
    times = [found for c in texts if c.name not in empty and (found := strictly(c)) is not c]
    return table.with_columns(pl.col(empty).cast(pl.Null), *times).lazy()


def _demand_header(start: bytes, name: str) -> None:
    """Refuses what cannot be text with a header, and a column that is named twice."""
    if start.startswith(_UTF_16):
        raise ClinicalError(
            "The file seems to be UTF-16, not UTF-8", where=name, repair="Save the file as UTF-8"
        )
    if not start.removeprefix(_UTF_8).strip():
        raise ClinicalError(
            "The file holds blank lines only", where=name, repair="Give a file with a table"
        )
    if b"\0" in start:
        raise _unknown(name, "neither Parquet nor text")
    try:
        line = start.split(b"\n", 1)[0].decode("utf-8-sig").rstrip("\r")
        names = next(csv.reader([line]), [])
    except UnicodeDecodeError:
        raise ClinicalError(
            "The header is not UTF-8", where=f"{name}, line 1", repair="Save the file as UTF-8"
        ) from None
    except csv.Error:
        raise ClinicalError(
            "The header cannot be read as CSV; lines that end in a bare CR are not known here",
            where=f"{name}, line 1",
            repair="Save the file with line ends of Unix or Windows, fields in double quotes",
        ) from None
    if len(names) == 1 and (found := next((c for c in ";\t|" if c in names[0]), "")):
        raise ClinicalError(
            f"The fields seem to be separated by {found!r}",
            where=f"{name}, line 1",
            repair="Save the file with commas between the fields",
        )
    if 2 * sum(map(_is_number, names)) > len(names) or any(map(_DATE.fullmatch, names)):
        raise ClinicalError(
            "The first line seems to hold values, not the names of columns",
            where=f"{name}, line 1",
            repair="Put a header before it",
        )
    twice = [column for column, count in Counter(names).items() if count > 1]
    if twice:
        raise _named_twice(twice, f"{name}, line 1")


def _named_twice(columns: list[str], where: str) -> ClinicalError:
    return ClinicalError(
        f"Columns are named more than once: {', '.join(map(repr, columns))}",
        where=where,
        repair="Give each column a name of its own",
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _unknown(name: str, found: str) -> ClinicalError:
    return ClinicalError(
        f"This is no table ({found})",
        where=name,
        repair="Give a CSV or Parquet file, a folder with a Delta table, or - for standard input",
    )


def _damaged(data: bytes, name: str, error: pl.exceptions.PolarsError) -> ClinicalError:
    """What is wrong with a file that the library could not read, whose own words may quote a
    patient's value; only the name of a column is taken from them."""
    if isinstance(error, pl.exceptions.DuplicateError) and (twice := _TWICE.search(str(error))):
        return _named_twice([twice[1]], name)
    if data.startswith(_PARQUET) or _PARQUET.startswith(data):
        return ClinicalError(
            "The Parquet file is cut off or damaged",
            where=name,
            repair="Copy it again from where it came",
        )
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as odd:
        line = data.count(b"\n", 0, odd.start) + 1
        return ClinicalError(
            "The file is not UTF-8", where=f"{name}, line {line}", repair="Save the file as UTF-8"
        )
    header = data.split(b"\n", 1)[0].decode("utf-8-sig").rstrip("\r")
    fields = len(next(csv.reader([header]), []))
    if too_long := _line_where(data, _COMMAS.ge(fields)):
        return ClinicalError(
            f"A line has more fields than the header, which has {fields}",
            where=f"{name}, line {too_long}",
            repair="Put a field that holds commas in double quotes",
        )
    return ClinicalError(
        "The table is damaged or not what its name says",
        where=name,
        repair="Copy it again from where it came; a CSV file needs as many fields in each line as"
        " its header has",
    )
