"""Purging: refused before its time, under hold, in effect or unproven; whole and written down."""

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.package_record import PackageRecord
from clinical_assets.evidence.retention import BUILT_IN
from clinical_assets.ledger.entry import Outcome
from clinical_assets.ledger.merkle import leaf_hash
from resources import ledger as ledger_module
from resources import purging
from resources.delta.lake import Lake
from resources.ledger import Ledger, open_ledger
from resources.ledger_database.reader import Wanted
from resources.purging import purge
from resources.references import Use
from resources.retention import (
    hold_events,
    holds_in_force,
    lift_hold,
    load_schedule,
    set_hold,
)
from resources.settings import Settings
from resources.snapshot_store import SnapshotStore
from tests.unit.resources.small_store import Filled, settings_of

LATER = datetime.now(UTC) + timedelta(days=7 * 366)


class NoUse:
    """Nothing is in effect."""

    def package(self, model: str, digest: str) -> Use:
        return Use()

    def snapshot(self, sha256: str) -> Use:
        return Use()

    def table(self, table: str, version: int) -> Use:
        return Use()


class Store:
    def __init__(self, root: Path, package: PackageRecord, snapshot: str) -> None:
        self.settings: Settings = settings_of(root)
        self.ledger: Ledger = open_ledger(self.settings)
        self.package, self.snapshot = package, snapshot

    def purge(self, kind: str, record: str, uses: object = None) -> None:
        purge(
            self.settings,
            self.ledger,
            BUILT_IN,
            uses or NoUse(),  # type: ignore[arg-type]
            kind,
            record,
            reason="Its time is over",
        )

    def outcomes(self, action: str) -> list[Outcome]:
        found = self.ledger.reader.proven(Wanted(action=action))
        return [entry.act.outcome for entry in found]

    def refused(self, kind: str, record: str, uses: object = None) -> str:
        """The words and the recorded rule of a refusal."""
        with pytest.raises(ClinicalError) as caught:
            self.purge(kind, record, uses)
        entry = self.ledger.reader.proven(Wanted(action="retention.refused"))[-1]
        assert entry.act.outcome == "refused"
        assert entry.act.reason == "Its time is over"
        assert self.outcomes("retention.purged") == []
        return f"{entry.act.details.kind}: {caught.value}"


