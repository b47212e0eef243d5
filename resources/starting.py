"""What is done when a process of this installation starts: interrupted acts are looked into.

What belongs here: which store answers for which kind of act. What does not: how an act is
reconciled (:mod:`.reconciling`). Costs one query where nothing was interrupted.
"""

from typing import TYPE_CHECKING

from clinical_assets.ledger.entry import Entry
from resources.ledger import open_ledger
from resources.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance


def look_into_interrupted(
    settings: Settings, instance: "DagsterInstance | None" = None
) -> list[Entry]:
    """Records what became of acts whose process died in between; the entries about them.

    Args:
        instance: Dagster's, to be asked about acts of its own; without, these stay open.

    Raises:
        ClinicalError: the ledger cannot be read or written.
    """
    ledger = open_ledger(settings)
    if not ledger.reader.open_acts():
        return []
    from resources.dagster_instance.found import ACTIONS, dagster_probes
    from resources.delta.lake import Lake
    from resources.key_changes import probe_key
    from resources.ledger_keys import LedgerKeys
    from resources.mlflow_registry import Registry
    from resources.package_store import PackageStore
    from resources.reconciling import Probe, reconcile
    from resources.recorded.lake import probe_table
    from resources.recorded.packages import probe_package
    from resources.recorded.registry import probe_registry
    from resources.recorded.snapshots import probe_snapshot
    from resources.snapshot_store import SnapshotStore

    lake = Lake(settings.lake_url, settings.s3_options)
    snapshots = SnapshotStore(settings.snapshots_url, settings.s3_options)
    packages = PackageStore(settings.packages, settings.keys)
    registry = Registry(settings.mlflow_tracking_uri, settings.mlflow_artifacts)
    keys, origin = LedgerKeys(settings.keys), ledger.store.origin
    probes: dict[str, Probe] = {
        "table.written": lambda entry: probe_table(lake, entry),
        "snapshot.written": lambda entry: probe_snapshot(snapshots, entry),
        "source.added": lambda entry: probe_snapshot(snapshots, entry),
        "package.built": lambda entry: probe_package(packages, entry),
        "registry.changed": lambda entry: probe_registry(registry, entry),
        "key.created": lambda entry: probe_key(keys, origin, entry),
        "key.retired": lambda entry: probe_key(keys, origin, entry),
    }
    if instance is None:
        return reconcile(ledger, probes, leave=ACTIONS)
    return reconcile(ledger, {**probes, **dagster_probes(instance)})
