"""Runs of a model's jobs: one in this process, watched step by step, and failed ones.

Used by ``clinical demo`` and ``clinical history``; what is shown is the command's business. A run
that was killed left its lock free: the next one marks it as failed, which Dagster cannot know of a
process that it did not start.
"""

import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from dagster import (
    AssetCheckSeverity,
    DagsterEventType,
    DagsterExecutionInterruptedError,
    DagsterInstance,
    DagsterRunStatus,
    Definitions,
    EventLogEntry,
    RunsFilter,
)

from clinical_assets.automation import candidate_job_name, release_job_name, run_outcome
from clinical_assets.canonical import from_plain
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.release import GateEvidence
from clinical_assets.evidence.stage_state import SignatureRecord
from clinical_assets.fault_words import words
from clinical_assets.keys import SNAPSHOT, ModelKeys, gate_keys
from clinical_assets.modelling.records import Evaluation
from resources.evidence import EvidenceReader
from resources.locks import held, is_held
from resources.mlflow_registry import Registry
from resources.snapshot_store import SnapshotStore

_STARTING_SECONDS = 60
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
        failure: words of the first error, empty where the run succeeded.
        step_seconds: time within each step, by name.
        metadata: of each materialized asset, by asset name.
        evaluation: what was measured on the test set; None if the run did not come that far.
        signatures: the valid ones on the version, where it was signed.
    """

    model: str
    succeeded: bool
    failure: str
    seconds: float
    gates: tuple[GateEvidence, ...]
    step_seconds: dict[str, float] = field(default_factory=dict)
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    evaluation: Evaluation | None = None
    signatures: tuple[SignatureRecord, ...] = ()

    def followed_by(
        self, release: "RunReport", signatures: tuple[SignatureRecord, ...]
    ) -> "RunReport":
        """The report of both, where a candidate was signed and its release run."""
        return replace(
            self,
            succeeded=release.succeeded,
            failure=release.failure,
            seconds=self.seconds + release.seconds,
            gates=release.gates,
            step_seconds={**self.step_seconds, **release.step_seconds},
            metadata={**self.metadata, **release.metadata},
            signatures=signatures,
        )


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs jobs in this process, one of a model at a time.

    Attributes:
        watch: called when a step begins and when it ends.
    """

    definitions: Definitions
    instance: DagsterInstance
    registry: Registry
    snapshots: SnapshotStore
    watch: Callable[[StepUpdate], None]

    def candidate(self, model: str) -> RunReport:
        """Runs every asset and gate from the source to the approval record.

        Raises:
            ClinicalError: another process runs this model in this store.
            KeyboardInterrupt: Ctrl-C was pressed before the end; the run is marked as failed.
        """
        return self._alone(model, candidate_job_name(model))

    def release(self, model: str) -> RunReport:
        """Runs the approval record again and the release; raises as :meth:`candidate`."""
        return self._alone(model, release_job_name(model))

    def _alone(self, model: str, job: str) -> RunReport:
        began = time.perf_counter()
        busy = Path(self.instance.root_directory) / "running" / f"{model}.lock"
        if is_held(busy):
            raise ClinicalError(
                "Another run of this model is at work, and their evidence must not mix",
                where=f"model {model}",
                repair="Wait until it has ended, then run again",
            )
        with held(busy, wait_seconds=5):
            return _run(self, model, job, began)


