"""Holds the forms of an export against its entries: each is written again and compared.

What belongs here: comparing, in constant memory, and naming the first entry that a form shows
otherwise. A manifest's digest of a report proves nothing by itself, because whoever edits the
report writes the digest anew; the entries are under a signature.
"""

from collections.abc import Sequence
from typing import BinaryIO

from clinical_assets.ledger.exports.record import About, Form, Record
from clinical_assets.ledger.verification import Problem


class View:
    """One form in the course of being compared."""

    def __init__(self, form: Form, file: BinaryIO) -> None:
        self._form, self._file = form, file
        self.problem: Problem | None = None

    def begin(self, about: About) -> None:
        """Compares what stands before the first entry."""
        self._compare(self._form.begin(about), None, "departs before its first entry")

    def entry(self, about: About, record: Record) -> None:
        """Compares one entry."""
        if self.problem is None:
            seq = record.entry["seq"]
            self._compare(self._form.entry(about, record), seq, "does not show it as it is")

    def end(self, about: About, count: int) -> None:
        """Compares what stands after the last entry, and that nothing follows."""
        self._compare(self._form.end(about, count), None, "departs after its last entry")
        if self.problem is None and self._file.read(1):
            self.problem = Problem(None, f"{self._form.file} goes on after its end")

    @property
    def name(self) -> str:
        """The file's name."""
        return self._form.file

    def _compare(self, expected: str, seq: int | None, what: str) -> None:
        if self.problem is None:
            data = expected.encode()
            if self._file.read(len(data)) != data:
                self.problem = Problem(seq, f"{self._form.file} {what}")


class Views:
    """All forms of an export, compared entry by entry."""

    def __init__(self, about: About, views: Sequence[View]) -> None:
        self._about, self._views = about, views
        self._count = 0
        for view in views:
            view.begin(about)

    def entry(self, record: Record) -> None:
        """Compares one entry in every form."""
        self._count += 1
        for view in self._views:
            view.entry(self._about, record)

    def end(self) -> None:
        """Compares the ends."""
        for view in self._views:
            view.end(self._about, self._count)

    @property
    def problems(self) -> list[Problem]:
        """The first problem of each form that has one."""
        return [view.problem for view in self._views if view.problem]

    @property
    def equal(self) -> tuple[str, ...]:
        """Names of the files without a problem."""
        return tuple(view.name for view in self._views if not view.problem)
