"""Which model may be used: the ledger's word, MLflow's alias and the signatures have to agree."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.gates import GATES
from clinical_assets.ledger.actions import Bytes, Decision, Undecided
from clinical_assets.ledger.entry import Subject
from resources import ledger as ledger_module
from resources.in_force import InForce
from resources.ledger import open_ledger_at
from resources.ledger_database.reader import Wanted
from resources.ledger_verifying import verify_own
from resources.mlflow_registry import Registry
from resources.package_store import PackageStore
from resources.recorded.registry import RecordedRegistry
from tests.unit.resources.governed import (
    BAD,
    GOOD,
    MODEL,
    OTHER,
    QUENTIN,
    SUBJECT,
    Governed,
    build,
    judged,
    run_of,
)


@pytest.fixture
def place(tmp_path: Path) -> Governed:
    return Governed(tmp_path)


@pytest.fixture
def in_force(place: Governed, registry: Registry, tmp_path: Path) -> InForce:
    """Nothing is released yet; a run of the candidate is there for MLflow's version to point to."""
    from mlflow import MlflowClient

    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    for version in (SUBJECT.version, "2.0.0"):
        tags = {"clinical.model": MODEL.name, "clinical.version": version}
        client.create_run(registry.prepare(), tags=tags)
    recorded = RecordedRegistry(registry.tracking_uri, registry.artifacts, place.ledger)
    packages = PackageStore(tmp_path / "packages", tmp_path / "keys")
    return InForce(MODEL, place.ledger, recorded, packages)


def released(place: Governed, in_force: InForce) -> None:
    place.released()
    release(in_force)


def release(in_force: InForce) -> None:
    in_force.registry.release(SUBJECT.id, SUBJECT.version, SUBJECT.sha256, "e" * 64)


def test_before_the_first_release_there_is_none(in_force: InForce) -> None:
    assert in_force.subject() is None
    assert in_force.contradiction() == ""
    with pytest.raises(ClinicalError, match="none was released"):
        in_force.require()


def test_a_released_version_may_be_used(place: Governed, in_force: InForce) -> None:
    released(place, in_force)
    assert in_force.problem() == ""
    assert in_force.require().package_sha256 == SUBJECT.sha256
    assert not in_force.report()


@pytest.mark.parametrize("by", ["what was verified", "the newest act"])
def test_an_older_copy_put_back_brings_no_quarantined_version_into_force(
    place: Governed, in_force: InForce, by: str
) -> None:
    released(place, in_force)
    with closing(sqlite3.connect(place.folder / "ledger.db")) as database:
        database.execute(f"VACUUM INTO '{place.folder}/older.db'")
    place.sign(
        QUENTIN, role="quality", stage="quarantined", meaning="responsibility", comment="Harm"
    )
    assert "quarantined" in in_force.problem()
    if by == "what was verified":
        assert verify_own(place.ledger, searches=False).passed
        next((place.folder / "keys").glob("ledger-seen-*.note")).unlink()
    place.ledger.store.engine.close()
    ledger_module._opened.clear()
    for extra in ("-wal", "-shm"):
        (place.folder / f"ledger.db{extra}").unlink(missing_ok=True)
    (place.folder / "older.db").replace(place.folder / "ledger.db")
    with pytest.raises(ClinicalError, match="an older copy was put back"):
        _ = place.ledger
    where = f"sqlite:///{place.folder}/ledger.db", place.folder / "keys", place.folder
    now = replace(in_force, ledger=open_ledger_at(*where, older=True))
    assert "an older copy was put back" in now.problem()
    with pytest.raises(ClinicalError, match="an older copy was put back"):
        now.require()


def test_an_alias_that_was_moved_is_found_reported_once_and_refused(
    place: Governed, in_force: InForce, registry: Registry
) -> None:
    released(place, in_force)
    registry.release(SUBJECT.id, "2.0.0", "f" * 64, "0" * 64)  # past the ledger
    with pytest.raises(ClinicalError, match="MLflow calls 2"):
        in_force.require()
    assert in_force.report()
    assert in_force.report()
    found = place.ledger.reader.proven(Wanted(action="registry.contradicted"))
    assert [entry.act.details.after for entry in found] == ["2.0.0 (ffffffff)"]
    (refused,) = place.ledger.reader.proven(Wanted(action="model.refused"))
    assert refused.act.outcome == "refused"


