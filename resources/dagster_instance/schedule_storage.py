"""Dagster's schedules and sensors, with every switch in the ledger before it.

What belongs here: the methods through which a process switches, resets or forgets a schedule or
sensor. What does not: ticks, which change nothing by themselves; the runs that they ask for are
told by :mod:`.run_storage`.
"""

from contextlib import ExitStack
from typing import Any

from dagster._core.scheduler.instigation import InstigatorState, SensorInstigatorData
from dagster._core.storage.schedules.sql_schedule_storage import SqlScheduleStorage
from dagster._core.storage.schedules.sqlite import SqliteScheduleStorage
from dagster._serdes import ConfigurableClassData

from clinical_assets.ledger.actions import Change, Counted, Nothing
from clinical_assets.ledger.entry import Subject
from resources.dagster_instance.writing import (
    LedgerPlace,
    LedgerWriting,
    with_ledger,
    without_ledger,
)

_FORGOTTEN = "FORGOTTEN"


class LedgerSwitches(LedgerWriting, SqlScheduleStorage):
    """The acts of a register of schedules and sensors, over any of Dagster's SQL storages."""

    def add_instigator_state(self, state: InstigatorState) -> InstigatorState:
        """Stores the first state of a schedule or sensor."""
        subject, change = _subject(state), Change("status", "", state.status.value)
        with ExitStack() as doing:
            doing.enter_context(self._doing("automation.switched", subject, change))
            if isinstance(state.instigator_data, SensorInstigatorData) and (
                state.instigator_data.cursor
            ):
                doing.enter_context(self._doing("automation.cursor_set", subject, Nothing()))
            return super().add_instigator_state(state)

    def update_instigator_state(self, state: InstigatorState) -> InstigatorState:
        """Stores a state: after each tick, which is no act, or because somebody changed it."""
        before = self.get_instigator_state(state.instigator_origin_id, state.selector_id)
        if before is not None and before.status != state.status:
            change = Change("status", before.status.value, state.status.value)
            with self._doing("automation.switched", _subject(state), change):
                return super().update_instigator_state(state)
        if before is not None and _was_told_where(before, state):
            with self._doing("automation.cursor_set", _subject(state), Nothing()):
                return super().update_instigator_state(state)
        return super().update_instigator_state(state)

    def delete_instigator_state(self, origin_id: str, selector_id: str) -> None:
        """Forgets the state of a schedule or sensor."""
        before = self.get_instigator_state(origin_id, selector_id)
        subject = _subject(before) if before else Subject("automation", selector_id)
        change = Change("status", before.status.value if before else "", _FORGOTTEN)
        with self._doing("automation.switched", subject, change):
            super().delete_instigator_state(origin_id, selector_id)

    def wipe(self) -> None:
        """Forgets every schedule and sensor and their ticks."""
        count = Counted(len(self.all_instigator_state()))
        with self._doing("history.wiped", Subject("dagster", "switches"), count):
            super().wipe()

    def upgrade(self) -> None:
        """Brings the tables to the layout of this version of Dagster."""
        with self._doing("history.migrated", Subject("dagster", "switches"), Nothing()):
            super().upgrade()  # type: ignore[safe-super]  # the database's own


def _subject(state: InstigatorState) -> Subject:
    return Subject(state.instigator_type.value.lower(), state.instigator_name)


def _was_told_where(before: InstigatorState, after: InstigatorState) -> bool:
    """Whether a cursor moved without a tick: by UI or CLI."""
    old, new = before.instigator_data, after.instigator_data
    return (
        isinstance(new, SensorInstigatorData)
        and (old is None or isinstance(old, SensorInstigatorData))
        and (old.cursor if old else None) != new.cursor
        and (old.last_tick_timestamp if old else None) == new.last_tick_timestamp
    )


class LedgerSqliteScheduleStorage(LedgerSwitches, SqliteScheduleStorage):
    """Dagster's schedules and sensors on SQLite, with the ledger before them."""

    @classmethod
    def config_type(cls) -> Any:
        """The stock storage's, and where the ledger is."""
        return with_ledger(SqliteScheduleStorage.config_type())

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "LedgerSqliteScheduleStorage":
        """As Dagster makes it from ``dagster.yaml``."""
        made = cls.from_local(**without_ledger(config_value), inst_data=inst_data)
        assert isinstance(made, LedgerSqliteScheduleStorage)
        made.writing_to(LedgerPlace.of_config(config_value))
        return made
