"""Recorded stores: what cannot be written into the ledger does not happen, and what fails is told.

The stores, MLflow and the databases are real; so are the faults.
"""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from clinical_assets.diabetes.spec import MODEL
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.package_record import ReleaseRecord
from clinical_assets.ledger.actions import Nothing
from clinical_assets.ledger.entry import Subject
from clinical_assets.ledger.verification import verify_ledger
from resources import ledger as ledger_module
from resources.in_force import InForce
from resources.ledger_database.reader import Wanted
from resources.mlflow_registry import CHAMPION
from resources.starting import look_into_interrupted
from tests.graph.whole_run import mounted
from tests.unit.evidence.package_examples import example_files
from tests.unit.resources.faults import fill, tiny_disk
from tests.unit.resources.recorded_stores import ROOT, ROWS, SOURCE, Installation, leave_open

NAMES = ("before", "after")


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Ledgers are opened once in a process: those of a test end with it."""
    yield
    for opened in ledger_module._opened.values():
        opened.store.engine.close()
    ledger_module._opened.clear()


@pytest.fixture
def place(tmp_path: Path, empty_mlflow: Path) -> Installation:
    place = Installation(tmp_path / "store").with_mlflow(empty_mlflow, *NAMES)
    place.ledger.record("run.started", Subject("run", "r"), Nothing())
    return place


def said(attempt: Callable[[], Any]) -> str:
    """The words of the refusal: one paragraph."""
    with pytest.raises(ClinicalError) as caught:
        attempt()
    words = str(caught.value)
    assert "\n" not in words
    assert words.endswith(".")
    return words


@contextmanager
def table_that_refuses(place: Installation) -> Iterator[Installation]:
    size = place.size()
    with place.refusing():
        yield place
        assert place.size() == size


@contextmanager
def read_only(place: Installation) -> Iterator[Installation]:
    folder, size = place.settings.ledger_folder, place.size()
    place.ledger.store.engine.close()
    ledger_module._opened.clear()
    with mounted(folder, folder.with_name("read-only"), "ro") as seen:
        yield Installation(place.folder, f"sqlite:///{seen}/ledger.db")
    ledger_module._opened.clear()
    assert place.size() == size


@contextmanager
def full_disk(place: Installation) -> Iterator[Installation]:
    with tiny_disk(place.folder / "disk", "512k") as disk, ExitStack() as room:
        moved = Installation(place.folder / "elsewhere", f"sqlite:///{disk}/ledger.db")
        (place.folder / "elsewhere").mkdir()
        moved.with_mlflow(place.folder / "mlflow/mlflow.db")
        _ = moved.ledger.store.origin
        room.callback(fill(disk).unlink)
        with suppress(ClinicalError):  # there is still room within the database's own pages
            while True:
                moved.ledger.record("run.started", Subject("run", "r"), Nothing())
        size = moved.size()
        yield moved
        assert moved.size() == size
        moved.ledger.store.engine.close()


@pytest.mark.parametrize("fault", [table_that_refuses, read_only, full_disk])
def test_what_cannot_be_written_into_the_ledger_does_not_happen(
    place: Installation, fault: Callable[[Installation], Any]
) -> None:
    actions = list(place.changes("before"))
    with fault(place) as faulty:
        for action in actions:
            assert "so nothing may happen" in said(attempt(faulty, action)), action
        assert faulty.files() == []
        if fault is not read_only:  # of which no ledger can be opened
            nothing_happened(faulty)
    if fault is read_only:
        nothing_happened(place)


def attempt(place: Installation, action: str) -> Callable[[], Any]:
    """One of the changes; the stores are opened for it."""
    return lambda: place.changes("before")[action]()


def nothing_happened(place: Installation) -> None:
    assert place.lake.history("m/before") == ()
    assert place.registry.releases("before") == []
    assert place.registry.champion("before") is None


def test_what_cannot_be_written_into_the_ledger_is_not_read_either(place: Installation) -> None:
    made = {action: change() for action, change in place.changes("before").items()}
    pin, digest, package = (made[f"{name}"] for name in list(made)[:3])
    reads: list[Callable[[], Any]] = [
        lambda: place.lake.read("m/before"),
        lambda: place.lake.files(pin),
        lambda: place.lake.query("SELECT * FROM t", t=pin),
        lambda: place.snapshots.get(digest),
        lambda: place.snapshots.put(b"before"),  # is read and compared
        lambda: place.packages.load(package),
    ]
    size = place.size()
    with place.refusing():
        for read in reads:
            assert "so nothing may happen" in said(read)
    assert place.size() == size
    for read in reads:
        read()
    assert place.told(size) == [
        *[("table.read", "done")] * 3,
        *[("snapshot.read", "done")] * 2,
        ("model.loaded", "done"),
    ]
    assert not hasattr(place.snapshots, "path"), "a read that nobody verifies or records"


def test_what_failed_is_told_and_what_was_done_too(place: Installation) -> None:
    first = place.size()
    changes = place.changes("before")
    for folder in ("lake", "snapshots"):
        (place.folder / folder).rmdir()
        (place.folder / folder).write_text("in the way")
    without = {name: data for name, data in example_files().items() if name != "spec.json"}
    failing: dict[str, Callable[[], Any]] = {
        "table.written": changes["table.written"],
        "snapshot.written": changes["snapshot.written"],
        "package.built": lambda: place.packages.keep(
            without, model="m", version="1.0.0+a", entry_point="m.spec:MODEL"
        ),
        "registry.changed": lambda: place.registry.release("nobody", "1", "a" * 64, "b" * 64),
        "source.added": changes["source.added"],
    }
    for action, attempt in failing.items():
        said(attempt)
        entries = place.entries(first)
        own = [e.act.outcome for e in entries if e.act.action == action]
        assert own[-2:] == ["intended", "failed"], action
    told = place.told(first)
    # A store that is away makes no file a refused one.
    assert not [action for action, _ in told if action == "source.refused"]
    for folder in ("lake", "snapshots"):
        (place.folder / folder).unlink()
        (place.folder / folder).mkdir()
    first = place.size()
    for change in changes.values():
        change()
    assert [outcome for _, outcome in place.told(first)] == [
        *["intended", "done"] * 4,
        *["intended", "intended", "done", "done"],  # the source's file is a snapshot
    ]
    assert place.ledger.reader.open_acts() == []
    subject = place.entries(first)[1].act.subject
    assert (subject.id, subject.version) == ("m/before", "0")
    assert subject.sha256 == place.lake.latest("m/before").sha256


def test_a_file_that_is_not_the_registered_one_is_refused_on_record(
    place: Installation, tmp_path: Path
) -> None:
    first = place.size()
    (tmp_path / "Mrs Canary.csv").write_bytes(b"npreg\n1\n")
    for path in (tmp_path / "Mrs Canary.csv", tmp_path / "none", tmp_path):
        said(lambda path=path: place.sources.add(SOURCE, path))
    assert place.told(first) == [("source.refused", "refused")] * 3
    assert place.files() == []
    bodies = [row.body for row in place.ledger.reader.rows(first)]
    assert not [body for body in bodies if b"Canary" in body]
    with place.refusing():
        assert "so nothing may happen" in said(lambda: place.sources.add(SOURCE, tmp_path))


def in_force(place: Installation) -> InForce:
    from dataclasses import replace

    spec = replace(MODEL, name="after")
    return InForce(spec, place.ledger, place.registry, place.packages)


def test_a_fault_after_the_alias_was_set_does_not_make_the_release_a_failure(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    def away(*_: Any) -> None:
        raise MlflowException("the database is away")

    first = place.size()
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_model_version_tag", away)
        assert isinstance(place.changes("after")["registry.changed"](), ReleaseRecord)
    assert place.told(first) == [("registry.changed", "intended"), ("registry.changed", "done")]
    assert in_force(place).contradiction() == ""
    with monkeypatch.context() as patch:  # and before the alias it is one
        patch.setattr(MlflowClient, "set_registered_model_alias", away)
        said(place.changes("before")["registry.changed"])
    assert place.told(first)[2:] == [
        ("registry.changed", "intended"),
        ("registry.changed", "failed"),
    ]
    assert place.registry.champion("before") is None


def test_a_release_whose_outcome_cannot_be_written_stops_use_until_it_is_looked_into(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = place.size()
    release = place.changes("after")["registry.changed"]
    with place.refusing("NEW.outcome = 'done'"):
        assert "so nothing may happen" in said(release)
    assert place.told(first) == [("registry.changed", "intended")]
    assert place.registry.champion("after") is not None
    assert f"{CHAMPION}, which the ledger never released" in in_force(place).contradiction()
    assert look_into_interrupted(place.settings) == []  # its process lives
    monkeypatch.setattr(place.ledger.writers, "may_be_alive", lambda *_: False)
    (found,) = look_into_interrupted(place.settings)
    assert (found.act.details.found, found.act.outcome) == ("found", "interrupted")
    assert in_force(place).contradiction() == ""
    assert look_into_interrupted(place.settings) == []


@pytest.mark.parametrize("killed", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_what_a_process_left_when_it_ended_is_told_once_and_truly(
    place: Installation, killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change of each store, ended before it was made, and after; by a kill, or as if."""
    from dagster import job

    from resources.dagster_instance.home import dagster_instance

    @job
    def nothing() -> None:
        """A run to be found."""

    with dagster_instance(place.settings) as instance:
        there = instance.create_run_for_job(nothing).run_id
        first = place.size()
        if killed:
            command = [sys.executable, "-m", "tests.unit.resources.recorded_stores"]
            arguments = [*command, str(place.folder), there, "never"]
            done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True)
            assert (done.stdout, done.returncode) == ("left\n", -signal.SIGKILL), done.stderr
        else:
            with monkeypatch.context() as patch:
                leave_open(place, patch, there, "never")
            monkeypatch.setattr(place.ledger.writers, "may_be_alive", lambda *_: False)
        # A package's folder without its zip: killed between the two.
        (zipped,) = (place.folder / "packages/after").glob("*.zip")
        zipped.unlink()
        intended = {e.act.act: e.act for e in place.entries(first)}
        assert {act.outcome for act in intended.values()} == {"intended"}
        found = look_into_interrupted(place.settings)
        assert look_into_interrupted(place.settings) == []
        by_dagster = look_into_interrupted(place.settings, instance)
        assert look_into_interrupted(place.settings, instance) == []
    told = {}
    for entry in (*found, *by_dagster):
        about = intended.pop(entry.act.act)
        assert (entry.act.action, entry.act.outcome) == ("ledger.reconciled", "interrupted")
        assert entry.act.subject == about.subject
        name = about.subject.version if about.action == "source.added" else about.subject.id
        told[about.action, name] = entry.act.details.found
    assert intended == {}
    from clinical_assets.canonical import sha256

    train, test = (sha256((ROOT / f"data/raw/pima/{n}").read_bytes()) for n in FILES)
    assert told == {
        ("table.written", "m/before"): "absent",
        ("snapshot.written", sha256(b"before")): "absent",
        ("package.built", "before"): "absent",
        ("registry.changed", "before"): "absent",
        ("source.added", FILES[0]): "absent",
        ("table.written", "m/after"): "found",
        ("snapshot.written", sha256(b"after")): "found",
        ("package.built", "after"): "cannot be told",  # it may be an earlier one
        ("registry.changed", "after"): "found",
        ("source.added", FILES[1]): "found",
        ("snapshot.written", test): "found",
        ("run.requested", there): "found",
        ("run.requested", "never"): "absent",
    }
    assert not place.snapshots.has(train)
    assert place.lake.read("m/after").equals(ROWS)
    assert in_force(place).subject() is not None
    assert place.ledger.reader.open_acts() == []
    store, reader = place.ledger.store, place.ledger.reader
    report = verify_ledger(
        store.origin, reader.rows(), [*reader.notes(), store.head().note], store.keys.trusted()
    )
    assert report.passed
    assert report.open_acts == ()
    assert len(reader.proven(Wanted(action="ledger.reconciled"))) == len(told)


FILES = ("pima_train.csv", "pima_test.csv")
