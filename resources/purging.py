"""Purging a record whose retention is over: found, judged, written down, deleted (P11-03).

What belongs here: the order of these, and what deleting means for each kind. What does not: the
rules (:mod:`clinical_assets.evidence.retention`) and what is in effect (:mod:`.references`).

What stays verifiable: a package's digest stands in the ledger, a snapshot's name is its digest, and
of a table only the rows' file is deleted while its log keeps digest and number of rows. So it can
be shown for ever what was there and who purged it, but no longer the content. On S3, a bucket with
versions or object lock keeps the bytes until its own rules let them go; nothing goes past that.
"""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from clinical_assets.canonical import sha256
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.retention import (
    EVERYTHING,
    PurgeVerdict,
    Record,
    Schedule,
    in_force,
    judge_purge,
)
from clinical_assets.ledger.actions import Failing, Nothing
from clinical_assets.ledger.entry import Entry, Subject
from resources.blobs import disk_faults, flush, open_blobs
from resources.ledger import Ledger
from resources.ledger_database.scan import LedgerScan
from resources.references import Use
from resources.retention import HELD, demand_reason, hold_events
from resources.settings import Settings

# A record is made by one of the first, and counts as in effect at every one of these.
_MADE = ("package.built", "snapshot.written", "source.added", "table.written")
_IN_EFFECT = (
    *_MADE,
    "package.exported",
    "stage.changed",
    "registry.changed",
    "signature.given",
    "model.loaded",
)


_PURGED = ".partial-purged-"


class Uses(Protocol):
    """Who can tell what is in effect (:class:`resources.references.References`)."""

    def package(self, model: str, digest: str) -> Use:
        """Use of a package."""

    def snapshot(self, sha256: str) -> Use:
        """Use of a file of the snapshot store."""

    def table(self, table: str, version: int) -> Use:
        """Use of a version of a table."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A record of the stores: what it is, whether it is in effect, how it is deleted."""

    subject: Subject
    models: frozenset[str] | None
    use: Use
    made: Callable[[Entry], bool]
    delete: Callable[[], None]
    guard: Callable[[], AbstractContextManager[None]] = nullcontext


def purge(
    settings: Settings,
    ledger: Ledger,
    schedule: Schedule,
    uses: Uses,
    kind: str,
    record: str,
    *,
    reason: str,
) -> PurgeVerdict:
    """Deletes one record whose period is over and that nothing holds.

    Args:
        kind: ``package`` (``model/version-digest``), ``snapshot`` (its SHA-256) or ``table``
            (``name@version``); the other kinds are refused, in words.
        reason: why; it is written into the ledger.

    Raises:
        ClinicalError: it must not be purged yet, or at all (recorded as ``retention.refused``),
            there is no such record, or a store refuses to delete it (recorded as failed).
    """
    demand_reason(reason)
    if kind not in _FINDERS:
        verdict = judge_purge(Record(kind, record, None, None), (), _now(ledger), schedule)
        _refuse(ledger, Subject(kind, record), verdict, reason)
    found = _FINDERS[kind](settings, uses, record)
    scan = LedgerScan(ledger.store, [HELD, *_IN_EFFECT])
    with found.guard():
        verdict = _judge(ledger, schedule, found, scan)
        if not verdict.allowed:
            _refuse(ledger, found.subject, verdict, reason)
        with ledger.doing("retention.purged", found.subject, Nothing(), reason=reason):
            # A hold that was written before the intention counts; a later one comes too late.
            again = _judge(ledger, schedule, found, scan)
            if not again.allowed:
                raise _refusal(found.subject, again)
            found.delete()
    return verdict


def _judge(ledger: Ledger, schedule: Schedule, found: _Found, scan: LedgerScan) -> PurgeVerdict:
    entries = scan.refresh()
    about = [e for e in entries if e.act.outcome == "done" and found.made(e)]
    times = [entry.at for entry in about]
    if not any(entry.act.action in _MADE for entry in about):
        times = []
    elif found.use.until is not None:
        times.append(found.use.until)
    record = Record(
        found.subject.kind,
        found.subject.id,
        found.models,
        max(times, default=None),
        found.use.why,
    )
    return judge_purge(record, in_force(hold_events(entries)), _now(ledger), schedule)


def _now(ledger: Ledger) -> datetime:
    with ledger.store.engine.reading() as connection:
        return ledger.store.engine.now(connection)


def _refuse(ledger: Ledger, subject: Subject, verdict: PurgeVerdict, reason: str) -> None:
    why = Failing(verdict.rule)
    ledger.record("retention.refused", subject, why, outcome="refused", reason=reason)
    raise _refusal(subject, verdict)


def _refusal(subject: Subject, verdict: PurgeVerdict) -> ClinicalError:
    repairs = {
        "held": "Lift the hold first, if it is yours to lift: `clinical retention release`",
        "not expired": "Purge it when its period is over",
        "in use": "Keep it as long as something rests on it",
        "unknown kind": "`clinical retention show` lists the kinds",
    }
    return ClinicalError(
        f"It is not purged. {verdict.why}",
        where=f"{subject.kind} {subject.id}",
        repair=repairs.get(verdict.rule, "Keep it"),
    )


