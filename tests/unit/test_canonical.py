"""Canonical bytes: equal content has equal digests, now and in every later version."""

import hashlib
import json
import math
import struct
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clinical_assets.canonical import (
    canonical_json,
    digest_of,
    frame_digest,
    from_plain,
    sha256,
    to_plain,
)

SCHEMA = {
    "flag": pl.Boolean(),
    "count": pl.Int64(),
    "value": pl.Float64(),
    "text": pl.String(),
    "day": pl.Date(),
    "seen_at": pl.Datetime("us", "UTC"),
}
NAMES = {
    "flag": "boolean",
    "count": "integer",
    "value": "float",
    "text": "string",
    "day": "date",
    "seen_at": "datetime[us,UTC]",
}
FRAME = pl.DataFrame(
    {
        "flag": [True, None, False],
        "count": [1, None, -(2**63)],
        "value": [0.1, None, math.inf],
        "text": ["", None, "ü𝛼"],
        "day": [date(1970, 1, 2), None, date(1900, 2, 28)],
        "seen_at": [datetime(2026, 1, 1, tzinfo=UTC), None, datetime(1969, 7, 20, tzinfo=UTC)],
    },
    schema=SCHEMA,
)
CELLS = {
    "flag": st.booleans(),
    "count": st.integers(-(2**63), 2**63 - 1),
    "value": st.floats(),
    "text": st.text(max_size=6),
    "day": st.dates(),
    "seen_at": st.datetimes(datetime(1678, 1, 1), datetime(2262, 1, 1), timezones=st.just(UTC)),
}
ROWS = st.lists(st.fixed_dictionaries({n: st.none() | c for n, c in CELLS.items()}), max_size=6)

# Written down once. If one of these tests fails, the encoding changed: then old pins no longer
# verify. Do not correct the numbers; give the new encoding a new format name beside the old one.
GOLDEN = {
    "all types": (FRAME, "1503311105eddd0404ba965722e7cfe9d83f61a84205122148f959c5786ad87f"),
    "no rows": (FRAME.clear(), "76c1ebfb137fca1bc63cf429f7072cfc28cdbb0f0f6e612beed9b03e3a96a464"),
    "no columns": (
        pl.DataFrame(),
        "83157ddb415ad45a4936df6f860c3189af7b1f81bbbed7b7aece69d06166d27b",
    ),
    "null column": (
        pl.DataFrame({"x": [None, None]}),
        "ec7cc993262bfe47211daf7ea96fa7dda0771c6fe7359a252cfc96ecd24e94aa",
    ),
    "specials": (
        pl.DataFrame({"x": [math.nan, -math.inf, -0.0, 5e-324]}),
        "f3fb05be0e909a900e55e28f592138bbbb4af6d4867fb4e1300a63a408296b2e",
    ),
}


def oracle(frame: pl.DataFrame) -> str:
    """The encoding as its docstring says it, one value at a time."""
    columns = [{"name": c, "type": NAMES[c]} for c in frame.columns]
    header = {"columns": columns, "format": "clinical-frame/1", "rows": frame.height}
    data = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    for name in frame.columns:
        values = frame[name].to_list()
        data += bytes(value is not None for value in values)
        if name == "text":
            encoded = [(value or "").encode() for value in values]
            data += b"".join(struct.pack("<q", len(part)) for part in encoded)
            data += b"".join(encoded)
        else:
            data += b"".join(_eight_bytes(value) for value in values)
    return hashlib.sha256(data).hexdigest()


def _eight_bytes(value: object) -> bytes:
    if value is None:
        return bytes(8)
    if isinstance(value, float):
        if math.isnan(value):
            return struct.pack("<Q", 0x7FF8000000000000)
        return struct.pack("<d", value + 0.0)
    if isinstance(value, datetime):
        return struct.pack(
            "<q", (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        )
    if isinstance(value, date):
        return struct.pack("<q", (value - date(1970, 1, 1)).days)
    assert isinstance(value, int)
    return struct.pack("<q", value)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_digests(name: str) -> None:
    frame, digest = GOLDEN[name]
    assert frame_digest(frame) == digest


@settings(max_examples=100, deadline=None)
@given(rows=ROWS)
def test_digest_is_the_documented_encoding(rows: list[dict[str, object]]) -> None:
    frame = pl.DataFrame(rows, schema=SCHEMA)
    assert frame_digest(frame) == oracle(frame)


@settings(max_examples=50, deadline=None)
@given(rows=ROWS, cut=st.integers(0, 6))
def test_layout_in_memory_does_not_matter(rows: list[dict[str, object]], cut: int) -> None:
    frame = pl.DataFrame(rows, schema=SCHEMA)
    wanted = frame_digest(frame)
    chunked = pl.concat([frame.head(cut), frame.slice(cut)], rechunk=False)
    padded = pl.concat([FRAME, frame, FRAME]).slice(3, frame.height)
    assert frame_digest(chunked) == wanted
    assert frame_digest(padded) == wanted
    assert frame_digest(pl.DataFrame(frame.to_dicts(), schema=SCHEMA)) == wanted


def test_a_long_text_column_is_the_documented_encoding() -> None:
    texts = ["ü", None, "", "a\0b", "𝛼"]
    long = pl.DataFrame({"text": [texts[i * i % 5] for i in range(20_001)]})
    assert frame_digest(long) == oracle(long)


@settings(max_examples=100, deadline=None)
@given(rows=ROWS.filter(bool), data=st.data())
def test_any_changed_value_changes_it(rows: list[dict[str, object]], data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(rows) - 1))
    name = data.draw(st.sampled_from(sorted(SCHEMA)))
    value = data.draw(st.none() | CELLS[name])
    changed = [dict(r) for r in rows]
    changed[row][name] = value
    before, after = pl.DataFrame(rows, schema=SCHEMA), pl.DataFrame(changed, schema=SCHEMA)
    assume(not before.equals(after))
    assert frame_digest(before) != frame_digest(after)


