"""Sensors, ticked as Dagster ticks them, over real ledgers, MLflow and witnesses."""

from pathlib import Path
from typing import Any

import pytest
from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    OpExecutionContext,
    SensorResult,
    SkipReason,
    build_run_status_sensor_context,
    build_sensor_context,
    job,
    op,
)

from clinical_assets.automation import (
    registry_sensor,
    release_sensor,
    settlement_sensors,
    witness_sensor,
)
from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Nothing
from clinical_assets.ledger.checkpoint import Checkpoint, sign
from clinical_assets.ledger.entry import Subject
from resources.ledger_database.reader import Wanted
from resources.ledger_keys import LedgerKeys
from resources.ledger_resource import LedgerResource
from resources.mlflow_registry import Registry
from resources.packages import PackagesResource
from resources.registry import RegistryResource
from resources.witnesses.witness import parse_witness
from resources.witnessing_resource import WitnessingResource
from tests.unit.resources.governed import GOOD, MODEL, QUENTIN, SUBJECT, Governed


@pytest.fixture
def place(tmp_path: Path) -> Governed:
    return Governed(tmp_path)


def ledger_of(place: Governed) -> LedgerResource:
    folder = place.folder
    return LedgerResource(
        url=f"sqlite:///{folder}/ledger.db", key_folder=str(folder / "keys"), folder=str(folder)
    )


def tick(sensor: Any, cursor: str | None = None, **resources: Any) -> Any:
    with (
        DagsterInstance.ephemeral() as instance,
        build_sensor_context(instance, cursor=cursor, resources=resources) as context,
    ):
        return sensor(context)


def test_a_release_starts_when_the_last_signature_is_in_and_once(place: Governed) -> None:
    sensor, cursor = release_sensor(MODEL), ""

    def asked(again: bool = False) -> list[str]:
        nonlocal cursor
        found: SensorResult = tick(sensor, "" if again else cursor, ledger=ledger_of(place))
        cursor = str(found.cursor)
        return [str(request.run_key) for request in found.run_requests or ()]

    assert asked() == []
    place.build()
    assert asked() == []
    place.review()
    assert asked() == []
    place.approve()
    (key,) = asked()
    assert key.startswith(SUBJECT.sha256)
    assert asked() == []
    assert asked(again=True) == [key], "a lost cursor asks under the same key, which runs once"
    place.stages.enter(SUBJECT, "released", gates=GOOD)
    assert asked() == []
    assert asked(again=True) == []
    # A quarantine is signed, too, and releases nothing.
    given = {"role": "quality", "stage": "quarantined", "meaning": "responsibility"}
    place.sign(QUENTIN, comment="Alarm", **given)
    assert asked() == []


def test_a_signature_of_another_model_starts_nothing(place: Governed) -> None:
    from dataclasses import replace

    place.build()
    place.review()
    place.approve()
    other = release_sensor(replace(MODEL, name="other"))
    assert not tick(other, ledger=ledger_of(place)).run_requests


