"""When a part of a store of profiles begins, and from and until when parts are asked for.

What belongs here: a part's label and an option's text as points of time that can be compared. What
does not: which rows a part has (:mod:`clinical_assets.drift.cutting`), and files
(:mod:`.profile_store`).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from clinical_assets.drift.cutting import NO_TIME, instant
from clinical_assets.errors import ClinicalError
from clinical_assets.visible import visible

_LABEL = re.compile(r"\d{4}-\d{2}-\d{2}(?P<hour> \d{2}:\d{2}(?P<offset>[+-]\d{4})?)?", re.ASCII)
TO = " to "


@dataclass(frozen=True, slots=True)
class Clock:
    """How a store's parts are labelled.

    Points of time are instants in UTC where parts are hours, since a local hour may come twice;
    else days on the wall, without a zone.

    Attributes:
        every: the length of a part, such as ``1d``.
        zone: of the times; empty where they have none.
    """

    every: str
    zone: str

    def begin(self, label: str) -> datetime | None:
        """When the part of this label begins; None for rows without a time.

        Raises:
            ValueError: it is no label of a part of this length.

        >>> Clock("1h", "Europe/Berlin").begin("2026-10-25 02:00+0100").isoformat()
        '2026-10-25T01:00:00+00:00'
        """
        if label.startswith(NO_TIME):
            self.span(label)
            return None
        found = _LABEL.fullmatch(label)
        if not found or bool(found["hour"]) != self._hours:
            raise ValueError(label)
        begin = datetime.fromisoformat(label)
        if not self._hours:
            return begin
        return begin.astimezone(UTC) if begin.tzinfo else begin.replace(tzinfo=UTC)

    def span(self, label: str) -> tuple[datetime, datetime] | None:
        """When the first and the last part begin that such rows without a time came with; None
        where it is not known, as of those that earlier versions kept.

        Raises:
            ValueError: it is no label of rows without a time.

        >>> Clock("1d", "").span("(no time) 2026-01-01 to 2026-01-31")[1].day
        31
        """
        if label == NO_TIME:
            return None
        first, _, last = label.removeprefix(f"{NO_TIME} ").partition(TO)
        ends = self.begin(first), self.begin(last)
        if ends[0] is None or ends[1] is None:
            raise ValueError(label)
        return ends[0], ends[1]

    def told(self, label: str) -> str:
        """A part in words, where it is longer than a day with the last of its days.

        >>> Clock("1w", "").told("2026-01-26")
        '2026-01-26 to 2026-02-01'
        """
        begin = self.begin(label)
        if begin is None or self._hours or self.every == "1d":
            return label
        after = pl.Series([begin], dtype=pl.Datetime("us")).dt.offset_by(self.every).item()
        return f"{label}{TO}{after - timedelta(days=1):%Y-%m-%d}"

    def asked(self, option: str, text: str) -> datetime | None:
        """What an option names; None where it is not given.

        A day is its midnight in the store's zone, and so is an hour without an offset an hour
        there; the first where it comes twice.

        Raises:
            ClinicalError: it is no time, or an hour where parts are days or longer, or has an
                offset where the times have no zone.
        """
        if not text:
            return None
        found = _LABEL.fullmatch(text)
        try:
            wall = datetime.fromisoformat(text) if found else None
            if not found or wall is None:
                raise ValueError
            if found["hour"] and not self._hours:
                raise ClinicalError(
                    f"An hour is asked for, and the store's parts are of {self.every}",
                    where=option,
                    repair=f"Give the day alone, {text[:10]}; the part that begins then is whole",
                )
            if found["offset"] and not self.zone:
                raise ClinicalError(
                    "It has an offset, and the store's times have no zone",
                    where=option,
                    repair=f"Leave the offset out, as {text[:16]}",
                )
            if not self._hours:
                return wall
            return wall.astimezone(UTC) if wall.tzinfo else instant(wall, self.zone)
        except (ValueError, OverflowError):
            form = "2026-01-31 08:00" if self._hours else "2026-01-31"
            raise ClinicalError(
                f"{visible(text)!r} is no day", where=option, repair=f"Write one that is, as {form}"
            ) from None

    @property
    def _hours(self) -> bool:
        return self.every.endswith("h")