def test_names_types_order_and_boundaries_count() -> None:
    frame = pl.DataFrame({"a": [1, 2], "b": [3, 4]})
    others = [
        frame.rename({"a": "c"}),
        frame.select("b", "a"),
        frame.reverse(),
        frame.head(1),
        frame.with_columns(pl.col("a").cast(pl.Float64)),
        frame.with_columns(pl.col("a").cast(pl.String)),
        pl.DataFrame({"a": [1, 2, 3, 4]}),
    ]
    digests = [frame_digest(f) for f in (frame, *others)]
    assert len({*digests}) == len(digests)
    # Strings are told apart by their lengths, null from empty, null from zero.
    pairs = [(["ab", "c"], ["a", "bc"]), ([""], [None]), ([0], [None]), ([0.0], [None])]
    for left, right in pairs:
        dtype = pl.Series(left).dtype
        assert frame_digest(pl.DataFrame({"x": pl.Series(left, dtype=dtype)})) != frame_digest(
            pl.DataFrame({"x": pl.Series(right, dtype=dtype)})
        )


def test_equal_values_are_equal_whatever_their_bits() -> None:
    bits = [0x7FF8000000000000, 0x7FF8000000000001, 0xFFF8000000000000]
    nans = [struct.unpack("<d", struct.pack("<Q", b))[0] for b in bits]
    assert len({frame_digest(pl.DataFrame({"x": [nan]})) for nan in nans}) == 1
    assert frame_digest(pl.DataFrame({"x": [0.0]})) == frame_digest(pl.DataFrame({"x": [-0.0]}))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    zones = [
        pl.DataFrame({"x": [at]}, schema={"x": pl.Datetime(u, "UTC")}) for u in ("ms", "us", "ns")
    ]  # type: ignore[arg-type]
    assert len({frame_digest(f) for f in zones}) == 1
    text = pl.DataFrame({"x": ["b", "a", "b"]})
    assert frame_digest(text) == frame_digest(text.cast(pl.Categorical))
    assert frame_digest(pl.DataFrame({"x": [1]})) == frame_digest(
        pl.DataFrame({"x": [1]}, schema={"x": pl.UInt8})
    )


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("x", [[1]]),
        pl.Series("x", [2**63], dtype=pl.UInt64),
        pl.Series("x", [1], dtype=pl.Int64).cast(pl.Datetime("ns", "UTC")),
    ],
    ids=["list", "beyond 64 bits", "nanoseconds"],
)
def test_what_has_no_encoding_is_named_and_never_cut_short(column: pl.Series) -> None:
    with pytest.raises(TypeError, match="column 'x'"):
        frame_digest(column.to_frame())


@dataclass(frozen=True, slots=True)
class Inner:
    numbers: tuple[float, ...]
    reason: str | None


@dataclass(frozen=True, slots=True)
class Outer:
    name: str
    inner: Inner
    by_name: dict[str, int]


@given(
    name=st.text(),
    numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False)),
    reason=st.none() | st.text(),
    by_name=st.dictionaries(st.text(), st.integers(-(2**53) + 1, 2**53 - 1)),
)
def test_records_come_back(
    name: str, numbers: list[float], reason: str | None, by_name: dict[str, int]
) -> None:
    record = Outer(name, Inner(tuple(numbers), reason), by_name)
    assert from_plain(Outer, to_plain(record)) == record
    assert from_plain(Outer, json.loads(canonical_json(record))) == record
    assert digest_of(record) == sha256(canonical_json(to_plain(record)))


def test_canonical_json_is_rfc_8785() -> None:
    plain = {"b": 1.0, "a": [1e30, 0.002, "\u20ac\n", True, None], "\u00e9": -0.0}
    expected = '{"a":[1e+30,0.002,"€\\n",true,null],"b":1,"é":0}'
    assert canonical_json(plain) == expected.encode()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_no_number_that_json_cannot_say(number: float) -> None:
    with pytest.raises(ValueError, match="store null and a reason"):
        canonical_json(Inner((number,), None))
