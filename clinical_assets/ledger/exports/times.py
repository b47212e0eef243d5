"""Times of entries as other formats write them."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(at: str) -> int:
    """Whole milliseconds since 1970 of an entry's time; what is finer is dropped.

    >>> milliseconds("1970-01-01T00:00:01.002999Z")
    1002
    """
    return (datetime.fromisoformat(at) - _EPOCH) // timedelta(milliseconds=1)