def _package(settings: Settings, uses: Uses, record: str) -> _Found:
    model, _, name = record.partition("/")
    folder = settings.packages / record
    if not model or not name or any(part.startswith(".") or "/" in part for part in (model, name)):
        raise _absent("package", record, "write model/version-digest")
    for leftover in folder.parent.glob(f"{_PURGED}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    digest = _package_digest(folder)

    def delete() -> None:
        with disk_faults(folder):
            archive = folder.with_name(f"{folder.name}.zip")
            archive.unlink(missing_ok=True)
            if folder.exists():
                # Out of sight at once and whole; what a killed purge leaves the next one removes.
                gone = folder.with_name(f"{_PURGED}{uuid4().hex}")
                folder.rename(gone)
                flush(folder.parent)
                shutil.rmtree(gone)
            flush(folder.parent)

    def guard() -> AbstractContextManager[None]:
        from resources.mlflow_registry import Registry

        return Registry(settings.mlflow_tracking_uri, settings.mlflow_artifacts).releasing()

    version = name.rpartition("-")[0]
    subject = Subject("package", record, version, digest)
    use = uses.package(model, digest)
    return _Found(
        subject, frozenset([model]), use, lambda e: e.act.subject.sha256 == digest, delete, guard
    )


def _package_digest(folder: Path) -> str:
    from clinical_assets.evidence.manifest import MANIFEST
    from clinical_assets.evidence.package import load_package

    with disk_faults(folder):
        if (folder / MANIFEST).is_file():
            return sha256((folder / MANIFEST).read_bytes())
        archive = folder.with_name(f"{folder.name}.zip")
        if archive.is_file():  # of a purge that was interrupted
            return load_package(archive).digest
    raise _absent("package", f"{folder.parent.name}/{folder.name}", "look into CLINICAL_PACKAGES")


def _snapshot(settings: Settings, uses: Uses, record: str) -> _Found:
    from resources.snapshot_store import SnapshotStore

    store = SnapshotStore(settings.snapshots_url, settings.s3_options)
    if not store.has(record):
        raise _absent("snapshot", record, "check CLINICAL_SNAPSHOTS_URL")
    return _Found(
        Subject("snapshot", record, sha256=record),
        None,  # equal bytes may serve several models
        uses.snapshot(record),
        lambda entry: entry.act.subject.sha256 == record,
        lambda: _deleted(settings.snapshots_url, lambda: store.remove(record)),
    )


def _table(settings: Settings, uses: Uses, record: str) -> _Found:
    from resources.delta.lake import Lake

    table, _, number = record.rpartition("@")
    history = Lake(settings.lake_url, settings.s3_options).history(table) if table else ()
    commits = {commit.pin.version: commit for commit in history}
    version = int(number) if number.isascii() and number.isdigit() else -1
    if version not in commits:
        raise _absent("table", record, "write name@version, as `clinical data` shows them")
    commit = commits[version]
    blobs = open_blobs(f"{settings.lake_url}/{table}", settings.s3_options)
    if not blobs.exists(commit.record.file):
        raise _absent("table", record, "its rows' file is gone; the ledger says whether by purge")
    built_on = [
        later.pin.version
        for later in commits.values()
        if later.record.base <= version < later.pin.version and blobs.exists(later.record.file)
    ]
    use = uses.table(table, version)
    if version == max(commits):
        use = Use("it is the newest version of the table")
    elif built_on:
        use = Use(f"version {max(built_on)} was appended to it and is still kept")

    def made(entry: Entry) -> bool:
        about = entry.act.subject
        return (about.kind, about.id, about.version) == ("table", table, str(version))

    return _Found(
        Subject("table", record, str(version), commit.pin.sha256),
        frozenset([table.partition("/")[0]]),
        use,
        made,
        lambda: _deleted(settings.lake_url, lambda: blobs.remove(commit.record.file)),
    )


_FINDERS = {"package": _package, "snapshot": _snapshot, "table": _table}


def keeps_nothing(settings: Settings, uses: Uses, kind: str, record: str) -> str:
    """Why a hold of this name keeps no record that is here now; empty where it keeps one, or where
    records of the kind are never purged."""
    if kind not in _FINDERS or record == EVERYTHING:
        return ""
    try:
        _FINDERS[kind](settings, uses, record)
    except ClinicalError as error:
        return str(error)
    return ""


def _deleted(url: str, remove: Callable[[], None]) -> None:
    try:
        remove()
    except ClinicalError as error:
        if not url.startswith("s3://"):
            raise
        raise ClinicalError(
            f"The object store keeps it: {error.what}",
            where=url,
            repair="Where object lock or a policy of the bucket protects it, wait until it ends;"
            " nothing here goes past it",
        ) from error


def _absent(kind: str, record: str, hint: str) -> ClinicalError:
    return ClinicalError(
        f"There is no such {kind}",
        where=record[:120],
        repair=f"Check the id: {hint}",
    )
