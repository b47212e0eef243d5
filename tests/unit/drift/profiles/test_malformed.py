"""A file with a valid checksum and any content is refused in words, or can be compared."""

import copy
import hashlib
import json
import zlib
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinical_assets.drift import Profile, compare, profile
from clinical_assets.drift.profiles.files import MAGIC
from clinical_assets.errors import ClinicalError


@cache
def real() -> Profile:
    """Of every kind of column, some with infinities, with more than 1,024 values, or with none."""
    n = 1500
    frame = pl.DataFrame(
        {
            "lactate": [None if i % 50 == 0 else (i * 37 % 101) / 10 for i in range(n)],
            "many": [float("inf") if i == 7 else i**1.5 for i in range(n)],
            "ward": [("icu", "er", "a", None)[i % 4] for i in range(n)],
            "flag": [i % 3 == 0 for i in range(n)],
            "at": [datetime(2026, 1, 1) + timedelta(hours=i) for i in range(n)],
            "nothing": pl.Series([None] * n, dtype=pl.Float64),
            "nested": [[1]] * n,
        }
    )
    late = frame.tail(900).with_columns(ward=pl.lit("new"), more=pl.lit(1))
    return profile(late, profile(frame, moments=True), moments=True)


def file_of(text: str) -> bytes:
    body = zlib.compress(text.encode("utf-8", "surrogatepass"), 1)
    return MAGIC + f"1 {hashlib.sha256(body).hexdigest()}\n".encode() + body


def refused_or_usable(text: str) -> bool:
    """Whether it is refused; everything else that is raised is a fault."""
    data = file_of(text)
    try:
        found = Profile.from_bytes(data)
    except ClinicalError:
        # A text in the place of the grid is what a store's parts have there.
        with pytest.raises(ClinicalError, match=r"damaged or cut short|kept apart from it"):
            Profile.from_bytes(data)
        return True
    assert Profile.from_bytes(found.to_bytes()) == found
    found.merge(found)
    for sides in ((found, real()), (real(), found), (found, found)):
        with suppress(ClinicalError):  # such as of other kinds
            compare(*sides).to_dict()
    return False


def places(found: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Each value's path; of long lists the first and the last."""
    here = [path] if path else []
    if isinstance(found, dict):
        return here + [p for key in found for p in places(found[key], (*path, key))]
    if isinstance(found, list):
        return here + [
            p for at in {0, len(found) - 1} if found for p in places(found[at], (*path, at))
        ]
    return here


STRANGE: list[Any] = [
    *(None, True, False, 0, 1, -1, -5, 1.5, 7, 1 << 44, 1 << 63, 1 << 70, 1e308, -0.0),
    *(float("nan"), float("inf"), "", "x", "1/0", "-1/0", "0/0", "1/ffffffff", "f" * 3000 + "/0"),
    *("AAAAAAAA8D8=", "AAAAAAAA+H8=", "AAAAAAAA8D8AAAAAAADwPw==", "\ud800", [], {}, [[]], [1]),
    *("numeric", "category", "bare", "time", "null", "{}", [-1], {"x": 1}),
]


def changed(value: Any, how: str, strange: Any) -> Any:
    if how == "negated" and isinstance(value, (int, float)):
        return -value
    if how == "one more" and isinstance(value, int):
        return value + 1
    if how == "emptied" and isinstance(value, (list, dict, str)):
        return type(value)()
    if how == "shorter" and isinstance(value, (list, str)):
        return value[:-1]
    if how == "twice" and isinstance(value, (list, str)):
        return value + value
    if how == "turned" and isinstance(value, list):
        return value[::-1]
    return strange


HOW = ["negated", "one more", "emptied", "shorter", "twice", "turned", "strange", "dropped"]


def change(found: Any, path: tuple[Any, ...], how: str, strange: Any) -> None:
    *before, last = path
    for key in before:
        found = found[key]
    if how == "dropped":
        del found[last]
    else:
        found[last] = changed(found[last], how, strange)


def test_the_profile_itself_is_usable() -> None:
    assert not refused_or_usable(json.dumps(real().to_dict()))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_profile_that_was_changed_is_refused_or_usable(data: st.DataObject) -> None:
    found = copy.deepcopy(real().to_dict())
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(places(found)))
        how, strange = data.draw(st.sampled_from(HOW)), data.draw(st.sampled_from(STRANGE))
        change(found, path, how, strange)
        if not found:
            break
    refused_or_usable(json.dumps(found))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("rows",), -5),
        (("rows",), 899),
        (("rows",), 900.0),
        (("order",), []),
        (("columns", "lactate", "nulls"), -1),
        (("columns", "lactate", "counts", 0), 10**6),
        (("columns", "lactate", "distinct"), {}),
        (("columns", "lactate", "sums", 0), "-1/0"),
        (("columns", "lactate", "sums", 1), "1/fffffffffff"),
        (("columns", "lactate", "cells"), [[], []]),
        (("columns", "many", "written"), [1]),
        (("columns", "ward", "missing"), 901),
        (("columns", "ward", "others", "total"), 1),
        (("columns", "nested", "obstacle"), None),
        (("grid", "columns", "lactate", "quantiles"), ""),
        (("grid", "columns", "ward", "levels", 0), 7),
        (("moments", "counts"), "AAAAAAAA8D8="),
    ],
)
def test_what_no_table_gives_is_damaged(path: tuple[Any, ...], value: Any) -> None:
    found = copy.deepcopy(real().to_dict())
    change(found, path, "strange", value)
    assert refused_or_usable(json.dumps(found))


@pytest.mark.parametrize(
    "text", ["[" * 300_000, '{"a":' * 300_000, "", "null", "[]", "{}", "7", '"x"', "{", "\ud800"]
)
def test_what_is_no_profile_at_all_is_damaged(text: str) -> None:
    assert refused_or_usable(text)
