"""What became of an act in Dagster that was intended and has no outcome: asked of the instance.

What belongs here: for the acts of :mod:`.run_storage`, :mod:`.event_log` and
:mod:`.schedule_storage`, telling from Dagster's tables whether the change is there. What
does not: finding such acts and recording the answer. An act without a probe cannot be told.
"""

from collections.abc import Callable
from typing import Literal

from dagster import AssetKey, DagsterInstance

from clinical_assets.ledger.entry import Entry

Found = Literal["found", "absent", "cannot be told"]


ACTIONS = (
    "run.requested",
    "run.deleted",
    "run.events_deleted",
    "asset.wiped",
    "backfill.requested",
    "automation.switched",
)
"""Acts whose outcome Dagster's instance can tell."""


def dagster_probes(instance: DagsterInstance) -> dict[str, Callable[[Entry], Found]]:
    """By action, what tells whether the change that an entry intended is there."""

    def requested(entry: Entry) -> Found:
        return _found(instance.has_run(entry.act.subject.id))

    def deleted(entry: Entry) -> Found:
        return _found(not instance.has_run(entry.act.subject.id))

    def events_deleted(entry: Entry) -> Found:
        return _found(not instance.all_logs(entry.act.subject.id))

    def wiped(entry: Entry) -> Found:
        key = AssetKey.from_user_string(entry.act.subject.id)
        newest = instance.get_latest_materialization_event(key)
        if newest is None:
            return "found"
        return "absent" if newest.timestamp < entry.at.timestamp() else "cannot be told"

    def backfill(entry: Entry) -> Found:
        return _found(instance.get_backfill(entry.act.subject.id) is not None)

    def switched(entry: Entry) -> Found:
        subject, change = entry.act.subject, entry.act.details
        states = [
            state
            for state in instance.all_instigator_state()
            if state.instigator_name == subject.id
            and state.instigator_type.value.lower() == subject.kind
        ]
        if len(states) != 1:  # of several code locations, or forgotten
            return "cannot be told"
        return _found(states[0].status.value == change.after)

    return {
        "run.requested": requested,
        "run.deleted": deleted,
        "run.events_deleted": events_deleted,
        "asset.wiped": wiped,
        "backfill.requested": backfill,
        "automation.switched": switched,
    }


def _found(there: bool) -> Found:
    return "found" if there else "absent"
