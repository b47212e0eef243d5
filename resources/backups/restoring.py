"""Restoring a backup into an empty installation, and saying what was lost.

What belongs here: what must be empty, in which order it is filled, what the ledger is told. What
does not: reading backups (:mod:`.reader`). Clauses: P11-03, HIP-15.

The ledger comes first, in one transaction: were the files first and the process killed, the next
command would begin a new ledger over them. What follows is an act in it, ``backup.restored``, which
stays open if it is interrupted. Where checkpoints of later entries are known, from witnesses or
from the ledger that was replaced, ``ledger.lost`` names them before anything else about the restore
is written, a new key included: see :mod:`clinical_assets.ledger.losses`. Who may restore is
established before anything is moved or written (:mod:`.permission`).
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from clinical_assets.canonical import sha256 as digest_of_bytes
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.backup_manifest import BackupManifest
from clinical_assets.ledger.actions import Covering, Lost
from clinical_assets.ledger.checkpoint import PublicKey
from clinical_assets.ledger.entry import Subject
from clinical_assets.ledger.losses import ACTION
from resources.actors import acting
from resources.backups.files import file_sha256
from resources.backups.keys import PackedKeys
from resources.backups.losses import loss_by_restore
from resources.backups.permission import keys_afterwards, restorer
from resources.backups.reader import demand_good, verify_backup
from resources.backups.seen_notes import KnownKeys, of_unknown_keys, present_notes, told_apart
from resources.backups.settling import settle_own_act
from resources.backups.trial import trial_folder
from resources.blobs import S3Blobs, disk_faults, flush
from resources.keys_on_record import is_lost, own_keys, put_on_record, replacement, signer
from resources.ledger import Ledger
from resources.ledger_database.copy import LedgerCopy, holds_ledger, load_ledger
from resources.ledger_database.engine import LedgerEngine
from resources.ledger_keys import LedgerKeys
from resources.ledger_memory import kept_notes
from resources.maintenance import maintaining
from resources.people.claims import Claim
from resources.people.service_credentials import misses_credential
from resources.retention import demand_reason
from resources.settings import Settings
from resources.witnesses.witness import held_notes, open_witnesses


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    Attributes:
        manifest: of the backup.
        lost: entries that are known to have been written after it.
        aside: where the old stores went.
        silent: witnesses that did not answer, so that more may have been lost than is known.
        unknown: how many notes of the witnesses no known key signed; likewise.
        no_credential: no service of the restored register has the credential that is here, so that
            nothing is done without a person.
    """

    manifest: BackupManifest
    lost: Lost | None
    aside: tuple[Path, ...]
    silent: tuple[str, ...]
    unknown: int = 0
    no_credential: bool = False


def restore_backup(
    settings: Settings,
    folder: Path,
    open_restored: Callable[[], Ledger],
    *,
    keys: Sequence[PublicKey],
    witnessed: Sequence[str] = (),
    claim: Callable[[], Claim],
    packed: PackedKeys | None = None,
    replace: bool = False,
    ignore_unknown_notes: bool = False,
    reason: str,
) -> Restored:
    """Puts a verified backup in the place of an empty installation.

    Args:
        open_restored: opens the ledger once it is there, though it is an older copy; it must not be
            opened before.
        keys: who is trusted to have signed the backup; none is refused, unless those of ``packed``
            are.
        witnessed: checkpoints to hold the backup against, beside those of the installation's own
            witnesses, which are asked here.
        claim: asks for what proves who restores; called where the backup's register decides.
        packed: private keys to be put back, too.
        replace: moves what is there aside, on this machine only; nothing is deleted. The head of
            a ledger that is replaced counts as a witness, if it can still be read.
        ignore_unknown_notes: goes on where witnesses hold notes about later entries that no known
            key signed; how many is written into the ledger.

    Raises:
        ClinicalError: the backup does not verify, something is in the way, whoever restores may
            not, a witness contradicts the backup itself, or the disk refuses.
    """
    demand_reason(reason)
    with trial_folder(settings) as trial:
        found_keys = keys_afterwards(settings, packed, trial)
        if packed is not None and not keys:
            keys = LedgerKeys(found_keys).trusted()
        copy, manifest, sha256 = _verified(folder, keys)
        _in_the_way(settings, replace)
        actor = restorer(settings, copy, found_keys, trial, claim)
        known = KnownKeys.of(keys, copy, LedgerKeys(settings.keys), LedgerKeys(found_keys))
    with maintaining(settings):
        witnesses = open_witnesses(settings.witnesses, s3_options=settings.s3_options)
        held = held_notes(witnesses, copy.origin)
        here = kept_notes(settings.ledger_folder, settings.keys, copy.origin)
        seen = [*held.notes, *present_notes(settings), *here]
        found, unknown = told_apart(seen, copy, known)
        later = sum(unknown)
        if later and not ignore_unknown_notes:
            raise of_unknown_keys(later, copy)
        lost = loss_by_restore(copy, [*witnessed, *found], known.trusted)
        aside = _move_aside(settings, _in_the_way(settings, replace))
        if packed is not None:
            packed.unpack(settings.keys)
        _public_keys(settings, folder, manifest)
        load_ledger(settings.ledger_url, copy)
        _end_sessions(settings)
        ledger = open_restored()
        about = Subject("backup", folder.name, sha256=sha256)
        why = f"{reason} ({later} later note(s) of unknown keys were ignored)" if later else reason
        with acting(actor or ledger.actor):
            _first_entries(ledger, lost, reason)
            restored = Covering(manifest.size, manifest.root, str(folder))
            with ledger.doing("backup.restored", about, restored, reason=why):
                put_back(settings, folder, manifest)
            settle_own_act(ledger, folder.name, manifest.size, sha256)
        missing = misses_credential(ledger.store, settings.keys)
    return Restored(manifest, lost, aside, tuple(held.silent), len(unknown), missing)


