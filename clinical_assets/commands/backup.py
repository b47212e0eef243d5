"""``clinical backup``: make, verify and restore backups, and try a restore.

Printing, prompts and exit codes only; the work is done in ``resources.backups.making*``.
"""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click

from clinical_assets.commands.backup_words import (
    keys_for,
    lost_object,
    parsed_keys,
    print_drill,
    print_lost,
    print_no_credential,
    print_silent,
    print_unknown,
    read_notes,
)
from clinical_assets.commands.people_tools import Asking, claim_of, hidden, secret_stdin
from clinical_assets.errors import ClinicalError

_PATH = click.Path(path_type=Path)
_KEYS = click.option(
    "--key", "given", multiple=True, help="Public key of the ledger: its line, or a file of lines."
)
_AGAINST = click.option(
    "--against", multiple=True, type=_PATH, help="File with a checkpoint that a witness holds."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def backup() -> None:
    """Make, verify and restore backups; try a restore."""


@backup.command()
@click.argument("folder", type=_PATH)
@click.option("--previous", type=_PATH, help="Earlier backup; unchanged files are linked to it.")
@click.option(
    "--with-keys",
    "keys_file",
    type=_PATH,
    help="Also write private keys and credentials to this file, encrypted.",
)
@_JSON
def make(folder: Path, previous: Path | None, keys_file: Path | None, as_json: bool) -> None:
    """Copy ledger, tables, snapshots, packages, MLflow and Dagster into FOLDER, which is new.

    Private keys are not in it. Runs may go on meanwhile.
    """
    from resources.backups.keys import pack_keys
    from resources.backups.making import make_backup
    from resources.ledger import open_ledger
    from resources.rights import require_right
    from resources.settings import Settings

    try:
        settings = Settings.load()
        require_right(settings, "administer")
        passphrase = _passphrase(confirm=True) if keys_file is not None else ""
        ledger = open_ledger(settings)
        made = make_backup(settings, ledger, folder, previous=previous)
        if keys_file is not None:
            pack_keys(settings.keys, keys_file, passphrase)
    except ClinicalError as error:
        _stop(error, as_json)
    manifest = made.manifest
    facts = {
        "folder": str(made.folder),
        "sha256": made.sha256,
        "entries": manifest.size,
        "root": manifest.root,
        "files": len(manifest.files),
        "linked": made.linked,
        "bytes": sum(file.bytes for file in manifest.files.values()),
        "left_out": list(manifest.left_out),
    }
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    click.echo(
        f"Backed up {facts['entries']} ledger entries and {facts['files']} files"
        f" ({facts['linked']} linked) to {made.folder}."
    )
    click.echo(f"SHA-256 of its manifest: {made.sha256}")
    for words in manifest.left_out:
        click.secho(f"Not in it: {words}.", fg="yellow")
    if keys_file is None:
        click.echo("Private keys are not in it (--with-keys FILE writes them, encrypted).")


@backup.command()
@click.argument("folder", type=_PATH)
@_KEYS
@_JSON
def verify(folder: Path, given: Sequence[str], as_json: bool) -> None:
    """Check every file, the signature and the ledger of the backup in FOLDER; works offline.

    Exit code 0: whole, unchanged and signed; 1: it is not. Who made it is established with --key,
    or with the ledger's key in CLINICAL_KEYS; else the backup's own keys are believed.
    """
    from resources.backups.reader import verify_backup
    from resources.settings import Settings

    try:
        report = verify_backup(folder, keys_for(Settings.load(), folder, given))
    except ClinicalError as error:
        _stop(error, as_json)
    if as_json:
        facts = {
            "passed": report.passed,
            "established": report.established,
            "sha256": report.sha256,
            "problems": list(report.problems),
        }
        click.echo(json.dumps(facts, ensure_ascii=False))
        raise SystemExit(0 if report.passed else 1)
    for problem in report.problems:
        click.secho(f"✗ {problem}", fg="red")
    if report.passed and report.manifest is not None:
        manifest = report.manifest
        click.echo(
            f"Whole and unchanged: {len(manifest.files)} files, {manifest.size} entries of ledger"
            f" {manifest.origin}, made {manifest.made_at}."
        )
        if not report.established:
            click.secho("Who made it is NOT established: give --key.", fg="yellow", bold=True)
    raise SystemExit(0 if report.passed else 1)


@backup.command()
@click.argument("folder", type=_PATH)
@_KEYS
@_AGAINST
@click.option("--replace", is_flag=True, help="Move what is there aside; nothing is deleted.")
@click.option("--with-keys", "keys_file", type=_PATH, help="Encrypted file of private keys.")
@click.option(
    "--ignore-unknown-notes",
    is_flag=True,
    help="Restore although witnesses hold later checkpoints that no known key signed.",
)
@click.option("--reason", required=True, help="Why; it is written into the ledger.")
@click.option("--id", "restorer", default="", help="Your id; asked for if it is needed.")
@secret_stdin
@_JSON
def restore(
    folder: Path,
    given: Sequence[str],
    against: Sequence[Path],
    replace: bool,
    keys_file: Path | None,
    ignore_unknown_notes: bool,
    reason: str,
    restorer: str,
    secret_stdin: bool,
    as_json: bool,
) -> None:
    """Put the backup in FOLDER into this installation, which must be empty.

    Who restores needs the right to administer: by the register of the ledger that is replaced, for
    which they are logged in; where there is none that can be read, by that of the backup, to which
    id, secret and second factor are proven (they are asked for, or given with --id and
    --secret-stdin, after the passphrase of --with-keys). They are proven to the present register
    where the ledger's private key is lost and nobody is logged in. Nothing is moved before.

    Entries that were written after the backup are lost; where a checkpoint of the installation's
    witnesses shows it, or one given with --against, the ledger says so from then on.
    """
    from resources.backups.keys import PackedKeys
    from resources.backups.restoring import restore_backup
    from resources.ledger import open_ledger
    from resources.settings import Settings

    try:
        settings = Settings.load()
        asking = Asking(secret_stdin)
        packed = None
        if keys_file is not None:
            packed = PackedKeys(keys_file, asking.secret("Passphrase"))
        done = restore_backup(
            settings,
            folder,
            lambda: open_ledger(settings, older=True),
            keys=keys_for(settings, folder, given),
            witnessed=read_notes(against),
            claim=partial(claim_of, restorer, asking, "the backup"),
            packed=packed,
            replace=replace,
            ignore_unknown_notes=ignore_unknown_notes,
            reason=reason,
        )
    except ClinicalError as error:
        _stop(error, as_json)
    manifest = done.manifest
    if as_json:
        facts: dict[str, Any] = {
            "entries": manifest.size,
            "root": manifest.root,
            "files": len(manifest.files),
            "lost": lost_object(done.lost),
            "aside": [str(path) for path in done.aside],
            "silent_witnesses": list(done.silent),
            "unknown_notes": done.unknown,
            "service_credential_missing": done.no_credential,
        }
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    click.echo(f"Restored {manifest.size} ledger entries and {len(manifest.files)} files.")
    for path in done.aside:
        click.echo(f"What was there is kept as {path}")
    print_lost(done.lost)
    print_silent(done.silent)
    print_unknown(done.unknown)
    if done.no_credential:
        print_no_credential(settings)


@backup.command()
@_KEYS
@_AGAINST
@click.option("--reason", required=True, help="How the entries were lost, and who knows of it.")
@click.option(
    "--kept", type=click.IntRange(min=1), help="How many entries are left, if nothing tells it."
)
@click.option("--id", default="", help="Your id; asked for if it is needed.")
@secret_stdin
@_JSON
def acknowledge(
    given: Sequence[str],
    against: Sequence[Path],
    reason: str,
    kept: int | None,
    id: str,
    secret_stdin: bool,
    as_json: bool,
) -> None:
    """Record that entries which a witness's checkpoint shows are lost for good.

    Needed where the checkpoint came to light after a restore only, or the database was put back
    with other means than `clinical backup restore`. The installation's witnesses are asked, and
    what this machine has seen of the ledger; --against adds others. Verification reports the loss
    for ever, and takes no further offence at just these checkpoints.

    An administrator answers, by the register of the ledger as it is now: who is logged in, or who
    proves id, secret and second factor here, since a copy that was put back does not know the
    session.
    """
    from resources.actors import acting
    from resources.backups.losses import acknowledge_loss, signed_notes
    from resources.backups.permission import administrator
    from resources.ledger import open_ledger
    from resources.ledger_memory import seen_here
    from resources.settings import Settings
    from resources.witnesses.witness import held_notes, open_witnesses

    try:
        settings = Settings.load()
        ledger = open_ledger(settings, older=True)
        size = ledger.store.head().size
        keys = parsed_keys(given) or list(ledger.store.keys.trusted())
        witnesses = open_witnesses(settings.witnesses, s3_options=settings.s3_options)
        held = held_notes(witnesses, ledger.store.origin)
        known = [*held.notes, *seen_here(ledger)]
        notes = [*read_notes(against), *signed_notes(known, keys)]
        claim = partial(claim_of, id, Asking(secret_stdin), "this ledger")
        with (
            ledger.memory.answering(),
            acting(administrator(ledger, settings.keys, id, claim)),
        ):
            lost = acknowledge_loss(ledger, notes, keys, reason=reason, size=size, kept=kept)
    except ClinicalError as error:
        _stop(error, as_json)
    if as_json:
        click.echo(json.dumps({"lost": lost_object(lost), "silent_witnesses": held.silent}))
    else:
        print_lost(lost)
        print_silent(held.silent)


@backup.command()
@click.argument("folder", type=_PATH, required=False)
@_KEYS
@_JSON
def drill(folder: Path | None, given: Sequence[str], as_json: bool) -> None:
    """Restore the backup in FOLDER, or one made for it, into a temporary folder and read it all.

    Recorded as backup.drilled. Exit code 0: everything came back as it was.
    """
    from clinical_assets.ledger.entry import Subject
    from resources.backups.drill import drill_backup
    from resources.backups.making import make_backup
    from resources.backups.trial import trial_folder
    from resources.ledger import open_ledger
    from resources.rights import require_right
    from resources.settings import Settings

    try:
        settings = Settings.load()
        require_right(settings, "administer")
        ledger = open_ledger(settings)
        with trial_folder(settings) as trial:
            if folder is None:
                made = make_backup(settings, ledger, trial / "backup").folder
            else:
                made = folder
            keys = keys_for(settings, made, given)
            found = drill_backup(settings, made, trial / "restored", keys)
        subject = Subject("backup", made.name)
        outcome = "failed" if found.problems else "done"
        ledger.record("backup.drilled", subject, found.record, outcome=outcome)
    except ClinicalError as error:
        _stop(error, as_json)
    print_drill(found, as_json)
    raise SystemExit(1 if found.problems else 0)


def _passphrase(*, confirm: bool) -> str:
    return hidden("Passphrase", confirm=confirm)


def _stop(error: ClinicalError, as_json: bool) -> NoReturn:
    if not as_json:
        raise error
    facts = {"what": error.what, "where": error.where, "repair": error.repair}
    click.echo(json.dumps({"error": facts}, ensure_ascii=False))
    raise SystemExit(1)
