"""Dagster's events, runs and backfills, in the ledger's words.

What belongs here: which of Dagster's events are acts, and what the ledger says of each. What does
not: storing (:mod:`.event_log`) and who acted. Only names, counts and digests are taken:
metadata values, descriptions, error messages, tag values and configurations stay in Dagster,
because any of them may quote a patient's value (HIP-06, design trap 5). Every kind of event is
either in :data:`ACTS` or in :data:`NOT_ACTS`; a test fails when Dagster adds one.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster import AssetCheckSeverity, AssetKey, DagsterEventType, DagsterRun, EventLogEntry
from dagster._core.definitions.data_version import extract_data_version_from_entry
from dagster._core.events import DagsterEvent
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.storage import tags as known_tags
from dagster_shared.error import SerializableErrorInfo

from clinical_assets.keys import JUDGED, SHA256
from clinical_assets.ledger.actions import Decision, Failing, Launch, Nothing, Undecided
from clinical_assets.ledger.entry import Origin, Outcome, Subject

_DIGEST = re.compile(r"[0-9a-f]{64}")
_RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CLASS = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,99}")
_ASKERS = {
    known_tags.SENSOR_NAME_TAG: "sensor",
    known_tags.SCHEDULE_NAME_TAG: "schedule",
    known_tags.AUTOMATION_CONDITION_TAG: "automation",
    known_tags.AUTO_MATERIALIZE_TAG: "automation",
    known_tags.BACKFILL_ID_TAG: "backfill",
}


@dataclass(frozen=True, slots=True)
class Told:
    """An act as Dagster tells of it; the ledger adds who, when and with which software."""

    action: str
    subject: Subject
    details: Any
    origin: Origin
    outcome: Outcome = "done"


@dataclass(frozen=True, slots=True)
class Unmade:
    """What a step was to make and had not made when it failed: an asset, or a gate of one."""

    asset: str
    gate: str = ""
    partition: str = ""


Unmadeness = Callable[[str, str], Sequence[Unmade]]


def told_by(entry: EventLogEntry, unmade: Unmadeness) -> list[Told]:
    """The acts that an event tells of; none where it is the engine's own noise.

    Args:
        unmade: what step ``(run id, step key)`` was to make and has not made.
    """
    event = entry.dagster_event
    if event is None or event.event_type not in ACTS:
        return []
    return list(ACTS[event.event_type](event, entry, unmade))


def _run(action: str) -> "_Teller":
    def tell(_event: DagsterEvent, entry: EventLogEntry, _unmade: Unmadeness) -> Iterator[Told]:
        yield Told(action, Subject("run", entry.run_id), Nothing(), Origin(entry.run_id))

    return tell


def _run_failed(event: DagsterEvent, entry: EventLogEntry, _unmade: Unmadeness) -> Iterator[Told]:
    data = event.job_failure_data if event.event_specific_data else None
    first = data.first_step_failure_event if data else None
    error = (data.error if data else None) or (first.step_failure_data.error if first else None)
    reason = data.failure_reason.value if data and data.failure_reason else ""
    kind = Failing(_kind(error) or reason)
    yield Told("run.failed", Subject("run", entry.run_id), kind, Origin(entry.run_id), "failed")


def _materialized(event: DagsterEvent, entry: EventLogEntry, _: Unmadeness) -> Iterator[Told]:
    made = event.step_materialization_data.materialization
    yield _about_asset("asset.materialized", entry, made.asset_key, made.metadata, made.partition)


def _observed(event: DagsterEvent, entry: EventLogEntry, _: Unmadeness) -> Iterator[Told]:
    seen = event.asset_observation_data.asset_observation
    yield _about_asset("asset.observed", entry, seen.asset_key, seen.metadata, seen.partition)


def _about_asset(
    action: str,
    entry: EventLogEntry,
    key: AssetKey,
    metadata: Mapping[str, Any],
    partition: str | None,
) -> Told:
    version = extract_data_version_from_entry(entry)
    subject = Subject(
        "asset",
        key.to_user_string(),
        version=_digest(version.value if version else None),
        sha256=_digest(_value(metadata, SHA256)),
    )
    return Told(action, subject, Nothing(), _origin(entry, subject.id, partition))


def _decided(event: DagsterEvent, entry: EventLogEntry, _unmade: Unmadeness) -> Iterator[Told]:
    found = event.asset_check_evaluation_data
    asset = found.asset_key.to_user_string()
    blocking = bool(found.blocking) and found.severity == AssetCheckSeverity.ERROR
    yield Told(
        "gate.decided",
        Subject("asset", asset, sha256=_digest(_value(found.metadata, JUDGED))),
        Decision(found.check_name, found.passed, blocking),
        _origin(entry, asset, found.partition),
    )


def _step_failed(event: DagsterEvent, entry: EventLogEntry, unmade: Unmadeness) -> Iterator[Told]:
    retried = event.event_type == DagsterEventType.STEP_UP_FOR_RETRY
    data = event.step_retry_data if retried else event.step_failure_data
    kind, step = _kind(data.error), event.step_key or ""
    lost = unmade(entry.run_id, step)
    for one in lost:
        origin = _origin(entry, one.asset, one.partition)
        subject = Subject("asset", one.asset)
        if one.gate:
            yield Told("gate.undecided", subject, Undecided(one.gate, kind), origin, "failed")
        else:
            yield Told("asset.failed", subject, Failing(kind), origin, "failed")
    if not lost:
        origin = Origin(entry.run_id)
        yield Told("step.failed", Subject("step", step), Failing(kind), origin, "failed")


_Teller = Callable[[DagsterEvent, EventLogEntry, Unmadeness], Iterator[Told]]
ACTS: dict[DagsterEventType, _Teller] = {
    DagsterEventType.RUN_START: _run("run.started"),
    DagsterEventType.RUN_SUCCESS: _run("run.succeeded"),
    DagsterEventType.RUN_FAILURE: _run_failed,
    DagsterEventType.RUN_CANCELING: _run("run.cancel_requested"),
    DagsterEventType.RUN_CANCELED: _run("run.cancelled"),
    DagsterEventType.STEP_FAILURE: _step_failed,
    DagsterEventType.STEP_UP_FOR_RETRY: _step_failed,
    DagsterEventType.ASSET_MATERIALIZATION: _materialized,
    DagsterEventType.ASSET_OBSERVATION: _observed,
    DagsterEventType.ASSET_CHECK_EVALUATION: _decided,
}

# Plans, progress and marks of the engine, and what another entry has told already.
NOT_ACTS = frozenset(
    {
        DagsterEventType.RUN_ENQUEUED,  # as is all of the queue: the run was asked for before
        DagsterEventType.RUN_DEQUEUED,
        DagsterEventType.RUN_STARTING,
        DagsterEventType.RUN_SUSPENDED,
        DagsterEventType.RUN_RESUMED,
        DagsterEventType.STEP_INPUT,
        DagsterEventType.STEP_OUTPUT,
        DagsterEventType.STEP_START,
        DagsterEventType.STEP_SUCCESS,
        DagsterEventType.STEP_SKIPPED,
        DagsterEventType.STEP_RESTARTED,
        DagsterEventType.STEP_WORKER_STARTING,
        DagsterEventType.STEP_WORKER_STARTED,
        DagsterEventType.STEP_EXPECTATION_RESULT,
        DagsterEventType.RESOURCE_INIT_STARTED,
        DagsterEventType.RESOURCE_INIT_SUCCESS,
        DagsterEventType.RESOURCE_INIT_FAILURE,  # fails its step, which is told
        DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
        DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
        DagsterEventType.ASSET_FAILED_TO_MATERIALIZE,  # never stored; told by the step's failure
        DagsterEventType.ASSET_WIPED,  # told before, by the wipe
        DagsterEventType.ASSET_HEALTH_CHANGED,
        DagsterEventType.FRESHNESS_STATE_EVALUATION,
        DagsterEventType.FRESHNESS_STATE_CHANGE,
        DagsterEventType.OBJECT_STORE_OPERATION,
        DagsterEventType.ASSET_STORE_OPERATION,
        DagsterEventType.LOADED_INPUT,
        DagsterEventType.HANDLED_OUTPUT,
        DagsterEventType.ENGINE_EVENT,
        DagsterEventType.HOOK_COMPLETED,
        DagsterEventType.HOOK_ERRORED,
        DagsterEventType.HOOK_SKIPPED,
        DagsterEventType.ALERT_START,
        DagsterEventType.ALERT_SUCCESS,
        DagsterEventType.ALERT_FAILURE,
        DagsterEventType.LOGS_CAPTURED,
        DagsterEventType.CODE_LOCATION_UPDATED,
    }
)


def launch_of_run(run: DagsterRun) -> Launch:
    """What a run was asked to do."""
    asked_by = "re-execution" if run.parent_run_id else _asker(run.tags)
    return Launch(
        job=run.job_name,
        assets=_names(run.asset_selection),
        gates=tuple(
            sorted(
                f"{key.asset_key.to_user_string()}:{key.name}"
                for key in run.asset_check_selection or ()
            )
        ),
        asked_by=asked_by,
        parent=_run_id(run.parent_run_id),
        config_sha256=_config_digest(run.run_config),
    )


def launch_of_backfill(backfill: PartitionBackfill) -> Launch:
    """What a backfill was asked to do."""
    data = backfill.asset_backfill_data
    if data is not None:
        partitions = data.target_subset.num_partitions_and_non_partitioned_assets
        assets = _names(data.target_subset.asset_keys)
    else:
        partitions = len(backfill.partition_names or ())
        assets = _names(backfill.asset_selection)
    return Launch(
        job=backfill.job_name or "",
        assets=assets,
        partitions=partitions,
        asked_by=_asker({k: v for k, v in backfill.tags.items() if k in _ASKERS}),
        config_sha256=_config_digest(backfill.run_config),
    )


def _asker(tags: Mapping[str, str]) -> str:
    """By the names of Dagster's own tags; their values are anybody's."""
    return next((word for tag, word in _ASKERS.items() if tag in tags), "")


def _config_digest(config: Mapping[str, Any] | None) -> str:
    if not config:
        return ""
    text = json.dumps(config, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _names(keys: Any) -> tuple[str, ...]:
    return tuple(sorted(key.to_user_string() for key in keys or ()))


def _origin(entry: EventLogEntry, asset: str, partition: str | None) -> Origin:
    return Origin(entry.run_id, asset, str(partition or ""))


def _value(metadata: Mapping[str, Any], name: str) -> Any:
    found = metadata.get(name)
    return None if found is None else found.value


def _digest(value: Any) -> str:
    """A SHA-256 and nothing else: what is called a version may hold anything."""
    return value if isinstance(value, str) and _DIGEST.fullmatch(value) else ""


def _run_id(value: str | None) -> str:
    """A run's id and nothing else: a client says what it likes."""
    return value if value and _RUN_ID.fullmatch(value) else ""


def _kind(error: SerializableErrorInfo | None) -> str:
    """The class of the innermost error; Dagster wraps what user code raises."""
    while error is not None and error.cause is not None:
        error = error.cause
    name = error.cls_name if error is not None else None
    return name if name and _CLASS.fullmatch(name) else ""
