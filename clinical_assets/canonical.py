"""Canonical bytes and SHA-256 digests of records and tables.

Two things that are equal have equal bytes, on every platform and in every later version of the
libraries: records as canonical JSON (RFC 8785), tables in the encoding that
:func:`frame_digest` defines. Libraries' own hashes (``polars.DataFrame.hash_rows``, MLflow's
dataset digest) are not stable across versions or read only the first rows, so they are not used.
"""

import dataclasses
import hashlib
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
import polars as pl
import rfc8785
from pydantic import TypeAdapter

FRAME_FORMAT = "clinical-frame/1"
_TEXTS_AT_ONCE = 8192

Record = TypeVar("Record")


_adapters: dict[type, TypeAdapter[Any]] = {}


def _adapter(kind: type) -> TypeAdapter[Any]:
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def to_plain(record: Any) -> Any:
    """Plain JSON values (dict, list, str, int, float, bool, None) of a dataclass record."""
    return _adapter(type(record)).dump_python(record, mode="json")


def from_plain(kind: type[Record], plain: Any) -> Record:
    """The record of type ``kind`` that :func:`to_plain` wrote as ``plain``.

    Raises:
        pydantic.ValidationError: ``plain`` does not have the shape of ``kind``.
    """
    record: Record = _adapter(kind).validate_python(plain)
    return record


def canonical_json(value: Any) -> bytes:
    """Canonical JSON of a record or of plain values (RFC 8785), UTF-8, no final newline.

    Raises:
        ValueError: the value holds NaN or infinity, which JSON cannot express.
    """
    plain = to_plain(value) if dataclasses.is_dataclass(value) else value
    try:
        return rfc8785.dumps(plain)
    except rfc8785.FloatDomainError as error:
        raise ValueError(
            "NaN and infinity cannot enter a record: store null and a reason"
        ) from error


def sha256(data: bytes) -> str:
    """Lower-case hexadecimal SHA-256 of ``data``."""
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Any) -> str:
    """SHA-256 of the canonical JSON of a record or of plain values."""
    return sha256(canonical_json(value))


def content_digest(value: Any) -> str:
    """Digest of an asset's value: :func:`frame_digest` of a table, else of its canonical JSON."""
    return frame_digest(value) if isinstance(value, pl.DataFrame) else digest_of(value)


def frame_digest(frame: pl.DataFrame) -> str:
    """SHA-256 of a table's content: column names, types, order of columns and rows, and values.

    The encoding (``clinical-frame/1``) is one canonical JSON header with the row count and each
    column's name and type; then, column by column, one validity byte a row (1 present, 0 null)
    followed by the values in little-endian order: integers, booleans, dates and times as 64-bit
    integers, floats as 64-bit IEEE 754 with one NaN and one zero, strings as 64-bit byte lengths
    and their UTF-8 bytes. A null contributes zero.

    Raises:
        TypeError: a column's type has no canonical encoding (lists, structs, objects, unsigned
            integers of 64 bits and more), or a time is finer than microseconds.
    """
    header = {
        "format": FRAME_FORMAT,
        "rows": frame.height,
        "columns": [{"name": c.name, "type": _type_name(c)} for c in frame.iter_columns()],
    }
    state = hashlib.sha256(canonical_json(header))
    for column in frame.iter_columns():
        for part in _column_bytes(column):
            state.update(part)
    return state.hexdigest()


def _type_name(column: pl.Series) -> str:
    dtype = column.dtype
    if dtype.is_integer() and dtype not in (pl.UInt64, pl.Int128, pl.UInt128):
        return "integer"
    if dtype.is_float():
        return "float"
    if dtype == pl.Boolean:
        return "boolean"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "string"
    if dtype == pl.Date:
        return "date"
    if isinstance(dtype, pl.Datetime):
        return f"datetime[us,{dtype.time_zone or 'none'}]"
    if dtype == pl.Null:
        return "null"
    raise TypeError(f"column {column.name!r}: a {dtype} column has no canonical encoding")


def _column_bytes(column: pl.Series) -> Iterator[bytes | memoryview]:
    kind = _type_name(column)
    yield column.is_not_null().cast(pl.UInt8).to_numpy().data
    if kind == "null":
        return
    if kind == "string":
        text = column.cast(pl.String).fill_null("")
        yield text.str.len_bytes().cast(pl.Int64).to_numpy().astype("<i8", copy=False).data
        # Joined by polars, without a Python object for each cell, some rows at a time: a joined
        # text must stay under 4 GiB.
        for start in range(0, len(text), _TEXTS_AT_ONCE):
            yield str(text.slice(start, _TEXTS_AT_ONCE).str.join("").item()).encode()
    elif kind == "float":
        values = column.cast(pl.Float64).fill_null(0.0).to_numpy().astype("<f8", copy=False)
        values = np.where(values == 0.0, 0.0, values)  # -0.0 equals 0.0
        values = np.where(np.isnan(values), np.float64("nan"), values)
        yield values.astype("<f8", copy=False).data
    else:
        if kind.startswith("datetime"):
            rounded = column.dt.cast_time_unit("us")
            if not rounded.cast(column.dtype).equals(column):
                raise TypeError(f"column {column.name!r}: times finer than microseconds")
            column = rounded
        yield column.cast(pl.Int64).fill_null(0).to_numpy().astype("<i8", copy=False).data
