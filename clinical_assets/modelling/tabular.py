"""Delimited text to a typed table, or one error that says where the text departs from it.

What belongs here: reading comma-separated files strictly. What does not: plausible ranges,
uniqueness and everything else that is about the meaning of values (``asset_checks.contracts``).

Two readers make the same table of strings. Without a quote character in the file, each line is
one row and polars splits it; with one, Python's :mod:`csv` reads it (RFC 4180, section 2), record
by record, keeping the line that each record began on. Values are cast afterwards, column by
column, so that a value that does not fit is counted and located rather than guessed at.
polars' own CSV reader is not used: it fills short rows with nulls and quotes values in errors.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.spec import DType
from clinical_assets.modelling.tabular_header import check_header

SHOWN = 5
"""How many line numbers a message names before it only counts."""

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BLANK = ("blank", "Remove blank lines; a row with all values missing keeps its commas")
_STRAY = (
    "broken by a carriage return inside",
    "Write line ends as LF or CRLF, and quote a field that holds one",
)
_NOT = {
    "integer": ("is not a whole number", "are not whole numbers"),
    "number": ("is not a finite decimal number", "are not finite decimal numbers"),
    "string": ("is not a permitted text", "are not permitted texts"),
    "boolean": ("is neither of the two codes", "are neither of the two codes"),
}
_POLARS = {
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "string": pl.String(),
    "boolean": pl.Boolean(),
}


@dataclass(frozen=True, slots=True)
class RawColumn:
    """One column of a delimited file as its publisher wrote it.

    Attributes:
        name: as in the header; where the file has none, the name that the column gets.
        dtype: type of the values; decides the polars type (Int64, Float64, String, Boolean).
        missing: texts that stand for a missing value, quoted or not; others are values.
        levels: the permitted texts of a string column (empty where free); for a boolean column
            the texts of false and true, ``("false", "true")`` where not given.
    """

    name: str
    dtype: DType
    missing: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.dtype == "boolean" and len(self.levels) not in (0, 2):
            raise ValueError(f"boolean column {self.name!r} needs the texts of false and of true")


def read_csv(
    name: str, data: bytes, columns: Sequence[RawColumn], *, header: bool = True
) -> pl.DataFrame:
    """The table that ``data`` holds, with exactly ``columns`` in their order.

    UTF-8 with or without a byte-order mark; lines end in LF or CRLF; the last line may lack its
    end. Surrounding blanks belong to a value. An empty field is an error unless ``""`` is a
    declared missing code.

    Args:
        name: name of the file, for messages.
        data: its bytes.
        columns: every column, in order.
        header: whether line 1 holds the names.

    Raises:
        ClinicalError: not UTF-8, a NUL character, an empty file, a header only, a header that
            differs, a row with too few or too many fields, or values that do not have the
            declared type. The message names file, columns and 1-based line numbers of the file,
            and holds no value.
    """
    text = _decode(name, data, columns)
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    names = [column.name for column in columns]
    split = _split_quoted if '"' in text else _split_plain
    first, rows, at = split(name, lines, names, header)
    if first is not None:
        check_header(name, first, names)
    if rows.height == 0:
        raise ClinicalError(
            "The file holds a header and no row",
            where=name,
            repair="Give the complete file; a table without rows is never accepted",
        )
    return _cast(name, rows, at, columns, header)


def located(numbers: Iterable[int], count: int, noun: str = "line") -> str:
    """``line 4``, ``lines 4, 9`` or ``lines 4, 9, 12, 15, 20 and 7 more`` (``count`` in all)."""
    shown = list(numbers)[:SHOWN]
    text = ", ".join(str(number) for number in shown)
    more = count - len(shown)
    return f"{noun}{'s' if count != 1 else ''} {text}" + (f" and {more} more" if more else "")


def _decode(name: str, data: bytes, columns: Sequence[RawColumn]) -> str:
    if data.startswith(_UTF16):
        raise ClinicalError(
            "The file is UTF-16, not UTF-8 (byte-order mark on line 1)",
            where=name,
            repair="Save it as UTF-8 and register it again",
        )
    body = data.removeprefix(_BOM)
    if not body.strip():
        raise ClinicalError("The file is empty", where=name, repair="Give the complete file")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        place = _place(body, error.start, columns)
        raise ClinicalError(
            f"The file is not UTF-8: the byte at {place} starts no UTF-8 character",
            where=name,
            repair="Save it as UTF-8 and register it again",
        ) from None
    if "\x00" in text:
        raise ClinicalError(
            f"The file holds {text.count(chr(0))} NUL characters,"
            f" the first at {_place(body, body.index(0), columns)}",
            where=name,
            repair="Obtain an undamaged copy; text files hold no NUL",
        )
    return text


def _place(body: bytes, offset: int, columns: Sequence[RawColumn]) -> str:
    """``line 3, column 'bmi'``; without the column where quotes may hide commas."""
    before = body[:offset]
    line = before.count(b"\n") + 1
    current = before[before.rfind(b"\n") + 1 :]
    field = current.count(b",")
    if b'"' in current or field >= len(columns):
        return f"line {line}"
    return f"line {line}, column {columns[field].name!r}"


_Split = tuple[list[str] | None, pl.DataFrame, "Sequence[int]"]


def _split_plain(name: str, lines: list[str], names: list[str], header: bool) -> _Split:
    """First line's fields, the rows as strings and their line numbers; no field is quoted."""
    start = 2 if header else 1
    first = lines[0].removesuffix("\r").split(",") if header else None
    series = pl.Series("line", lines[start - 1 :], dtype=pl.String).str.strip_suffix("\r")
    if header:
        check_header(name, first or [], names)
    _refuse_lines(name, _numbers(series.str.contains("\r", literal=True), start), _STRAY)
    _refuse_lines(name, _numbers(series == "", start), _BLANK)
    fields = series.str.count_matches(",", literal=True) + 1
    _refuse_ragged(name, _numbers(fields != len(names), start), len(names))
    parts = series.str.split_exact(",", len(names) - 1).struct.unnest()
    parts.columns = names
    return first, parts, range(start, start + parts.height)