def test_a_champion_that_was_never_released_is_refused(
    in_force: InForce, registry: Registry
) -> None:
    registry.release(SUBJECT.id, SUBJECT.version, SUBJECT.sha256, "e" * 64)
    assert "which the ledger never released" in in_force.contradiction()
    with pytest.raises(ClinicalError, match="never released"):
        in_force.load()


@pytest.mark.parametrize("version", [SUBJECT.version, "made-up"])
def test_an_alias_that_was_set_by_hand_does_not_defeat_the_release(
    place: Governed, in_force: InForce, registry: Registry, version: str
) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    run = client.create_run(registry.prepare())
    client.create_registered_model(SUBJECT.id)
    tags = {
        "clinical.version": version,
        "clinical.package_sha256": SUBJECT.sha256,
        "clinical.onnx_sha256": "e" * 64,
    }
    by_hand = client.create_model_version(SUBJECT.id, "runs:/x", run.info.run_id, tags=tags)
    client.set_registered_model_alias(SUBJECT.id, "champion", by_hand.version)
    assert "which the ledger never released" in in_force.problem()
    for _ in range(2):  # the second time nothing changes any more
        released(place, in_force) if in_force.subject() is None else release(in_force)
        assert in_force.problem() == ""
        assert in_force.require().version == SUBJECT.version
    found = place.ledger.reader.proven(Wanted(action="registry.changed"))
    assert [(e.act.outcome, e.act.details.before) for e in found] == [
        ("intended", ""),
        ("done", ""),
    ]


def test_a_version_that_only_the_registry_act_names_is_refused(
    place: Governed, in_force: InForce
) -> None:
    """Recorded as champion, but its stage never came to `released`."""
    place.build()
    in_force.registry.release(SUBJECT.id, SUBJECT.version, SUBJECT.sha256, "e" * 64)
    assert in_force.contradiction() == ""
    with pytest.raises(ClinicalError, match="not released"):
        in_force.require()


def test_a_quarantine_holds_from_the_next_load_on(place: Governed, in_force: InForce) -> None:
    released(place, in_force)
    in_force.require()
    given = {"role": "quality", "stage": "quarantined", "meaning": "responsibility"}
    place.sign(QUENTIN, comment="Alarm", **given)
    with pytest.raises(ClinicalError, match="quarantined"):
        in_force.load()


def test_a_package_that_is_gone_is_refused_on_record(place: Governed, in_force: InForce) -> None:
    released(place, in_force)
    with pytest.raises(ClinicalError):
        in_force.load()
    reasons = [
        e.act.details.kind for e in place.ledger.reader.proven(Wanted(action="model.refused"))
    ]
    assert reasons == ["package"]


@pytest.mark.parametrize("gate", ["performance", "reproducibility"])
def test_gates_are_the_ledger_s_and_not_the_caller_s(
    place: Governed, in_force: InForce, gate: str
) -> None:
    """Whoever calls from Python may bring a verdict of their own."""
    place.build()
    place.decide(gate, passed=False)
    place.review()
    place.approve()
    with pytest.raises(ClinicalError, match=f"the ledger holds that gate {gate} refused"):
        place.stages.enter(SUBJECT, "released", gates=GOOD)
    assert "refused" in place.refusals("stage.refused")[-1]
    place.decide(gate, passed=True)
    place.stages.enter(SUBJECT, "released", gates=GOOD)
    release(in_force)
    assert in_force.problem() == ""
    place.decide(gate, passed=False)  # after the release
    place.build(OTHER, BAD)  # the next candidate
    assert in_force.problem() == ""


def test_the_passes_of_another_candidate_do_not_release_a_version(place: Governed) -> None:
    place.build(gates=BAD)
    place.stages.advance(SUBJECT, GOOD)  # a verdict made by hand
    place.review()
    place.approve()
    place.build(OTHER)
    with pytest.raises(ClinicalError, match="that gate dataset_contract, "):
        place.stages.enter(SUBJECT, "released", gates=GOOD)


