"""What ``clinical backup`` reads from its arguments, and how it tells of drills and losses."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clinical_assets.errors import ClinicalError

if TYPE_CHECKING:
    from clinical_assets.ledger.actions import Lost
    from clinical_assets.ledger.checkpoint import PublicKey
    from resources.backups.drill import Drill
    from resources.settings import Settings


def print_drill(found: "Drill", as_json: bool) -> None:
    """What a drill found, for people or as one JSON object."""
    from clinical_assets.canonical import to_plain

    record = found.record
    if as_json:
        facts = {"passed": not found.problems, **to_plain(record), "found": list(found.problems)}
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    lines = {
        "ledger entries": f"{record.size}, root {record.root}",
        "files": f"{record.files}, {record.bytes} bytes",
        "snapshots": record.snapshots,
        "packages": record.packages,
        "table versions": record.table_versions,
        "databases": record.databases,
        "digest before": record.before_sha256,
        "digest after": record.after_sha256,
        "time to retrieve": f"{record.milliseconds / 1000:.1f} s",
    }
    for name, value in lines.items():
        click.echo(f"{name:<17} {value}")
    for problem in found.problems:
        click.secho(f"✗ {problem}", fg="red")
    if not found.problems:
        click.secho("Everything came back as it was.", fg="green")


def print_lost(lost: "Lost | None") -> None:
    """Which entries are gone."""
    if lost is None:
        click.echo(
            "No later checkpoint is known here: what was written after the backup is gone, too."
        )
        return
    click.secho(
        f"LOST: entries {lost.kept} to {lost.until - 1} of the ledger. {len(lost.checkpoints)}"
        " checkpoint(s) speak of them; the ledger now says so, and every verification will.",
        fg="red",
        bold=True,
    )


def print_silent(names: Sequence[str]) -> None:
    """Which witnesses did not answer, and what to do about it."""
    for name in names:
        click.secho(
            f"Witness {name} did not answer: it may know of more that was lost. When it answers"
            " again, `clinical backup acknowledge` asks it.",
            fg="yellow",
        )


def print_unknown(count: int) -> None:
    """How many notes of witnesses no known key signed."""
    if count:
        click.secho(
            f"{count} note(s) of the witnesses are signed by no key that is known here: what they"
            " say of entries after the backup was not taken into account (--key names further"
            " keys).",
            fg="yellow",
        )


def print_no_credential(settings: "Settings") -> None:
    """That nothing is done here without a person, and what an administrator does about it."""
    from resources.people.service_credentials import LOCAL, credential_file

    file = credential_file(settings.keys, LOCAL)
    click.secho(
        f"The service credential is missing: no service of the restored register has one in"
        f" {file.parent}. Runs, `clinical up` and commands without a log-in do nothing until it is"
        " there.",
        fg="yellow",
        bold=True,
    )
    free = f"mkdir -p -m 700 '{file.parent}'"
    if file.exists():
        free = f"mv '{file}' '{file}.void'"
    click.echo(
        "Put the folder of keys back, or restore again with --replace and --with-keys; else an"
        " administrator issues another:\n"
        "  clinical login ID\n"
        f"  {free}\n"
        f"  clinical users reset {LOCAL} --output '{file}'\n"
        "(on PostgreSQL with the id of this machine's own service)"
    )


def lost_object(lost: "Lost | None") -> Any:
    """A loss as plain JSON values."""
    from clinical_assets.canonical import to_plain

    return None if lost is None else to_plain(lost)


def keys_for(settings: "Settings", folder: Path, given: Sequence[str]) -> list["PublicKey"]:
    """The keys given; else those trusted here for the ledger that the backup names."""
    from clinical_assets.evidence.backup_manifest import MANIFEST, parse_backup_manifest
    from resources.ledger_keys import LedgerKeys

    if given:
        return parsed_keys(given)
    try:
        origin = parse_backup_manifest((folder / MANIFEST).read_bytes()).origin
    except (OSError, ClinicalError):
        return []  # the verification says what is wrong with it
    return [key for key in LedgerKeys(settings.keys).trusted() if key.name == origin]


def parsed_keys(given: Sequence[str]) -> list["PublicKey"]:
    """Public keys from lines or from files of lines.

    Raises:
        ClinicalError: a line is none.
    """
    from clinical_assets.ledger.checkpoint import PublicKey

    lines: list[str] = []
    for text in given:
        path = Path(text)
        lines += _text(path).splitlines() if path.is_file() else [text]
    return [PublicKey.parse(line) for line in lines if line.strip()]


def read_notes(paths: Sequence[Path]) -> list[str]:
    """The checkpoints in files.

    Raises:
        ClinicalError: a file cannot be read.
    """
    return [_text(path) for path in paths]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ClinicalError(
            "The file cannot be read", where=str(path), repair="Check path and permissions"
        ) from error