def _verified(folder: Path, keys: Sequence[PublicKey]) -> tuple[LedgerCopy, BackupManifest, str]:
    """The ledger's copy, the manifest and its digest.

    Raises:
        ClinicalError: there is no key, or the backup does not verify.
    """
    if not keys:
        raise ClinicalError(
            "Whose backup this is cannot be told without a public key",
            where=str(folder),
            repair="Give --key with the ledger's public key, as you have it from elsewhere than"
            " from the backup",
        )
    report = verify_backup(folder, keys)
    return report.copy, demand_good(report), report.sha256


def put_back(settings: Settings, folder: Path, manifest: BackupManifest) -> None:
    """Copies every file but ledger and keys into the stores, each verified as it is written.

    Raises:
        ClinicalError: a file is not what the manifest says, or a store refuses.
    """
    places = {
        "lake": settings.lake_url,
        "snapshots": settings.snapshots_url,
        "packages": str(settings.packages),
        "dagster": str(settings.dagster_home),
        "mlflow/artifacts": settings.mlflow_artifacts,
    }
    database = settings.mlflow_tracking_uri.removeprefix("sqlite:///")
    folders: set[Path] = set()
    for path, stated in manifest.files.items():
        if path == "mlflow/mlflow.db":
            target = database
        else:
            name = path.partition("/")[0]
            if path.startswith("mlflow/artifacts/"):
                name = "mlflow/artifacts"
            if name not in places:
                continue
            target = f"{places[name]}/{path.removeprefix(name + '/')}"
        if "://" in target and not target.startswith("s3://"):
            continue  # a server's, not ours
        if target.startswith("s3://"):
            below = path.removeprefix(name + "/")
            _upload(settings, places[name], below, folder / path, stated.sha256)
        else:
            _place(folder / path, Path(target), stated.sha256)
            folders.add(Path(target).parent)
    for one in folders:
        with disk_faults(one):
            flush(one)


def _in_the_way(settings: Settings, replace: bool) -> list[Path]:
    """What has to be moved aside.

    Raises:
        ClinicalError: something is there and shall not, or cannot, be moved.
    """
    local, fixed = _occupied(settings)
    if (local or fixed) and not replace:
        raise ClinicalError(
            "The installation is not empty, and a restore overwrites nothing",
            where=", ".join([*map(str, local), *fixed]),
            repair="Restore into another CLINICAL_STORE, or give --replace, which moves what is"
            " there aside",
        )
    if fixed:
        raise ClinicalError(
            "A server holds records that cannot be moved aside from here",
            where=", ".join(fixed),
            repair="Keep it for the investigation; name an empty database in CLINICAL_LEDGER_URL"
            " or an empty prefix in CLINICAL_LAKE_URL and CLINICAL_SNAPSHOTS_URL",
        )
    return local


