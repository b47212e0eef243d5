"""The terminal's time zone: by its name where there is one, else by its offset."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clinical_assets.evidence.signatures import local_time
from resources.terminal_zone import local_zone

WINTER, SUMMER = datetime(2026, 1, 15, 12, tzinfo=UTC), datetime(2026, 7, 15, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("named", "winter", "summer"),
    [
        ("Europe/Berlin", "Europe/Berlin", "Europe/Berlin"),
        (":America/St_Johns", "America/St_Johns", "America/St_Johns"),
        ("UTC", "UTC", "UTC"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "+01:00", "+02:00"),  # POSIX's way, which names no zone
        ("NST3:30", "-03:30", "-03:30"),
        ("Rubbish/Nowhere", "+00:00", "+00:00"),
        ("../../etc/passwd", "+00:00", "+00:00"),
        ("/etc/localtime", "+00:00", "+00:00"),
        (":", "UTC", "UTC"),
    ],
)
def test_a_zone_that_is_set(
    named: str, winter: str, summer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", named)
    monkeypatch.setattr(Path, "is_symlink", lambda _: False)
    time.tzset()
    if named == ":":
        winter = summer = "+00:00"
    assert (local_zone(WINTER), local_zone(SUMMER)) == (winter, summer)
    assert local_time(SUMMER, local_zone(SUMMER))  # what signing makes of it


@pytest.mark.parametrize(
    ("linked", "zone"),
    [
        ("/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo"),
        ("/usr/share/zoneinfo/Nowhere/Land", "+00:00"),
        ("/somewhere/else", "+00:00"),
    ],
)
def test_without_one_the_systems_is_taken(
    linked: str, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC0")
    time.tzset()
    monkeypatch.delenv("TZ")
    monkeypatch.setattr(Path, "is_symlink", lambda _: True)
    monkeypatch.setattr(Path, "resolve", lambda _: Path(linked))
    assert local_zone(WINTER) == zone
    assert local_zone()