def _split_quoted(name: str, lines: list[str], names: list[str], header: bool) -> _Split:
    """The same for a file with quoted fields, which may hold commas, quotes and line ends."""
    reader = csv.reader((line + "\n" for line in lines), strict=True)
    records: list[list[str]] = []
    at: list[int] = []
    begun = 1
    try:
        for record in reader:
            records.append(record)
            at.append(begun)
            begun = reader.line_num + 1
    except csv.Error:
        raise ClinicalError(
            f"Quoting or line ends are broken in the record that begins on line {begun}",
            where=name,
            repair='Close each quoted field and write a quote inside one as ""',
        ) from None
    first = records.pop(0) if header else None
    at = at[1:] if header else at
    if header:
        check_header(name, first or [], names)
    _refuse_lines(name, [line for line, r in zip(at, records, strict=True) if not r], _BLANK)
    ragged = [line for line, r in zip(at, records, strict=True) if len(r) != len(names)]
    _refuse_ragged(name, ragged, len(names))
    table = {n: [record[i] for record in records] for i, n in enumerate(names)}
    return first, pl.DataFrame(table, schema=dict.fromkeys(names, pl.String)), at


def _numbers(bad: pl.Series, start: int) -> list[int]:
    return [start + row for row in bad.arg_true().to_list()] if bad.any() else []


def _refuse_lines(name: str, bad: Sequence[int], fault: tuple[str, str]) -> None:
    if bad:
        what, repair = fault
        verb = "is" if len(bad) == 1 else "are"
        raise ClinicalError(
            f"{located(bad, len(bad), 'Line')} {verb} {what}", where=name, repair=repair
        )


def _refuse_ragged(name: str, bad: Sequence[int], width: int) -> None:
    if bad:
        verb = "does" if len(bad) == 1 else "do"
        raise ClinicalError(
            f"{located(bad, len(bad), 'Line')} {verb} not have the {width} fields of the table",
            where=name,
            repair="Give each line one field a column; quote a field that holds a comma",
        )


def _cast(
    name: str, rows: pl.DataFrame, at: Sequence[int], columns: Sequence[RawColumn], header: bool
) -> pl.DataFrame:
    """Each column of strings as its declared type; all columns' faults in one error."""
    typed: list[pl.Series] = []
    faults: list[str] = []
    in_first_row = 0
    for column in columns:
        raw = rows.get_column(column.name)
        missing = raw.is_in(list(column.missing)) if column.missing else raw.is_null()
        values, empty, wrong = _typed(column, raw, missing)
        typed.append(values)
        in_first_row += bool(wrong[0])
        for bad, (one, many) in (
            (empty, ("is empty", "are empty")),
            (wrong, _NOT[column.dtype]),
        ):
            count = int(bad.sum())
            if count:
                lines = [at[row] for row in bad.arg_true().head(SHOWN).to_list()]
                is_or_are = f"value {one}" if count == 1 else f"values {many}"
                faults.append(
                    f"Column {column.name!r}: {count} {is_or_are} ({located(lines, count)})"
                )
    if faults:
        shown = faults[:SHOWN]
        more = f"; and {len(faults) - SHOWN} more faults" if len(faults) > SHOWN else ""
        repair = "Correct the lines named, or declare the missing code of the column"
        if not header and in_first_row > len(columns) // 2:
            repair = "Line 1 looks like a header: this file is declared without one, so remove it"
        raise ClinicalError("; ".join(shown) + more, where=name, repair=repair)
    return pl.DataFrame(typed)


def _typed(
    column: RawColumn, raw: pl.Series, missing: pl.Series
) -> tuple[pl.Series, pl.Series, pl.Series]:
    """The cast values (null where missing or wrong), which are empty, and which are wrong."""
    empty = (raw == "") & ~missing
    present = raw.set(missing | empty, None)
    levels = column.levels
    if column.dtype == "string":
        values = present.set(~present.is_in(levels), None) if levels else present
    elif column.dtype == "boolean":
        false, true = levels or ("false", "true")
        values = present.replace_strict(
            {false: False, true: True}, default=None, return_dtype=pl.Boolean
        )
    else:
        values = present.cast(_POLARS[column.dtype], strict=False)
        if column.dtype == "number":
            values = values.set(values.is_finite().not_().fill_null(False), None)
    return values, empty, values.is_null() & present.is_not_null()
