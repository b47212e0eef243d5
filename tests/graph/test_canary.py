"""A patient's name in whatever Dagster takes from people and code does not reach the ledger.

Planted in metadata, tags, descriptions, configuration, exceptions, log lines, cursors, run keys
and the texts of a backfill; then the ledger is searched, and Dagster's own database to prove that
the name was there.
"""

import base64
from pathlib import Path

from dagster import AssetKey, AssetMaterialization, AssetObservation
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from clinical_assets.ledger.exports.forms import CURRENT
from resources.ledger_exporting import export_ledger
from tests.graph.ledger_graph import CANARY, defs
from tests.graph.ledger_paths import QUIET, sqlite_site


def test_no_patients_name_reaches_the_ledger(tmp_path: Path) -> None:
    with sqlite_site(tmp_path) as site:
        instance = site.instance
        config = {**QUIET, "ops": {"made": {"config": {"note": CANARY}}}}
        tags = {"patient": CANARY, "user": CANARY, "dagster/sensor_name": CANARY}
        result = site.run(
            asset_selection=[AssetKey("made"), AssetKey("failing")], run_config=config, tags=tags
        )
        site.run("ops", tags=tags)
        run = instance.create_run_for_job(
            defs.resolve_job_def("ops"),
            run_config=QUIET,
            tags=tags,
            parent_run_id=CANARY,
            root_run_id=CANARY,
        )
        instance.report_run_failed(run, CANARY)
        instance.report_engine_event(CANARY, run)
        instance.add_run_tags(run.run_id, {"patient": CANARY, f"tag-of-{CANARY}": "x"})
        for event in (
            AssetMaterialization(
                "made", CANARY, {"patient": CANARY}, tags={DATA_VERSION_TAG: CANARY}
            ),
            AssetObservation(
                "made", CANARY, metadata={"patient": CANARY, "clinical/sha256": CANARY}
            ),
        ):
            instance.report_runless_asset_event(event)
        backfill = PartitionBackfill(
            backfill_id="a-backfill",
            status=BulkActionStatus.REQUESTED,
            from_failure=False,
            tags=tags,
            backfill_timestamp=1.0,
            asset_selection=[AssetKey("daily")],
            title=CANARY,
            description=CANARY,
            run_config=config,
            partition_names=["2026-11-01"],
        )
        instance.add_backfill(backfill)
        instance.update_backfill(backfill.with_status(BulkActionStatus.CANCELED))
        site.instance.event_log_storage.add_dynamic_partitions("sites", [CANARY])
        site.instance.event_log_storage.delete_dynamic_partition("sites", CANARY)
        instance.run_storage.set_cursor_values({"__latest_defs_state_info__": CANARY})
        instance.delete_run(result.run_id)

        planted = b"".join(
            path.read_bytes() for path in (tmp_path / "store/dagster").rglob("*.db*")
        )
        assert planted.count(CANARY.encode()) > 20, "the name was there to be taken"
        written = site.bodies().lower()
        assert len(site.entries()) > 25
        forms = [form for form in CURRENT if form != "jsonl"]
        export_ledger(site.ledger, tmp_path / "export", forms)
        exported = [path for path in (tmp_path / "export").iterdir() if path.is_file()]
        assert len(exported) > len(CURRENT)
        written += b"".join(path.read_bytes().lower() for path in exported)
        for form in (
            CANARY.encode(),
            b"qvist",
            b"010203",
            base64.b64encode(CANARY.encode())[:16],
            CANARY.encode().hex().encode(),
            CANARY[::-1].encode(),
        ):
            assert form.lower() not in written, form
        stored = b"".join(
            path.read_bytes() for path in (tmp_path / "store/ledger").rglob("*") if path.is_file()
        )
        assert CANARY.encode() not in stored