def _run(runner: Runner, model: str, job_name: str, began: float) -> RunReport:
    instance = runner.instance
    close_interrupted_runs(instance)
    run_id = str(uuid4())
    watcher = _Watcher(runner.watch)
    instance.add_event_listener(run_id, watcher)
    job = runner.definitions.resolve_job_def(job_name)
    lock = _lock(instance, run_id)
    with held(lock, wait_seconds=5), _interrupts() as interrupted:
        try:
            result = job.execute_in_process(
                instance=instance, run_id=run_id, raise_on_error=False, run_config=_QUIET
            )
        except (KeyboardInterrupt, DagsterExecutionInterruptedError) as error:
            _end(instance, run_id)
            raise KeyboardInterrupt from error
        stopped = not result.success and interrupted()
    lock.unlink(missing_ok=True)
    if stopped:
        # MLflow's run is settled by the next one: its database may still be locked by this one.
        raise KeyboardInterrupt
    runner.registry.settle(run_outcome(instance))
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
        stored = runner.snapshots.get(str(report.metadata["evaluation"][SNAPSHOT]))
        report.evaluation = from_plain(Evaluation, json.loads(stored))
    refused = [gate for gate in gates if gate.passed is False and gate.current]
    if refused and not result.success:
        report.failure = " ".join(f"Gate {g.gate} refused: {g.summary}" for g in refused)
    return report


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run of a model's jobs that failed or was stopped.

    Attributes:
        why: the gates that refused, else the words of the first error.
    """

    run_id: str
    started_at: str
    why: str


def failed_runs(instance: DagsterInstance, model: str) -> list[FailedRun]:
    """The runs of ``model`` that failed or were stopped, newest first; at most 100 of each job."""
    records = [
        record
        for job in (candidate_job_name(model), release_job_name(model))
        for record in instance.get_run_records(
            RunsFilter(
                job_name=job, statuses=[DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]
            ),
            limit=100,
        )
    ]
    records.sort(key=lambda record: record.create_timestamp, reverse=True)
    return [
        FailedRun(
            record.dagster_run.run_id,
            record.create_timestamp.isoformat(timespec="seconds"),
            _why(instance, record.dagster_run.run_id),
        )
        for record in records
    ]


def gate_verdicts(instance: DagsterInstance, run_id: str, model: str) -> dict[str, str]:
    """The verdict of every gate of ``model`` that was decided in a run, in MLflow's words for them.

    Gates on data are among them, which decide before there is a candidate that MLflow could keep
    their verdicts on.
    """
    wanted = {DagsterEventType.ASSET_CHECK_EVALUATION}
    own = set(gate_keys(model))
    found = {}
    for entry in instance.all_logs(run_id, of_type=wanted) if run_id else ():
        if entry.dagster_event is not None:
            checked = entry.dagster_event.asset_check_evaluation_data
            if checked.asset_check_key in own:
                outcome = "passed" if checked.passed else "refused"
                found[checked.check_name] = f"{outcome}: {checked.description}"
    return found


def _why(instance: DagsterInstance, run_id: str) -> str:
    kinds = {
        DagsterEventType.ASSET_CHECK_EVALUATION,
        DagsterEventType.STEP_FAILURE,
        DagsterEventType.RUN_FAILURE,
    }
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=kinds)]
    found = [event for event in events if event is not None]
    refused = [
        f"Gate {checked.check_name} refused: {checked.description}"
        for event in found
        if event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION
        and not (checked := event.asset_check_evaluation_data).passed
        and checked.severity is AssetCheckSeverity.ERROR  # a warning refuses nothing
    ]
    if refused:
        return " ".join(refused)
    for event in found:
        if event.event_type == DagsterEventType.STEP_FAILURE and event.step_key:
            return words(event.step_failure_data, event.step_key)
    for event in found:
        # A run whose process was killed is found failed later, with nothing that says why.
        data = event.event_specific_data
        if event.event_type == DagsterEventType.RUN_FAILURE and getattr(data, "error", None):
            return words(data, "the run")
    return "The run was stopped."


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Tells whether Ctrl-C was pressed within the block, whoever handled it.

    Dagster handles it by an exception of its own, which a library may swallow or turn into
    another: Python itself is asked, which writes the number of each signal to this socket.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    ours, pythons = socket.socketpair()
    with ours, pythons:
        ours.setblocking(False)
        pythons.setblocking(False)
        before = signal.set_wakeup_fd(pythons.fileno(), warn_on_full_buffer=False)
        try:
            yield lambda: _received(ours)
        finally:
            signal.set_wakeup_fd(before)


def _received(numbers: socket.socket) -> bool:
    try:
        return signal.SIGINT in numbers.recv(4096)
    except BlockingIOError:
        return False


def _end(instance: DagsterInstance, run_id: str) -> None:
    """Marks a run as failed that Dagster left open, so that nobody waits for it."""
    run = instance.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        instance.report_run_failed(run, "The run was stopped.")


def close_interrupted_runs(instance: DagsterInstance) -> None:
    """Marks the runs as failed whose process was killed, so that nobody waits for them.

    Known by their locks, which the operating system freed; runs that Dagster's own daemon
    launched have none and are left to it.
    """
    for lock in sorted(_lock(instance, "any").parent.glob("*.lock")):
        if is_held(lock):
            continue
        run = instance.get_run_by_id(lock.stem)
        if run is None and time.time() - lock.stat().st_mtime < _STARTING_SECONDS:
            continue  # its process is about to take the lock
        if run is not None and not run.is_finished:
            instance.report_run_failed(run, "The process of this run was killed.")
        lock.unlink(missing_ok=True)


def _lock(instance: DagsterInstance, run_id: str) -> Path:
    return Path(instance.root_directory) / "running" / "runs" / f"{run_id}.lock"


class _Watcher:
    def __init__(self, watch: Callable[[StepUpdate], None]) -> None:
        self._watch = watch
        self._began: dict[str, float] = {}
        self.step_seconds: dict[str, float] = {}
        self.failure = ""

    def __call__(self, entry: EventLogEntry) -> None:
        event = entry.dagster_event
        if event is not None and event.event_type == DagsterEventType.RUN_FAILURE:
            self.failure = self.failure or words(event.job_failure_data, "the run")
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
                self.failure = words(event.step_failure_data, name)
            self._watch(StepUpdate(name, seconds, not failed))
