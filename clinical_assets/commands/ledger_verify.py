"""``clinical ledger verify``: this installation's ledger, or an export on any machine."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clinical_assets.errors import ClinicalError
from clinical_assets.visible import visible

if TYPE_CHECKING:
    from clinical_assets.ledger.checkpoint import PublicKey
    from clinical_assets.ledger.verification import Problem

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.option("--new", "newly", is_flag=True, help="Only what was added since the last time.")
@click.option("--export", "folder", type=click.Path(path_type=Path), help="An export's folder.")
@click.option("--key", "keys", multiple=True, help="Public key, or a file of keys, of an export.")
@click.option(
    "--against",
    multiple=True,
    type=_FILE,
    help="A checkpoint that you hold from a witness (may be repeated).",
)
@click.option("--strict", is_flag=True, help="A note of an unknown key at a witness fails it, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(
    newly: bool,
    folder: Path | None,
    keys: tuple[str, ...],
    against: tuple[Path, ...],
    strict: bool,
    as_json: bool,
) -> None:
    """Recompute every hash, and hold the ledger against its signed checkpoints.

    Without --export: the ledger of this installation, and what its witnesses hold. With --export:
    the files of an export alone, on any machine; nothing else is read, and no key that the export
    itself brings is trusted. Exit status 1 if anything does not hold; the first bad entry is named.

    What lies at a witness and is signed by no key that is known here is warned of, and fails
    nothing without --strict: whoever can write there can put it there.
    """
    notes = [path.read_text(errors="replace") for path in against]
    if folder is not None:
        if newly:
            raise click.UsageError("--new is for a ledger; an export is always verified whole")
        _verify_export(folder, keys, notes, as_json)
    elif keys:
        raise click.UsageError("--key goes with --export; a ledger is verified with its own keys")
    else:
        _verify_own(newly, notes, strict, as_json)


def _verify_own(newly: bool, notes: Sequence[str], strict: bool, as_json: bool) -> None:
    from resources.ledger import open_ledger
    from resources.ledger_keys import LedgerKeys
    from resources.ledger_verifying import verify_own
    from resources.settings import Settings
    from resources.witnessing import Witnessing

    settings = Settings.load()
    ledger = open_ledger(settings, older=True)
    keys = LedgerKeys(settings.keys)
    witnessing = Witnessing.of(ledger, keys, settings.witnesses, settings.s3_options)
    held, silent = witnessing.asked()
    strangers = () if strict else witnessing.strangers(held)
    held = [note for note in held if note not in strangers]
    found = verify_own(ledger, whole=not newly, witnessed=[*held, *notes])
    report = found.report
    if as_json:
        plain = {
            "passed": found.passed,
            "ledger": ledger.store.origin,
            "first": report.first,
            "entries": report.size,
            "root": report.root,
            "checkpoints": report.checkpoints,
            "covered": report.covered,
            "set_aside": report.set_aside,
            "witnessed": len(held) + len(notes),
            "unknown_notes": len(strangers),
            "silent_witnesses": silent,
            "open_acts": list(report.open_acts),
            "losses": [str(loss) for loss in found.losses],
            "unrecorded": found.unrecorded,
            "problems": _plain(found.problems),
        }
        click.echo(json.dumps(plain))
    else:
        click.echo(f"Ledger {ledger.store.origin}, entries {report.first} to {report.size - 1}")
        elsewhere = f"{len(held)} held by witnesses, {len(notes)} given"
        click.echo(f"Signed checkpoints compared: {report.checkpoints} ({elsewhere}).")
        covered = f"the first {report.covered}" if report.covered else "none"
        click.echo(f"Entries covered by them: {covered}.")
        if report.set_aside:
            click.secho(_aside(report.set_aside), fg="yellow")
        if strangers:
            click.secho(_unknown(len(strangers)), fg="yellow", bold=True)
        for name in silent:
            click.secho(visible(f"No answer from witness {name}."), fg="yellow")
        for loss in found.losses:
            click.secho(visible(str(loss)), fg="yellow")
        if report.open_acts:
            click.echo(f"Acts without an outcome: entries {_few(report.open_acts)}.")
        if found.unrecorded:
            told = f"This verification could not be written down: {found.unrecorded}."
            click.secho(visible(told), fg="yellow", bold=True)
        _say(found.problems, f"Holds. Root of {report.size} entries: {report.root}")
    sys.exit(0 if found.passed else 1)


def _verify_export(folder: Path, given: Sequence[str], notes: Sequence[str], as_json: bool) -> None:
    from clinical_assets.ledger.exports.files import Folder
    from clinical_assets.ledger.exports.verify import verify_export

    if not given:
        raise click.UsageError("--key is needed: the public key that the ledger's owner gave you")
    report = verify_export(Folder(folder), _keys(given), notes)
    if as_json:
        plain = {
            "passed": report.passed,
            "entries": report.entries,
            "checkpoints": report.checkpoints,
            "witnessed": report.witnessed,
            "signed_by": list(report.signed_by),
            "equal": list(report.equal),
            "open_acts": list(report.open_acts),
            "first_bad": report.first_bad,
            "problems": _plain(report.problems),
            "limits": list(report.limits),
        }
        click.echo(json.dumps(plain))
    else:
        made = report.manifest
        if made is not None:
            click.echo(f"Export of {visible(made.origin)}, made {visible(made.exported_at)}")
        click.echo(f"{report.entries} entries read, {report.checkpoints} checkpoints agree.")
        for limit in report.limits:
            click.echo(f"Not shown: {visible(limit)}.")
        _say(report.problems, "Holds.")
    sys.exit(0 if report.passed else 1)


def _say(problems: "Sequence[Problem]", good: str) -> None:
    if not problems:
        click.secho(good, fg="green")
        return
    for problem in problems:
        click.secho(f"  {visible(str(problem))}", fg="red")
    click.secho("DOES NOT HOLD.", fg="red", bold=True)


def _aside(count: int) -> str:
    if count == 1:
        return "1 checkpoint was signed by a withdrawn key and counts for nothing."
    return f"{count} checkpoints were signed by a withdrawn key and count for nothing."


def _unknown(count: int) -> str:
    return (
        f"WARNING: {count} note(s) at the witnesses are signed by no key of this ledger that is"
        " known here, and were not taken into account. Either somebody else wrote there, or a"
        " public key is missing in the folder of keys; where nobody else can write, find out which"
        " (--strict)."
    )


def _plain(problems: "Sequence[Problem]") -> list[dict[str, object]]:
    return [{"entry": problem.seq, "what": problem.what} for problem in problems]


def _keys(given: Sequence[str]) -> "list[PublicKey]":
    from clinical_assets.ledger.checkpoint import PublicKey

    lines: list[str] = []
    for text in given:
        path = Path(text)
        try:
            lines += path.read_text(errors="replace").split() if path.is_file() else [text]
        except OSError as error:
            raise ClinicalError(
                f"The file of keys cannot be read ({error.strerror})",
                where=text,
                repair="Check the path and its rights",
            ) from error
    return [PublicKey.parse(line) for line in lines]


def _few(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:10]))
    return shown if len(numbers) <= 10 else f"{shown} and {len(numbers) - 10} more"
