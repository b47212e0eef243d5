"""One run of a model's release job in this process, watched step by step.

Used by ``clinical demo``; what is shown is the command's business.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from dagster import DagsterEventType, DagsterInstance, Definitions, EventLogEntry

from clinical_assets.automation import release_job_name, run_outcome
from clinical_assets.canonical import from_plain
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.release import GateEvidence
from clinical_assets.keys import ModelKeys, gate_keys
from clinical_assets.modelling.records import Evaluation
from resources.evidence import EvidenceReader
from resources.io_manager import SNAPSHOT
from resources.registry import Registry
from resources.snapshot_store import SnapshotStore

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True, slots=True)
class StepUpdate:
    """A step began (``seconds`` is None) or ended."""

    name: str
    seconds: float | None
    succeeded: bool


@dataclass
class RunReport:
    """What a run did.

    Attributes:
        failure: words of the first error, empty where the release was made.
        step_seconds: time within each step, by name.
        metadata: of each materialized asset, by asset name.
        evaluation: what was measured on the test set; None if the run did not come that far.
    """

    model: str
    succeeded: bool
    failure: str
    seconds: float
    gates: tuple[GateEvidence, ...]
    step_seconds: dict[str, float] = field(default_factory=dict)
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    evaluation: Evaluation | None = None


def run_release(
    definitions: Definitions,
    model: str,
    instance: DagsterInstance,
    registry: Registry,
    snapshots: SnapshotStore,
    watch: Callable[[StepUpdate], None],
) -> RunReport:
    """Runs every asset and gate of ``model`` in this process.

    Args:
        watch: called when a step begins and when it ends.
    """
    began = time.perf_counter()
    run_id = str(uuid4())
    watcher = _Watcher(watch)
    instance.add_event_listener(run_id, watcher)
    job = definitions.resolve_job_def(release_job_name(model))
    result = job.execute_in_process(
        instance=instance, run_id=run_id, raise_on_error=False, run_config=_QUIET
    )
    registry.settle(run_outcome(instance))
    gates = EvidenceReader(instance).gates(gate_keys(model))
    seconds = time.perf_counter() - began
    report = RunReport(model, result.success, watcher.failure, seconds, gates)
    report.step_seconds = watcher.step_seconds
    for key in ModelKeys(model).all():
        events = result.asset_materializations_for_node(key.to_python_identifier())
        if events:
            report.metadata[key.path[-1]] = {
                name: value.value for name, value in events[-1].metadata.items()
            }
    if "evaluation" in report.metadata:
        stored = snapshots.get(str(report.metadata["evaluation"][SNAPSHOT]))
        report.evaluation = from_plain(Evaluation, json.loads(stored))
    refused = [gate for gate in gates if gate.passed is False and gate.current]
    if refused and not result.success:
        report.failure = " ".join(f"Gate {g.gate} refused: {g.summary}" for g in refused)
    return report


class _Watcher:
    def __init__(self, watch: Callable[[StepUpdate], None]) -> None:
        self._watch = watch
        self._began: dict[str, float] = {}
        self.step_seconds: dict[str, float] = {}
        self.failure = ""

    def __call__(self, entry: EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None or event.step_key is None:
            return
        name = event.step_key
        if event.event_type == DagsterEventType.STEP_START:
            self._began[name] = entry.timestamp
            self._watch(StepUpdate(name, None, True))
        elif event.event_type in (DagsterEventType.STEP_SUCCESS, DagsterEventType.STEP_FAILURE):
            seconds = entry.timestamp - self._began.get(name, entry.timestamp)
            self.step_seconds[name] = seconds
            failed = event.event_type == DagsterEventType.STEP_FAILURE
            if failed and not self.failure:
                self.failure = _words(event.step_failure_data)
            self._watch(StepUpdate(name, seconds, not failed))


def _words(data: Any) -> str:
    """The message of the innermost error that a person can act on, without its traceback."""
    error = data.error
    if data.user_failure_data is not None and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    while error is not None and error.cause is not None:
        error = error.cause
    if error is None:
        return "the step failed without a message"
    message = str(error.message).strip()
    prefix = f"{ClinicalError.__module__}.{ClinicalError.__name__}: "
    return message.removeprefix(prefix)