def _move_aside(settings: Settings, local: Sequence[Path]) -> tuple[Path, ...]:
    """Makes every store empty; where things were moved to."""
    stamp = datetime.now(UTC).strftime("replaced-%Y%m%dT%H%M%SZ")
    aside = []
    for path in local:
        with disk_faults(path):
            for extra in ("", "-wal", "-shm"):
                here = path.with_name(path.name + extra)
                if here.exists():
                    here.rename(path.with_name(f"{path.name}.{stamp}{extra}"))
            flush(path.parent)
        aside.append(path.with_name(f"{path.name}.{stamp}"))
    settings.prepare()
    return tuple(aside)


def _occupied(settings: Settings) -> tuple[list[Path], list[str]]:
    """What is in the way: on this machine, and on servers."""
    local: list[Path] = []
    fixed: list[str] = []
    urls = (settings.snapshots_url, settings.lake_url, settings.mlflow_artifacts)
    for url in (*urls, str(settings.packages), str(settings.dagster_home)):
        if url.startswith("s3://"):
            if S3Blobs(url, settings.s3_options).names():
                fixed.append(url)
        elif "://" not in url and any(p.is_file() and p.suffix != ".lock" for p in _below(url)):
            local.append(Path(url))
    tracking = settings.mlflow_tracking_uri
    if tracking.startswith("sqlite:///"):
        database = Path(tracking.removeprefix("sqlite:///"))
        local += [database] if database.exists() else []
    engine = LedgerEngine(settings.ledger_url)
    if not engine.embedded:
        fixed += [engine.place] if holds_ledger(settings.ledger_url) else []
    elif _is_ledger(settings, Path(engine.place)):
        local.append(Path(engine.place))
    return local, fixed


def _is_ledger(settings: Settings, file: Path) -> bool:
    """Whether a file holds a ledger; a damaged one is taken for it."""
    try:
        return holds_ledger(settings.ledger_url)
    except ClinicalError:
        return file.exists()


def _below(folder: str) -> Iterator[Path]:
    return Path(folder).rglob("*")


def _public_keys(settings: Settings, folder: Path, manifest: BackupManifest) -> None:
    """Trusts the keys that were trusted; the backup was verified by then. None is replaced."""
    for path in manifest.files:
        if path.startswith("keys/"):
            target = settings.keys / path.removeprefix("keys/")
            if not target.exists():
                with disk_faults(target):
                    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                _place(folder / path, target, manifest.files[path].sha256)


def _end_sessions(settings: Settings) -> None:
    """Deletes the terminals' tokens: the restored ledger knows none of their sessions."""
    with disk_faults(settings.keys):
        for token in (settings.keys / "sessions").glob("*.token"):
            token.unlink(missing_ok=True)


def _first_entries(ledger: Ledger, lost: Lost | None, reason: str) -> None:
    """What was lost, and that the ledger goes on under another key, where the private key was not
    restored: the new one is in force once both are on disk."""
    if not is_lost(ledger.store):
        _record_loss(ledger, lost, reason)
        put_on_record(ledger)
        return
    former = signer(ledger.store)
    with own_keys(ledger.store).replacing(ledger.store.origin) as bring_up:
        subject, change = replacement(former, bring_up())
        _record_loss(ledger, lost, reason)
        ledger.record("key.created", subject, change, reason=reason)


def _record_loss(ledger: Ledger, lost: Lost | None, reason: str) -> None:
    if lost is not None:
        about = Subject("ledger", ledger.store.origin)
        with ledger.memory.answering():
            ledger.record(ACTION, about, lost, reason=reason)


def _place(source: Path, target: Path, sha256: str) -> None:
    """Copies a file to its place: whole, verified, on disk, or not at all."""
    draft = target.with_name(f".restoring-{target.name}"[:200])
    with disk_faults(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(source, draft)
            shutil.copymode(source, draft)
            if file_sha256(draft) != sha256:
                raise _changed(source)
            flush(draft)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)


def _upload(settings: Settings, url: str, name: str, source: Path, sha256: str) -> None:
    data = source.read_bytes()
    if digest_of_bytes(data) != sha256:
        raise _changed(source)
    blobs = S3Blobs(url, settings.s3_options)
    if not blobs.create(name, data) and blobs.read(name) != data:
        raise ClinicalError(
            "Another object lies where one would be restored",
            where=f"{url}/{name}",
            repair="Name an empty prefix and restore again",
        )


def _changed(source: Path) -> ClinicalError:
    return ClinicalError(
        "A file of the backup changed while it was restored",
        where=source.name,
        repair="Verify the backup, then restore again with --replace",
    )
