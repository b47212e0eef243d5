"""The only reader of check results: what every gate last decided, and about what.

Dagster's ``blocking=True`` gates only within one run. A release launched alone, from whatever
path, therefore reads the evidence afresh here; a gate's decision counts where the digest that it
judged is that of the asset's newest materialization, whichever run it came from. The verdict over
it is a pure function (:func:`clinical_assets.evidence.release.judge_release`).

What was only reported to Dagster's server counts for nothing: whoever reaches it can do that, and
need not say who they are. Such events belong to no run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dagster import AssetCheckKey, AssetKey, DagsterInstance, EventLogRecord
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from clinical_assets.evidence.release import GateEvidence
from clinical_assets.keys import JUDGED, SHA256

_PAGE = 100


@dataclass(frozen=True, slots=True)
class EvidenceReader:
    """Reads the outcome of gates from one Dagster instance."""

    instance: DagsterInstance

    def gates(self, keys: Sequence[AssetCheckKey]) -> tuple[GateEvidence, ...]:
        """The newest decision of each gate, in the order of ``keys``."""
        records = self.instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
        return tuple(self._gate(key, self._run_by_us(key, records.get(key))) for key in keys)

    def newer_than(self, built: AssetKey, others: Sequence[AssetKey]) -> tuple[str, ...]:
        """Those of ``others`` that were materialized after ``built`` was."""
        reference = self._latest(built)
        return tuple(
            key.to_user_string()
            for key in others
            if reference is not None and (self._latest(key) or 0) > reference
        )

    def newest(self, asset: AssetKey, metadata: str) -> str | None:
        """What the asset's newest materialization says under a name; None if there is none."""
        record = next(self._made(asset), None)
        if record is None or record.asset_materialization is None:
            return None
        stated = record.asset_materialization.metadata.get(metadata)
        return None if stated is None else str(stated.value)

    def was_materialized(self, asset: AssetKey) -> bool:
        """Whether a run ever materialized the asset."""
        return self._latest(asset) is not None

    def _latest(self, key: AssetKey) -> int | None:
        record = next(self._made(key), None)
        return None if record is None else record.storage_id

    def _made(self, asset: AssetKey) -> Iterator[EventLogRecord]:
        """Materializations of the asset by runs, the newest first."""
        limit, cursor = 1, None
        while True:
            found = self.instance.fetch_materializations(asset, limit=limit, cursor=cursor)
            yield from (record for record in found.records if record.run_id)
            if not found.has_more:
                return
            limit, cursor = _PAGE, found.cursor

    def _run_by_us(
        self, key: AssetCheckKey, record: AssetCheckExecutionRecord | None
    ) -> AssetCheckExecutionRecord | None:
        """The newest execution of the gate by a run."""
        storage = self.instance.event_log_storage
        while record is not None and not record.run_id:
            older = storage.get_asset_check_execution_history(key, limit=1, cursor=record.id)
            record = older[0] if older else None
        return record

    def _gate(self, key: AssetCheckKey, record: AssetCheckExecutionRecord | None) -> GateEvidence:
        asset = key.asset_key.to_user_string()
        if record is None or record.event is None:
            return GateEvidence(key.name, asset, None, False, "")
        if record.status not in (
            AssetCheckExecutionRecordStatus.SUCCEEDED,
            AssetCheckExecutionRecordStatus.FAILED,
        ):
            return GateEvidence(key.name, asset, None, False, "")
        evaluation = record.evaluation
        if evaluation is None:  # the check itself crashed: no decision
            return GateEvidence(key.name, asset, False, True, "the gate could not be decided")
        judged = evaluation.metadata.get(JUDGED)
        return GateEvidence(
            gate=key.name,
            asset=asset,
            passed=evaluation.passed,
            current=judged is not None and judged.value == self.newest(key.asset_key, SHA256),
            summary=evaluation.description or "",
        )
