"""The IO manager in real materializations: pins are written, obeyed and verified."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from dagster import (
    AssetIn,
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    Definitions,
    JobDefinition,
    ReexecutionOptions,
    RunConfig,
    StaticPartitionsDefinition,
    asset,
    define_asset_job,
    execute_job,
    materialize,
    reconstructable,
)
from dagster import Config as DagsterConfig

from clinical_assets.canonical import frame_digest, sha256
from resources.build import build_resources
from resources.delta.lake import Lake
from resources.delta.log import TableVersion
from resources.io_manager import ROWS, SHA256, SNAPSHOT, TABLE, VERSION, ClinicalIOManager
from resources.settings import Settings
from resources.snapshot_store import SnapshotStore
from tests.unit.resources.faults import object_path


@dataclass(frozen=True, slots=True)
class Count:
    rows: int
    share: float | None
    names: tuple[str, ...]


class Factor(DagsterConfig):
    factor: int = 1


FRAME = pl.DataFrame({"patient_id": ["a", "b"], "glucose_mg_per_dl": [100, None]})
ROWS_KEY, COUNT_KEY, FILE_KEY = (AssetKey(["model", n]) for n in ("rows", "count", "file"))
seen: dict[str, Any] = {}


@asset(key=ROWS_KEY)
def rows(config: Factor) -> pl.DataFrame:
    return FRAME.with_columns(pl.col("glucose_mg_per_dl") * config.factor)


@asset(key=COUNT_KEY, ins={"frame": AssetIn(ROWS_KEY)})
def count(frame: pl.DataFrame) -> Count:
    seen["frame"] = frame
    if seen.pop("fail", False):
        raise RuntimeError("asked to fail")
    return Count(frame.height, None, tuple(frame.columns))


@asset(key=FILE_KEY, ins={"record": AssetIn(COUNT_KEY)})
def file(record: Count) -> bytes:
    seen["record"] = record
    return b"bytes"


@asset(key=["model", "end"], ins={"data": AssetIn(FILE_KEY)})
def end(data: bytes) -> None:
    seen["data"] = data


ALL = [rows, count, file, end]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    seen.clear()
    with DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def stored_instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    """One that another process could open: a re-execution asks for it."""
    seen.clear()
    (tmp_path / "dagster").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "dagster")) as made:
        yield made


def manager(tmp_path: Path) -> ClinicalIOManager:
    found: ClinicalIOManager = build_resources(Settings.load(store=tmp_path))["io_manager"]
    return found


def run(instance: DagsterInstance, tmp_path: Path, only: list[Any], factor: int = 1) -> Any:
    config = RunConfig(ops={"model__rows": Factor(factor=factor)}) if rows in only else None
    return materialize(
        ALL,
        selection=only,
        instance=instance,
        resources={"io_manager": manager(tmp_path)},
        run_config=config,
        raise_on_error=False,
    )


def materialization(instance: DagsterInstance, key: AssetKey) -> AssetMaterialization:
    made = instance.fetch_materializations(key, limit=1).records[0].asset_materialization
    assert made is not None
    return made


def pin_of(made: AssetMaterialization) -> TableVersion:
    values = {k: v.value for k, v in made.metadata.items()}
    return TableVersion(values[TABLE], values[VERSION], values[SHA256], values[ROWS])  # type: ignore[arg-type]


def failure(result: Any) -> str:
    errors = [e.step_failure_data.error for e in result.all_events if e.is_step_failure]
    return str(errors[0].cause.message if errors[0].cause else errors[0].message)


def test_values_go_through_and_are_pinned(instance: DagsterInstance, tmp_path: Path) -> None:
    assert run(instance, tmp_path, ALL).success
    assert seen["frame"].equals(FRAME)
    assert seen["record"] == Count(2, None, ("patient_id", "glucose_mg_per_dl"))
    assert seen["data"] == b"bytes"

    made = materialization(instance, ROWS_KEY)
    assert pin_of(made) == TableVersion("model/rows", 0, frame_digest(FRAME), 2)
    assert made.tags is not None
    assert made.tags["dagster/data_version"] == frame_digest(FRAME)

    made = materialization(instance, FILE_KEY)
    assert made.metadata[SNAPSHOT].value == made.metadata[SHA256].value == sha256(b"bytes")
    assert SnapshotStore(str(tmp_path / "snapshots")).get(sha256(b"bytes")) == b"bytes"


def test_input_says_which_version_was_read(instance: DagsterInstance, tmp_path: Path) -> None:
    result = run(instance, tmp_path, ALL)
    (loaded,) = [
        e.event_specific_data
        for e in result.all_events
        if e.event_type_value == "LOADED_INPUT" and e.step_key == "model__count"
    ]
    assert loaded.metadata[SHA256].value == frame_digest(FRAME)


def test_two_materializations_each_keep_their_version(
    instance: DagsterInstance, tmp_path: Path
) -> None:
    assert run(instance, tmp_path, ALL, factor=1).success
    first = pin_of(materialization(instance, ROWS_KEY))
    assert run(instance, tmp_path, ALL, factor=2).success
    second = pin_of(materialization(instance, ROWS_KEY))
    assert seen["frame"]["glucose_mg_per_dl"].to_list() == [200, None]
    assert (first.version, second.version) == (0, 1)
    lake = Lake(str(tmp_path / "lake"))
    assert lake.read("model/rows", first).equals(FRAME)
    assert lake.read("model/rows", second)["glucose_mg_per_dl"].to_list() == [200, None]


def test_equal_content_has_an_equal_data_version(instance: DagsterInstance, tmp_path: Path) -> None:
    tags = []
    for _ in range(2):
        run(instance, tmp_path, [rows])
        tags.append(materialization(instance, ROWS_KEY).tags["dagster/data_version"])  # type: ignore[index]
    assert tags[0] == tags[1]


def test_a_version_written_after_the_run_began_is_not_read(
    instance: DagsterInstance, tmp_path: Path
) -> None:
    """Another run writes between this run's write and its read; this run keeps its own."""

    factors = iter([9, 8])

    @asset(key=["model", "between"], deps=[ROWS_KEY])
    def between() -> None:
        run(instance, tmp_path, [rows], factor=next(factors))

    @asset(key=["model", "late"], ins={"frame": AssetIn(ROWS_KEY)}, deps=[between])
    def late(frame: pl.DataFrame) -> None:
        seen["late"] = frame

    result = materialize(
        [rows, between, late], instance=instance, resources={"io_manager": manager(tmp_path)}
    )
    assert result.success
    assert seen["late"]["glucose_mg_per_dl"].to_list() == [100, None]

    # The same where the input was not made by this run: it was pinned when the run began.
    materialize(
        [rows, between, late],
        selection=[between, late],
        instance=instance,
        resources={"io_manager": manager(tmp_path)},
    )
    assert seen["late"]["glucose_mg_per_dl"].to_list() == [900, None]
    assert Lake(str(tmp_path / "lake")).latest("model/rows").version == 2  # type: ignore[union-attr]