def test_the_refusals_of_another_candidate_do_not_keep_a_version_from_its_release(
    place: Governed, in_force: InForce
) -> None:
    place.build()
    place.review()
    place.approve()
    place.build(OTHER, BAD)
    place.stages.enter(SUBJECT, "released", gates=GOOD)
    release(in_force)
    assert in_force.problem() == ""


def crash(place: Governed, version: Subject) -> None:
    """The gate of performance ends with an error."""
    asset, crashed = Subject("asset", f"{MODEL.name}/evaluation"), Undecided("performance", "Error")
    origin = run_of(version, "evaluation")
    place.ledger.record("gate.undecided", asset, crashed, outcome="failed", origin=origin)


def test_a_package_whose_gates_were_not_run_is_not_released(place: Governed) -> None:
    """Though another candidate passed just before, and another is built before its own gates."""
    place.build()
    build(place.ledger, OTHER, passed=None)
    place.stages.advance(OTHER, GOOD)
    for sign in (place.review, place.approve):
        sign(subject=OTHER)
    with pytest.raises(ClinicalError, match=r"no decision of gate dataset_contract, .*reprod"):
        place.stages.enter(OTHER, "released", gates=GOOD)
    place.build(SUBJECT)
    for gate in GATES:
        place.decide(gate, OTHER, passed=False)
    with pytest.raises(ClinicalError, match=r"that gate dataset_contract, .*reproducibility refus"):
        place.stages.enter(OTHER, "released", gates=GOOD)


def test_what_is_reported_without_a_run_says_nothing_of_a_gate(place: Governed) -> None:
    """Dagster's server takes it from anybody."""
    place.build(gates=BAD)
    place.stages.advance(SUBJECT, GOOD)
    place.review()
    place.approve()
    for gate, asset in GATES.items():
        place.ledger.record("gate.decided", judged(asset, SUBJECT), Decision(gate, True))
    with pytest.raises(ClinicalError, match=r"that gate dataset_contract, .*reproducibility refus"):
        place.stages.enter(SUBJECT, "released", gates=GOOD)


def test_a_gate_that_crashed_when_tried_last_does_not_count_as_passed(place: Governed) -> None:
    place.build()
    place.review()
    place.approve()
    crash(place, SUBJECT)
    with pytest.raises(ClinicalError, match="gate performance could not be decided"):
        place.stages.enter(SUBJECT, "released", gates=GOOD)
    place.build(OTHER)  # whose passes clear nothing
    with pytest.raises(ClinicalError, match="gate performance could not be decided"):
        place.stages.enter(SUBJECT, "released", gates=GOOD)
    crash(place, OTHER)
    place.decide("performance", passed=True)
    place.stages.enter(SUBJECT, "released", gates=GOOD)


def test_a_gate_that_is_decided_over_and_over_hides_no_other(place: Governed) -> None:
    place.build()
    for _ in range(100):
        place.decide("performance", passed=True)
    place.review()
    place.approve()
    place.stages.enter(SUBJECT, "released", gates=GOOD)


def test_a_release_under_a_clock_that_was_set_back_stays_in_force(
    place: Governed, in_force: InForce, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then gates and release have one time; their order is that of the entries."""
    later = datetime.now(UTC) + timedelta(hours=1)
    with monkeypatch.context() as ahead:
        ahead.setattr(place.ledger.store, "_clock", lambda: later)
        place.ledger.record("package.exported", SUBJECT, Bytes(1))
    released(place, in_force)
    assert in_force.problem() == ""


def test_a_gate_that_came_later_is_not_held_against_a_release(
    place: Governed, in_force: InForce, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(place, in_force)
    monkeypatch.setitem(GATES, "fairness", "evaluation")
    assert "no decision of gate fairness" in in_force.problem()
    monkeypatch.setattr("clinical_assets.gates.LATER", {"fairness": "99.0"})
    assert in_force.problem() == ""


def test_a_version_that_was_moved_past_the_gates_is_not_in_force(
    place: Governed, in_force: InForce, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as past:
        past.setattr("tests.unit.resources.governed.decide", lambda *_, **__: None)
        past.setattr("resources.stages.gates_against", lambda *_, **__: "")
        released(place, in_force)
    assert "the ledger holds no decision of gate dataset_contract" in in_force.problem()
    with pytest.raises(ClinicalError, match="holds no decision of gate"):
        in_force.require()