@pytest.fixture
def store(tmp_path: Path, filled: Filled) -> Iterator[Store]:
    shutil.copytree(filled.store, tmp_path / "store")
    yield Store(tmp_path / "store", filled.package, filled.snapshot)
    ledger_module._opened.clear()


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven years later."""
    monkeypatch.setattr(purging, "_now", lambda ledger: LATER)


def records(store: Store) -> list[tuple[str, str]]:
    package: PackageRecord = store.package
    return [("package", package.folder), ("snapshot", store.snapshot), ("table", "m/table@1")]


def test_before_its_time_nothing_is_purged(store: Store) -> None:
    for kind, record in records(store):
        assert store.refused(kind, record).startswith("not expired: It is not purged. It is kept")
    assert SnapshotStore(store.settings.snapshots_url).get(store.snapshot)


@pytest.mark.usefixtures("late")
def test_what_is_over_is_purged_and_written_down_before_and_after(store: Store) -> None:
    root = store.settings.packages
    for kind, record in records(store):
        store.purge(kind, record)
    assert not (root / store.package.folder).exists()
    assert not (root / store.package.archive).exists()
    assert list((root / "m").iterdir()) == []
    assert not SnapshotStore(store.settings.snapshots_url).has(store.snapshot)
    assert store.outcomes("retention.purged") == ["intended", "done"] * 3
    digests = [e.act.subject.sha256 for e in store.ledger.reader.proven(Wanted())][-5:]
    assert store.package.digest in [
        e.act.subject.sha256 for e in store.ledger.reader.proven(Wanted(action="retention.purged"))
    ]
    assert all(digests[-2:])


@pytest.mark.usefixtures("late")
def test_a_purged_table_version_leaves_the_others_and_its_record(store: Store) -> None:
    lake = Lake(store.settings.lake_url)
    pins = [commit.pin for commit in lake.history("m/table")]  # the newest first
    assert store.refused("table", "m/table@0").startswith(
        "in use: It is not purged. It is in effect: version 1 was appended to it"
    )
    assert "newest version" in store.refused("table", "m/table@3")
    assert "version 3 was appended" in store.refused("table", "m/table@2")
    store.purge("table", "m/table@1")
    store.purge("table", "m/table@0")
    assert [commit.pin for commit in lake.history("m/table")] == pins
    assert lake.read("m/table", pins[0])["row"].to_list() == [6, 7, 8, 9, 10, 11]
    with pytest.raises(ClinicalError, match="lacks its file"):
        lake.read("m/table", pins[3])
    with pytest.raises(ClinicalError, match="says whether by purge"):
        store.purge("table", "m/table@1")


@pytest.mark.usefixtures("late")
def test_a_hold_keeps_it_until_it_is_lifted(store: Store) -> None:
    ledger: Ledger = store.ledger
    set_hold(ledger, BUILT_IN, "model", "m", reason="Smith v. Hospital")
    set_hold(ledger, BUILT_IN, "snapshot", "*", reason="Audit", matter="audit 7")
    for kind, record in records(store):
        assert store.refused(kind, record).startswith("held: It is not purged.")
    lift_hold(ledger, BUILT_IN, "model", "m", reason="Settled")
    assert "audit 7" in store.refused("snapshot", store.snapshot)
    assert [hold.kind for hold in holds_in_force(ledger)] == ["snapshot"]
    events = hold_events(ledger.reader.proven(Wanted(action="retention.held")))
    assert [event.reason for event in events] == [
        "Smith v. Hospital",
        "Audit",
        "Settled",
    ]
    store.purge("package", store.package.folder)


@pytest.mark.usefixtures("late")
def test_a_hold_between_judgement_and_intention_counts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    doing = Ledger.doing

    def slow(self: Ledger, *arguments: object, **more: object):
        set_hold(self, BUILT_IN, "snapshot", store.snapshot, reason="Just in time")
        return doing(self, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Ledger, "doing", slow)
    with pytest.raises(ClinicalError, match="legal hold"):
        store.purge("snapshot", store.snapshot)
    assert SnapshotStore(store.settings.snapshots_url).has(store.snapshot)
    assert store.outcomes("retention.purged") == ["intended", "failed"]


@pytest.mark.usefixtures("late")
def test_what_is_in_effect_or_was_lately_stays(store: Store) -> None:
    class Champion(NoUse):
        def package(self, model: str, digest: str) -> Use:
            assert (model, digest) == ("m", store.package.digest)
            return Use("it is the champion")

    class Replaced(NoUse):
        def package(self, model: str, digest: str) -> Use:
            return Use(until=LATER - timedelta(days=1))

    assert "it is the champion" in store.refused("package", store.package.folder, Champion())
    assert store.refused("package", store.package.folder, Replaced()).startswith("not expired")


@pytest.mark.usefixtures("late")
def test_what_no_entry_speaks_of_is_kept(store: Store) -> None:
    stranger = SnapshotStore(store.settings.snapshots_url).put(b"put there past the ledger")
    assert store.refused("snapshot", stranger).startswith("age unknown")


@pytest.mark.parametrize(
    ("kind", "rule"),
    [("ledger", "never"), ("run", "never"), ("card", "never"), ("packages", "unknown kind")],
)
@pytest.mark.usefixtures("late")
def test_kinds_that_are_not_purged_are_refused_in_words(store: Store, kind: str, rule: str) -> None:
    assert store.refused(kind, "x").startswith(f"{rule}: It is not purged.")


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        ("package", "m/none"),
        ("package", "../m/1"),
        ("package", "m/../../keys"),
        ("package", "m"),
        ("snapshot", "0" * 64),
        ("table", "m/table@9"),
        ("table", "m/table@-1"),
        ("table", "m/table"),
    ],
)
@pytest.mark.usefixtures("late")
def test_what_is_not_there_is_not_purged(store: Store, kind: str, record: str) -> None:
    with pytest.raises(ClinicalError, match="There is no such"):
        store.purge(kind, record)


@pytest.mark.usefixtures("late")
def test_a_store_that_refuses_is_believed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(self: SnapshotStore, sha256: str) -> None:
        raise ClinicalError("The object store refused a request (PermissionDenied)", repair="-")

    monkeypatch.setattr(SnapshotStore, "remove", locked)
    moved = store.settings.model_copy(update={"snapshots_url": "s3://bucket/x"})
    monkeypatch.setattr(SnapshotStore, "has", lambda self, sha256: True)
    store.settings = moved
    with pytest.raises(ClinicalError, match=r"The object store keeps it.*object lock"):
        store.purge("snapshot", store.snapshot)
    assert store.outcomes("retention.purged") == ["intended", "failed"]


@pytest.mark.usefixtures("late")
def test_a_purge_that_was_killed_is_finished_by_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(purging.shutil, "rmtree", _killed)
        with pytest.raises(KeyboardInterrupt):
            store.purge("package", store.package.folder)
    assert store.ledger.reader.open_acts() == []
    assert not (store.settings.packages / store.package.folder).exists()
    with pytest.raises(ClinicalError, match="There is no such package"):
        store.purge("package", store.package.folder)
    assert list((store.settings.packages / "m").iterdir()) == []


def _killed(path: Path) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "change",
    [
        "body = CAST(replace(body, 'Case', 'Cass') AS BLOB)",
        "body = replace(body, 'Case', 'Cass')",
        "action = 'run.started'",
    ],
)
@pytest.mark.usefixtures("late")
def test_a_hold_cannot_be_hidden_in_the_database(store: Store, change: str) -> None:
    file = store.settings.ledger_url.removeprefix("sqlite:///")
    set_hold(store.ledger, BUILT_IN, "snapshot", store.snapshot, reason="Case")
    with sqlite3.connect(file) as opened:
        opened.execute("DROP TRIGGER ledger_entries_no_update")
        opened.execute(f"UPDATE ledger_entries SET {change} WHERE action = 'retention.held'")
    with pytest.raises(ClinicalError, match=r"legal hold|missing or changed"):
        store.purge("snapshot", store.snapshot)
    assert SnapshotStore(store.settings.snapshots_url).has(store.snapshot)


@pytest.mark.usefixtures("late")
def test_a_hold_rewritten_with_its_hash_is_found(store: Store) -> None:
    file = store.settings.ledger_url.removeprefix("sqlite:///")
    set_hold(store.ledger, BUILT_IN, "snapshot", store.snapshot, reason="Case")
    with sqlite3.connect(file) as opened:
        opened.execute("DROP TRIGGER ledger_entries_no_update")
        wanted = "SELECT seq, body FROM ledger_entries WHERE action = 'retention.held'"
        seq, body = opened.execute(wanted).fetchone()
        forged = body.replace(b"retention.held", b"run.started")
        row = (forged, leaf_hash(forged), seq)
        opened.execute("UPDATE ledger_entries SET body = ?, leaf = ? WHERE seq = ?", row)
    with pytest.raises(ClinicalError, match="missing or changed"):
        store.purge("snapshot", store.snapshot)
    assert SnapshotStore(store.settings.snapshots_url).has(store.snapshot)


@pytest.mark.parametrize(
    ("kind", "record", "reason"), [("pack", "x", "r"), ("package", " ", "r"), ("package", "x", " ")]
)
def test_a_hold_names_kind_record_and_reason(
    store: Store, kind: str, record: str, reason: str
) -> None:
    with pytest.raises(ClinicalError):
        set_hold(store.ledger, BUILT_IN, kind, record, reason=reason)
    with pytest.raises(ClinicalError, match="No such hold"):
        lift_hold(store.ledger, BUILT_IN, "package", "x", reason="r")


def test_the_schedules_file(store: Store, tmp_path: Path) -> None:
    assert load_schedule(store.settings) is BUILT_IN
    path = tmp_path / "retention.toml"
    set_to = store.settings.model_copy(update={"retention": path})
    with pytest.raises(ClinicalError, match="cannot be read"):
        load_schedule(set_to)
    path.write_text('[table]\nyears = 30\nsource = "Policy"\n')
    assert load_schedule(set_to)["table"].years == 30
