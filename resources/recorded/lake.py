"""The lake as everyone but its own tests gets it: every read and write is in the ledger.

What belongs here: which entries a read and a write make (HIP-06: reads of data are recorded, not
only writes). What does not: how tables are kept (:mod:`resources.delta.lake`).
"""

from collections.abc import Mapping
from typing import Literal

import polars as pl

from clinical_assets.ledger.actions import Rows
from clinical_assets.ledger.entry import Entry, Subject
from resources.actors import present_purpose
from resources.delta.lake import Lake
from resources.delta.log import TableVersion
from resources.ledger import Ledger
from resources.reconciling import Found

ACT = "act"  # in the note of a commit: name of the act in the ledger that made it


class RecordedLake(Lake):
    """A :class:`~resources.delta.lake.Lake` whose reads and writes are acts in ``ledger``."""

    def __init__(self, url: str, options: Mapping[str, str] | None, ledger: Ledger) -> None:
        super().__init__(url, options)
        self._ledger = ledger

    def read(self, table: str, pin: TableVersion | None = None) -> pl.DataFrame:
        """As the lake's; recorded before the rows are handed out."""
        pin = pin or self.latest(table)
        frame = super().read(table, pin)
        if pin is not None:
            self._was_read(pin, tuple(frame.columns))
        return frame

    def files(self, pin: TableVersion) -> list[str]:
        """As the lake's; recorded before the paths are handed out, as a read of every column."""
        found = super().files(pin)
        self._was_read(pin, ())
        return found

    def _add(
        self,
        mode: Literal["write", "append"],
        table: str,
        frame: pl.DataFrame,
        note: Mapping[str, str],
    ) -> TableVersion:
        details = Rows(frame.height, tuple(frame.columns), present_purpose())
        with self._ledger.doing("table.written", Subject("table", table), details) as doing:
            pin = super()._add(mode, table, frame, {**note, ACT: doing.act})
            doing.subject = Subject("table", table, str(pin.version), pin.sha256)
        return pin

    def _was_read(self, pin: TableVersion, columns: tuple[str, ...]) -> None:
        self._ledger.record(
            "table.read",
            Subject("table", pin.table, str(pin.version), pin.sha256),
            Rows(pin.rows, columns, present_purpose()),
        )


def probe_table(lake: Lake, entry: Entry) -> Found:
    """Whether a write that was interrupted committed a version."""
    commits = lake.history(entry.act.subject.id)
    made = any(commit.record.note.get(ACT) == entry.act.act for commit in commits)
    return "found" if made else "absent"
