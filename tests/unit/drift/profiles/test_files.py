"""Profiles as files: every version stays readable, everything else is refused in words."""

import hashlib
import json
import math
from pathlib import Path

import polars as pl
import pytest

from clinical_assets.drift import Profile, profile
from clinical_assets.drift.profiles.files import MAGIC
from clinical_assets.errors import ClinicalError

GOLDEN = Path(__file__).parents[3] / "golden" / "profile-v1"


def table() -> pl.DataFrame:
    """What the golden file was made from; never to be changed."""
    return pl.DataFrame(
        {
            "lactate": [1.1, 0.9, 2.5, None, 14.0, math.nan, math.inf, -0.0],
            "ward": ["icu", "icu", "ward", None, "icu", "ward", "icu", "éß"],
            "flag": [True, False, None, True, True, True, False, True],
            "day": pl.Series([0, 1, 2, 3, None, 20_000, 5, -9]).cast(pl.Date),
            "nothing": [None] * 8,
            "nested": [[1]] * 8,
        }
    )


def test_the_first_version_stays_readable() -> None:
    found = Profile.from_bytes((GOLDEN / "reference.profile").read_bytes())
    assert found == profile(table())
    other = Profile.from_bytes((GOLDEN / "current.profile").read_bytes())
    assert other == profile(table()[3:].with_columns(ward=pl.lit("new")), found)
    assert other["ward"].new_levels == {"new": 5}
    # The content, not its compression, is the format.
    text = json.dumps(found.to_dict(), sort_keys=True, separators=(",", ":"))
    expected = (GOLDEN / "reference.sha256").read_text().strip()
    assert hashlib.sha256(text.encode()).hexdigest() == expected


def test_damage_and_newer_versions_are_refused() -> None:
    data = (GOLDEN / "reference.profile").read_bytes()
    head, _, body = data.partition(b"\n")
    junk = b"junk"
    forged = MAGIC + b"1 " + hashlib.sha256(junk).hexdigest().encode() + b"\n" + junk
    for bad in (data[:-1], data[:60], data + b"x", MAGIC, head, data[:200] + b"\0" + data[201:]):
        with pytest.raises(ClinicalError, match="damaged or cut short"):
            Profile.from_bytes(bad)
    with pytest.raises(ClinicalError, match="damaged or cut short"):
        Profile.from_bytes(forged)
    with pytest.raises(ClinicalError, match="no profile"):
        Profile.from_bytes(b"PAR1")
    newer = head.replace(b"profile 1", b"profile 2") + b"\n" + body
    with pytest.raises(ClinicalError, match="of format 2, this program reads up to 1"):
        Profile.from_bytes(newer)