def test_a_champion_that_only_mlflow_names_is_reported_once(
    place: Governed, registry: Registry, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    ledger = ledger_of(place)
    resources = {
        "registry": RegistryResource(
            tracking_uri=registry.tracking_uri, artifacts=registry.artifacts, ledger=ledger
        ),
        "packages": PackagesResource(
            root=str(tmp_path / "packages"), key_folder=str(tmp_path / "keys"), ledger=ledger
        ),
        "ledger": ledger,
    }

    def said() -> str:
        found: SkipReason = tick(registry_sensor([MODEL]), **resources)
        return str(found.skip_message)

    assert said().endswith("about nothing")
    tags = {"clinical.model": MODEL.name, "clinical.version": SUBJECT.version}
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    client.create_run(registry.prepare(), tags=tags)
    registry.release(MODEL.name, SUBJECT.version, SUBJECT.sha256, "e" * 64)
    assert said().endswith(f"about {MODEL.name}")
    assert said().endswith(f"about {MODEL.name}")
    (entry,) = place.ledger.reader.proven(Wanted(action="registry.contradicted"))
    assert entry.act.subject.id == MODEL.name


def test_checkpoints_are_published_where_there_is_something_new(
    place: Governed, tmp_path: Path
) -> None:
    addresses = [f"folder:{tmp_path}/one", f"folder:{tmp_path}/two"]
    witnessing = WitnessingResource(ledger=ledger_of(place), witnesses=addresses)
    cursor = ""

    def said() -> str:
        nonlocal cursor
        found: SensorResult = tick(witness_sensor(), cursor, witnessing=witnessing)
        cursor = str(found.cursor)
        return str(found.skip_reason.skip_message if found.skip_reason else "")

    def held(name: str) -> int:
        return len(parse_witness(f"folder:{tmp_path}/{name}").notes(place.ledger.store.origin))

    place.ledger.record("run.started", Subject("run", "r"), Nothing())
    for _ in range(3):
        assert said() == "every witness has every checkpoint"
        assert (held("one"), held("two")) == (1, 1), "its own entries ask for no further one"
    place.ledger.record("run.started", Subject("run", "r"), Nothing())
    (tmp_path / "two").rename(tmp_path / "away")
    (tmp_path / "two").write_text("in the way")
    assert said().startswith(f"{addresses[1]} lacks 1 since")
    (tmp_path / "two").unlink()
    (tmp_path / "away").rename(tmp_path / "two")
    assert said() == "every witness has every checkpoint"
    assert (held("one"), held("two")) == (2, 2)
    origin = place.ledger.store.origin
    key = LedgerKeys(tmp_path / "keys").signing(origin)
    lie = sign(Checkpoint(origin, 1, bytes(32)), [key])
    parse_witness(addresses[0]).publish(lie)
    place.ledger.record("run.started", Subject("run", "r"), Nothing())
    with pytest.raises(ClinicalError, match="another history"):
        said()
    assert (held("one"), held("two")) == (3, 2)


@op
def does(context: OpExecutionContext) -> None:
    """Ends as its run is told to."""
    if context.run.tags.get("fails"):
        raise ValueError


@job
def work() -> None:
    """One op."""
    does()


@pytest.mark.parametrize(
    ("tags", "status", "expected"),
    [
        ({}, DagsterRunStatus.SUCCESS, "FINISHED"),
        ({"fails": "yes"}, DagsterRunStatus.FAILURE, "FAILED"),
        ({}, DagsterRunStatus.CANCELED, "KILLED"),
    ],
)
def test_mlflow_is_told_how_a_run_ended(
    place: Governed,
    registry: Registry,
    tags: dict[str, str],
    status: DagsterRunStatus,
    expected: str,
) -> None:
    from mlflow import MlflowClient

    resource = RegistryResource(
        tracking_uri=registry.tracking_uri, artifacts=registry.artifacts, ledger=ledger_of(place)
    )
    by_name = {sensor.name: sensor for sensor in settlement_sensors()}
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with DagsterInstance.ephemeral() as instance:
        done = work.execute_in_process(
            instance=instance, tags=tags, raise_on_error=False, run_config=quiet
        )
        run = instance.get_run_by_id(done.run_id)
        assert run is not None
        if status is DagsterRunStatus.CANCELED:
            instance.add_run(run.with_status(status)._replace(run_id="cancelled"))
            run = instance.get_run_by_id("cancelled")
        assert run is not None
        assert run.status is status
        named = {"dagster_run_id": run.run_id}
        mine, other = (
            client.create_run(registry.prepare(), tags=each).info.run_id
            for each in (named, {"dagster_run_id": "at work"})
        )
        event = done.all_events[-1]
        sensor = by_name[f"settle_mlflow_after_{status.value.lower()}"]
        told = {"registry": resource}
        with build_run_status_sensor_context(
            sensor.name, event, instance, run, resources=told
        ) as context:
            sensor(context)
    assert client.get_run(mine).info.status == expected
    assert client.get_run(other).info.status == "RUNNING"
