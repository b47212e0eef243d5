"""The window of river's ADWIN as named numbers, and back.

River keeps it in compiled code, which gives it out and takes it in as a flat record of numbers
(little-endian, lengths before lists). The record is read here into JSON values and written from
checked ones: bytes from outside never reach the compiled code, which aborts on those that are cut
short. A record that does not come out the same when written again is of a layout that is not known
here, and is refused.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

_HEAD = struct.Struct("<dIQdddddd4IQ")
_NUMBERS = ("total", "variance", "width", "total_width")
_COUNTS = ("most_buckets", "buckets", "tick", "detections")
_ROW = struct.Struct("<QQ")
_LENGTH = struct.Struct("<Q")
_TAIL = struct.Struct("<dIQII")
LARGEST = 1e250  # squares of values up to 1e100, summed
MOST_ROWS = 64  # each row holds twice as much as the one before


def read(record: bytes) -> dict[str, Any]:
    """The record as JSON values.

    Raises:
        ValueError: it is of another layout.
    """
    try:
        head = _HEAD.unpack_from(record)
        place, rows = _HEAD.size, []
        for _ in range(head[-1]):
            _, used = _ROW.unpack_from(record, place)
            totals, place = _vector(record, place + _ROW.size)
            variances, place = _vector(record, place)
            rows.append({"used": used, "totals": totals, "variances": variances})
    except (struct.error, MemoryError, OverflowError) as error:
        raise ValueError("the window of ADWIN has another layout") from error
    delta, clock, most, shortest, grace, *numbers = head[:-1]
    found = dict(zip((*_NUMBERS, *_COUNTS), numbers, strict=True)) | {"rows": rows}
    parameters = {
        "delta": delta,
        "clock": clock,
        "max_buckets": most,
        "min_window_length": int(shortest),
        "grace_period": int(grace),
    }
    if written(found, parameters) != record:
        raise ValueError("the window of ADWIN has another layout")
    return found


def written(found: Mapping[str, Any], parameters: Mapping[str, Any]) -> bytes:
    """The record that :func:`read` gave these values for.

    Raises:
        ValueError: a value is not what such a window can hold.
    """
    delta, clock, most, shortest, grace = (
        parameters[name]
        for name in ("delta", "clock", "max_buckets", "min_window_length", "grace_period")
    )
    if set(found) != {*_NUMBERS, *_COUNTS, "rows"}:
        raise ValueError("the window lacks a value or has one too many")
    numbers = [bounded(found[name]) for name in _NUMBERS]
    counts = [_count(found[name], 2**32 - 1) for name in _COUNTS]
    rows = found["rows"]
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_ROWS:
        raise ValueError("the window has no rows, or too many")
    head = _HEAD.pack(delta, clock, most, shortest, grace, *numbers, *counts, len(rows))
    return (
        head
        + b"".join(_row(row, most) for row in rows)
        + _TAIL.pack(delta, clock, most, shortest, grace)
    )


def _row(row: Mapping[str, Any], most: int) -> bytes:
    if not isinstance(row, Mapping) or set(row) != {"used", "totals", "variances"}:
        raise ValueError("a row of the window is no row")
    vectors = b""
    for name in ("totals", "variances"):
        values = row[name]
        if not isinstance(values, list) or len(values) != most + 1:
            raise ValueError("a row of the window has another length")
        vectors += _LENGTH.pack(most + 1) + _packed([bounded(value) for value in values])
    return _ROW.pack(most, _count(row["used"], most)) + vectors


def _packed(values: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


def _vector(record: bytes, place: int) -> tuple[list[float], int]:
    (length,) = _LENGTH.unpack_from(record, place)
    place += _LENGTH.size
    if length * 8 > len(record) - place:
        raise struct.error("longer than the record")
    return list(struct.unpack_from(f"<{length}d", record, place)), place + 8 * length


def bounded(value: object) -> float:
    """A number that leaves room for what is added to it.

    Raises:
        ValueError: it is none, or larger than any stream can have made it.
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) <= LARGEST:
        raise ValueError("a number is none, or too large")
    return float(value)


def _count(value: object, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError("a count of the window is out of bounds")
    return value
