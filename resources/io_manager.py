"""Where Dagster's values go between assets: tables to the lake, the rest to the snapshot store.

What belongs here: storing an asset's value, telling Dagster which version and digest it became,
and loading exactly that version again. What does not: what the values are.

Dagster's IO managers usually overwrite a path and read whatever lies there. Here every
materialization pins what it wrote, and an input is what its upstream pinned in this run, in the
run that this one re-executes, or before this run began, in this order; its digest is verified
(GML-06, P11-01). So of two runs at once neither reads what the other writes, unless an asset was
never materialized before: then its first value is taken, whichever run it is of.
"""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import polars as pl
from dagster import (
    AssetKey,
    AssetMaterialization,
    AssetRecordsFilter,
    ConfigurableIOManager,
    DagsterEventType,
    DagsterInstance,
    DataVersion,
    EventLogRecord,
    InputContext,
    MetadataValue,
    OutputContext,
)
from pydantic import ValidationError

from clinical_assets.canonical import canonical_json, from_plain
from clinical_assets.errors import ClinicalError
from clinical_assets.keys import ROWS, SHA256, SNAPSHOT, TABLE, VERSION
from clinical_assets.ledger.entry import Origin
from resources.actors import at_origin
from resources.delta.log import TableVersion
from resources.lake import LakeResource
from resources.snapshots import SnapshotsResource


class ClinicalIOManager(ConfigurableIOManager):
    """Frames to the lake; records (frozen dataclasses) and bytes to the snapshot store.

    Every value that is stored and every input that is read is an entry of the ledger (HIP-06).
    """

    lake: LakeResource
    snapshots: SnapshotsResource

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Store ``obj`` and pin it in the materialization's metadata and data version.

        Raises:
            ClinicalError: a value of another type, or the store refuses it.
        """
        name = _name(context)
        if isinstance(obj, pl.DataFrame):
            note = {"run": context.run_id, "asset": name}
            with at_origin(_origin(context.step_context, name)):
                pin = self.lake.open().write(name, obj, note=note)
            metadata: dict[str, MetadataValue] = {
                TABLE: MetadataValue.text(pin.table),
                VERSION: MetadataValue.int(pin.version),
                ROWS: MetadataValue.int(pin.rows),
                "dagster/row_count": MetadataValue.int(pin.rows),
            }
            digest = pin.sha256
        else:
            with at_origin(_origin(context.step_context, name)):
                digest = self.snapshots.open().put(_bytes(name, obj))
            metadata = {SNAPSHOT: MetadataValue.text(digest)}
        context.add_output_metadata({**metadata, SHA256: MetadataValue.text(digest)})
        if context.has_asset_key:
            # Equal content is an equal version: what lies downstream need not run again.
            context.step_context.set_data_version(context.asset_key, DataVersion(digest))

    def load_input(self, context: InputContext) -> Any:
        """The value that the upstream asset pinned, verified by its digest.

        Raises:
            ClinicalError: it was never materialized, or what is stored differs from its pin.
        """
        key = context.asset_key
        if not context.has_asset_partitions:
            return self._load(context, key, None)
        partitions = context.asset_partition_keys
        values = {partition: self._load(context, key, partition) for partition in partitions}
        return values[partitions[0]] if len(partitions) == 1 else values

    def _load(self, context: InputContext, key: AssetKey, partition: str | None) -> Any:
        found = upstream_materialization(
            context.instance, key, context.step_context.run_id, partition
        )
        name = key.to_user_string()
        if found is None:
            raise ClinicalError(
                "The upstream asset was never materialized",
                where=name if partition is None else f"{name}, partition {partition}",
                repair="Materialize it first, or include it in the run",
            )
        metadata = {k: v.value for k, v in found.metadata.items() if k.startswith("clinical/")}
        if not context.has_asset_partitions or len(context.asset_partition_keys) == 1:
            # An observation of the read. Dagster cannot attach one to several partitions.
            context.add_input_metadata(metadata)
        origin = _origin(context.step_context, _step_name(context.step_context))
        if TABLE in metadata:
            with at_origin(origin):
                return self.lake.open().read(_pin(metadata).table, _pin(metadata))
        if SNAPSHOT not in metadata:
            raise ClinicalError(
                "The upstream materialization pins neither a table nor a snapshot",
                where=name,
                repair="Materialize it with this IO manager",
            )
        with at_origin(origin):
            data = self.snapshots.open().get(str(metadata[SNAPSHOT]))
        return _value(name, context.dagster_type.typing_type, data)


def upstream_materialization(
    instance: DagsterInstance, key: AssetKey, run_id: str, partition: str | None = None
) -> AssetMaterialization | None:
    """The materialization of ``key`` that a run must read; None where there is none.

    That of the run itself; else of the run that it re-executes, and of that one's parent, and so
    on; else the newest from before the run began; else the newest.
    """
    for ancestor in _lineage(instance, run_id):
        cursor: str | None = None
        newest = None
        while True:
            page = instance.get_records_for_run(
                ancestor, cursor=cursor, of_type=DagsterEventType.ASSET_MATERIALIZATION
            )
            for record in page.records:
                made = record.asset_materialization
                if made and made.asset_key == key and made.partition == partition:
                    newest = made
            if not page.has_more:
                break
            cursor = page.cursor
        if newest is not None:
            return newest
    run = instance.get_run_record_by_id(run_id)
    began = run.start_time if run is not None else None
    before = _newest(instance, key, partition, began) if began else None
    found = before or _newest(instance, key, partition, None)
    return found.asset_materialization if found else None


def _newest(
    instance: DagsterInstance, key: AssetKey, partition: str | None, before: float | None
) -> EventLogRecord | None:
    wanted = AssetRecordsFilter(
        key,
        asset_partitions=None if partition is None else [partition],
        before_timestamp=before,
    )
    return next(iter(instance.fetch_materializations(wanted, limit=1).records), None)


def _lineage(instance: DagsterInstance, run_id: str) -> Iterator[str]:
    current: str | None = run_id
    while current is not None:
        yield current
        run = instance.get_run_by_id(current)
        current = run.parent_run_id if run else None


def _origin(step: Any, asset: str) -> Origin:
    """Where in Dagster a value is stored or read: outside of the asset's own function."""
    return Origin(step.run_id, asset, step.partition_key if step.has_partition_key else "")


