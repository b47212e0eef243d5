"""The time zone of the terminal at which somebody signs."""

from datetime import UTC, datetime


def local_zone(now: datetime | None = None) -> str:
    """The terminal's time zone: its IANA name where the system tells, else the offset."""
    import os
    from pathlib import Path

    named = os.environ.get("TZ", "").removeprefix(":")
    link = Path("/etc/localtime")
    if not named and link.is_symlink():
        named = str(link.resolve()).partition("zoneinfo/")[2]
    if named and _is_known(named):
        return named
    offset = (now or datetime.now(UTC)).astimezone().strftime("%z")
    return f"{offset[:3]}:{offset[3:5]}"


def _is_known(name: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True
