"""What the ledger-writing storages of Dagster share: their ledger, and how an act is put before it.

What belongs here: where the ledger of a Dagster instance is, and its configuration. What does not:
which methods are acts (:mod:`.event_log`, :mod:`.run_storage`,
:mod:`.schedule_storage`).

The storages are made by every process of an instance: commands, web server, daemon, code servers
and run workers. Which ledger they write is said in ``dagster.yaml``, which all of them read, or,
where it says nothing, by the ``CLINICAL_…`` variables. The ledger is opened at the first act.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster import Field, Noneable, StringSource

from clinical_assets.ledger.entry import Act, Origin, Subject
from resources.actors import at_origin
from resources.dagster_instance.acts import Told
from resources.ledger import Ledger, open_ledger_at
from resources.settings import Settings

_FIELD = {
    "ledger": Field(
        Noneable({"url": StringSource, "keys": StringSource, "folder": StringSource}),
        is_required=False,
        default_value=None,
        description="The ledger's database, keys and folder; by default those of CLINICAL_…",
    )
}


@dataclass(frozen=True, slots=True)
class LedgerPlace:
    """Where a ledger is: its database, the folder of keys, what it keeps on this machine."""

    url: str
    keys: Path
    folder: Path

    @classmethod
    def of_settings(cls, settings: Settings) -> "LedgerPlace":
        """The ledger of an installation."""
        return cls(settings.ledger_url, settings.keys, settings.ledger_folder)

    @classmethod
    def of_config(cls, config: Mapping[str, Any]) -> "LedgerPlace | None":
        """As ``dagster.yaml`` names it; None where it leaves it to the variables."""
        named = config.get("ledger")
        if named is None:
            return None
        return cls(named["url"], Path(named["keys"]), Path(named["folder"]))

    def open(self) -> Ledger:
        """The ledger; one in each process."""
        return open_ledger_at(self.url, self.keys, self.folder)


class LedgerWriting:
    """A storage that writes what is done to it into a ledger, before it is done."""

    _place: LedgerPlace | None = None

    def writing_to(self, place: LedgerPlace | None) -> None:
        """From now on acts go into the ledger at ``place``; None is that of the variables."""
        self._place = place

    @property
    def ledger_place(self) -> LedgerPlace:
        """Where the ledger is that this storage writes.

        Raises:
            ClinicalError: it is left to the variables, and these cannot be used.
        """
        if self._place is None:
            self._place = LedgerPlace.of_settings(Settings.load())
        return self._place

    def _tell(self, told: Sequence[Told]) -> None:
        """Writes down what happened, in one append; nothing for nothing.

        Raises:
            ClinicalError: it cannot be written, so it must not become visible.
        """
        if told:
            ledger = self.ledger_place.open()
            ledger.store.append([_act(ledger, one) for one in told])

    @contextmanager
    def _doing(
        self, action: str, subject: Subject, details: Any, *, run: str = "", asset: str = ""
    ) -> Iterator[None]:
        """Writes down that something is intended, and afterwards what became of it.

        Raises:
            ClinicalError: it cannot be written; then the block is not entered.
        """
        with (
            at_origin(Origin(run, asset)),
            self.ledger_place.open().doing(action, subject, details),
        ):
            yield


def _act(ledger: Ledger, told: Told) -> Act:
    return ledger.act(
        told.action, told.subject, told.details, outcome=told.outcome, origin=told.origin
    )


def with_ledger(config_type: Any) -> Any:
    """A stock storage's configuration, and where the ledger is."""
    return {**config_type, **_FIELD}


def without_ledger(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of the stock storage."""
    return {name: value for name, value in config.items() if name != "ledger"}