def _step_name(step: Any) -> str:
    """The asset, or the check of an asset, that a step computes."""
    return str(step.step.key).replace("__", "/")


def _name(context: OutputContext) -> str:
    if not context.has_asset_key:
        return "/".join(context.get_identifier())
    parts = [*context.asset_key.path]
    if context.has_asset_partitions:
        parts += ["partition=" + context.asset_partition_key]
    return "/".join(parts)


def _bytes(name: str, value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return canonical_json(value)
    raise ClinicalError(
        f"A value of type {type(value).__name__} cannot be stored",
        where=f"asset {name}",
        repair="Return a polars DataFrame, a frozen dataclass record or bytes",
    )


def _value(name: str, kind: Any, data: bytes) -> Any:
    if kind is bytes:
        return data
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        raise ClinicalError(
            "The input's type annotation does not say which record it is",
            where=f"input from {name}",
            repair="Annotate the parameter with the record's dataclass, or with bytes",
        )
    try:
        return from_plain(kind, json.loads(data))
    except ValidationError as error:
        places = sorted({".".join(map(str, item["loc"])) for item in error.errors()})
        raise ClinicalError(
            f"The stored record is not a {kind.__name__}: " + ", ".join(places[:5]),
            where=f"asset {name}",
            repair="Materialize it again with this version of the code",
        ) from error


def _pin(metadata: dict[str, Any]) -> TableVersion:
    return TableVersion(
        table=str(metadata[TABLE]),
        version=int(metadata[VERSION]),
        sha256=str(metadata[SHA256]),
        rows=int(metadata[ROWS]),
    )