STORE: dict[str, str] = {}


def retried_job() -> JobDefinition:
    definitions = Definitions(
        assets=ALL,
        jobs=[define_asset_job("all", selection="*")],
        resources={"io_manager": manager(Path(STORE["path"]))},
    )
    return definitions.resolve_job_def("all")


def test_a_retry_reads_what_its_parent_run_wrote(
    stored_instance: DagsterInstance, tmp_path: Path
) -> None:
    instance = stored_instance
    STORE["path"] = str(tmp_path)
    seen["fail"] = True
    config = {"execution": {"config": {"in_process": {}}}}
    job = reconstructable(retried_job)
    failed = execute_job(job, instance=instance, run_config=config)
    assert not failed.success
    run(instance, tmp_path, [rows], factor=5)  # somebody else materializes in the meantime
    options = ReexecutionOptions.from_failure(failed.run_id, instance)
    with execute_job(job, instance=instance, reexecution_options=options) as again:
        assert again.success
    assert seen["frame"].equals(FRAME)


def test_a_tampered_table_is_refused(instance: DagsterInstance, tmp_path: Path) -> None:
    run(instance, tmp_path, [rows])
    (parquet,) = (tmp_path / "lake").rglob("*.parquet")
    other = FRAME.with_columns(pl.lit(1).cast(pl.Int64).alias("glucose_mg_per_dl"))
    parquet.unlink()
    other.write_parquet(parquet)
    result = run(instance, tmp_path, [count])
    assert not result.success
    assert "Version 0 of table model/rows has a changed file" in failure(result)


def test_a_tampered_snapshot_is_refused(instance: DagsterInstance, tmp_path: Path) -> None:
    run(instance, tmp_path, [rows, count])
    digest = materialization(instance, COUNT_KEY).metadata[SNAPSHOT].value
    path = object_path(SnapshotStore(str(tmp_path / "snapshots")), str(digest))
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data.replace(b"2", b"3"))
    result = run(instance, tmp_path, [file])
    assert not result.success
    assert "changed or truncated" in failure(result)


def test_an_input_that_was_never_made_is_named(instance: DagsterInstance, tmp_path: Path) -> None:
    result = run(instance, tmp_path, [count])
    assert "never materialized (model/rows)" in failure(result)


def test_a_value_of_another_type_is_refused(instance: DagsterInstance, tmp_path: Path) -> None:
    @asset(key=["model", "odd"])
    def odd() -> dict[str, int]:
        return {"a": 1}

    result = materialize(
        [odd], instance=instance, resources={"io_manager": manager(tmp_path)}, raise_on_error=False
    )
    assert "A value of type dict cannot be stored (asset model/odd)" in failure(result)


def test_an_input_without_a_record_type_is_refused(
    instance: DagsterInstance, tmp_path: Path
) -> None:
    @asset(key=["model", "loose"], ins={"record": AssetIn(COUNT_KEY)})
    def loose(record) -> None:  # type: ignore[no-untyped-def]
        raise AssertionError("never reached")

    run(instance, tmp_path, [rows, count])
    result = materialize(
        [rows, count, loose],
        selection=[loose],
        instance=instance,
        resources={"io_manager": manager(tmp_path)},
        raise_on_error=False,
    )
    assert "does not say which record it is (input from model/count)" in failure(result)


def test_partitions_are_tables_of_their_own(instance: DagsterInstance, tmp_path: Path) -> None:
    days = StaticPartitionsDefinition(["2026-01-01", "2026-01-02"])

    @asset(key=["model", "profile"], partitions_def=days)
    def profile(context) -> pl.DataFrame:  # type: ignore[no-untyped-def]
        return pl.DataFrame({"day": [context.partition_key]})

    @asset(key=["model", "same_day"], partitions_def=days, ins={"p": AssetIn(profile.key)})
    def same_day(p: pl.DataFrame) -> None:
        seen["day"] = p["day"].to_list()

    @asset(key=["model", "fleet"], ins={"p": AssetIn(profile.key)})
    def fleet(p: dict[str, pl.DataFrame]) -> None:
        seen["fleet"] = {day: frame["day"].to_list() for day, frame in p.items()}

    resources = {"io_manager": manager(tmp_path)}
    for day in days.get_partition_keys():
        materialize([profile, same_day], partition_key=day, instance=instance, resources=resources)
        assert seen["day"] == [day]
    materialize([profile, fleet], selection=[fleet], instance=instance, resources=resources)
    assert seen["fleet"] == {day: [day] for day in days.get_partition_keys()}
