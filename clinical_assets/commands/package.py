"""``clinical package``: verify a model package, and rebuild the model from it.

Printing and exit codes only; what is right or wrong is decided in ``clinical_assets.evidence``,
the steps of a rebuild are in ``rebuilding.py``. Steps go to standard error, verdicts to standard
output, so that ``--json`` can be piped. Heavy modules are imported when a command runs.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from clinical_assets.commands.tables import new_console
from clinical_assets.errors import ClinicalError
from clinical_assets.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

    from clinical_assets.commands.rebuilding import Workplace
    from clinical_assets.evidence.reproduction import Reproduction, Row
    from clinical_assets.evidence.verification import PackageReport

Result = TypeVar("Result")
_KEY_HELP = "Public key (PEM) that must have signed the package."


@click.group()
def package() -> None:
    """Verify a model package; rebuild its model."""


@package.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(path_type=Path), help=_KEY_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(path: Path, key: Path | None, as_json: bool) -> None:
    """Check every file and the signature of the package at PATH, a folder or a zip.

    Works offline. Exit code 0: complete, unchanged and validly signed; 1: it is not, and what is
    missing, extra or changed is named. Who signed is established with --key only: without it the
    package's own key is believed.
    """
    from clinical_assets.evidence.verification import verify_package

    try:
        report = verify_package(path, _trusted_key(key))
    except ClinicalError as error:
        _stop(error, as_json)
    if as_json:
        click.echo(json.dumps(_report_object(report), ensure_ascii=False))
    else:
        _print_report(report)
    raise SystemExit(0 if report.passed else 1)


@package.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(path_type=Path), help=_KEY_HELP)
@click.option(
    "--into", type=click.Path(path_type=Path), help="Empty folder to work in (default: temporary)."
)
@click.option("--keep", is_flag=True, help="Keep the folder with environment and results.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def reproduce(path: Path, key: Path | None, into: Path | None, keep: bool, as_json: bool) -> None:
    """Rebuild the model of the package at PATH from the package alone, and compare.

    Verifies the package, unpacks its source, installs its own locked requirements into a fresh
    environment, trains and evaluates again. It runs the code in the package: give --key to accept
    a package of a signer that you trust only. Exit code 0 only when every comparison passes.
    """
    try:
        verdict, facts = _reproduce(path, _trusted_key(key), into, keep)
    except ClinicalError as error:
        _stop(error, as_json)
    except OSError as error:
        _stop(_disk_error(error), as_json)
    if as_json:
        click.echo(json.dumps(_verdict_object(verdict, facts), ensure_ascii=False))
    else:
        _print_verdict(verdict, facts)
    raise SystemExit(0 if verdict.passed else 1)


def _reproduce(
    path: Path, trusted: bytes | None, into: Path | None, keep: bool
) -> tuple["Reproduction", dict[str, str]]:
    from clinical_assets.commands.rebuilding import prepare

    console = new_console(stderr=True)
    files, report = _verified(path, trusted, console)
    root = into or Path(tempfile.mkdtemp(prefix="clinical-reproduce-"))
    place = prepare(root)
    try:
        verdict, facts = _rebuild(files, place, console)
    except (ClinicalError, OSError):
        console.print(f"The folder is kept for its log: {root}", soft_wrap=True, markup=False)
        raise
    facts |= {"digest": str(report.digest), "signer": _signer(report)}
    if keep:
        facts["folder"] = str(root)
    else:
        shutil.rmtree(root, ignore_errors=True)
    return verdict, facts


def _verified(
    path: Path, trusted: bytes | None, console: "Console"
) -> tuple[Mapping[str, bytes], "PackageReport"]:
    from clinical_assets.evidence.package import read_package
    from clinical_assets.evidence.verification import verify_files

    # The bytes that are verified here are the bytes that the rebuild uses.
    files = _step(console, "Reading the package", lambda: read_package(path))
    report = _step(console, "Verifying files and signature", lambda: verify_files(files, trusted))
    if not report.passed:
        raise ClinicalError(
            "The package does not verify: " + "; ".join(report.problems[:5]),
            where=path.name,
            repair="Run `clinical package verify` on it for the full list; nothing was run",
        )
    return files, report


def _rebuild(
    files: Mapping[str, bytes], place: "Workplace", console: "Console"
) -> tuple["Reproduction", dict[str, str]]:
    from clinical_assets.commands import rebuilding
    from clinical_assets.evidence.manifest import MANIFEST, parse_manifest
    from clinical_assets.evidence.reproduction import compare, python_difference

    rebuild = parse_manifest(files[MANIFEST]).rebuild
    wanted = _python_version(files[rebuild.platform])
    uv = rebuilding.find_uv()
    _step(console, "Unpacking the source", lambda: rebuilding.unpack(files, rebuild, place))
    here = _step(
        console,
        f"Making an environment for Python {wanted}",
        lambda: rebuilding.create_environment(place, wanted, uv),
    )
    _step(
        console,
        "Installing the locked requirements, hashes checked",
        lambda: rebuilding.install(place, rebuild.lock, uv),
    )
    _step(
        console,
        "Training and evaluating again",
        lambda: rebuilding.run_rebuild(place, rebuild),
    )
    verdict = _step(console, "Comparing", lambda: compare(files, place.output))
    facts = {"python_packaged": wanted, "python_rebuild": here}
    if note := python_difference(wanted, here):
        facts["python_note"] = note
    return verdict, facts


def _python_version(platform: bytes) -> str:
    try:
        version = str(json.loads(platform)["python_version"])
    except (ValueError, KeyError, TypeError, RecursionError):
        version = ""
    if re.fullmatch(r"3\.\d{1,2}\.\d{1,2}[a-z0-9+]*", version) is None:
        raise ClinicalError(
            "The package does not say which Python it was made with",
            where="environment/platform.json",
            repair="Build the package again with this software",
        )
    return version


def _step(console: "Console", what: str, act: Callable[[], Result]) -> Result:
    """Run one step under a spinner and print how it ended."""
    with console.status(what + " …"):
        try:
            result = act()
        except (ClinicalError, OSError):
            console.print(f"[red]✗[/red] {what}")
            raise
    console.print(f"[green]✓[/green] {what}")
    return result


def _trusted_key(key: Path | None) -> bytes | None:
    if key is None:
        return None
    try:
        data = key.read_bytes()[:65_536]
    except OSError as error:
        raise ClinicalError(
            f"The public key cannot be read: {error.strerror or type(error).__name__}",
            where=key.name,
            repair="Give --key the path of a PEM file that you may read",
        ) from error
    from clinical_assets.evidence.signing import fingerprint

    fingerprint(data)
    return data


def _print_report(report: "PackageReport") -> None:
    console = new_console()
    if report.digest is not None:
        facts = {
            "model": f"{report.model} {report.version}",
            "digest": report.digest,
            "files unchanged": str(report.checked),
            "signature": report.signature,
            "signed by": _signer(report),
        }
        for name, value in facts.items():
            # Never folded: digests are there to be copied.
            console.print(f"{name:<16} {visible(value)}", markup=False, soft_wrap=True)
    for problem in report.problems:
        console.print(f"✗ {visible(problem)}", style="red", markup=False, soft_wrap=True)
    if report.passed:
        _print_passed(console, report)
    else:
        console.print("Not verified.", style="bold red")


def _print_passed(console: "Console", report: "PackageReport") -> None:
    if report.trusted:
        said = "Verified: complete, unchanged and signed with the trusted key."
        console.print(said, style="green", soft_wrap=True)
        return
    console.print("Intact: complete and unchanged since it was signed.", style="green")
    console.print(
        f"Signer NOT established: signed by key {report.key_fingerprint}, for which nothing but "
        "the package itself speaks; a forger can sign with a key of their own. Give --key the "
        "public key that you have from the signer.",
        style="bold yellow",
        markup=False,
        soft_wrap=True,
    )


def _signer(report: "PackageReport") -> str:
    key = report.key_fingerprint or "no usable key"
    if report.trusted is None:
        return f"{key} (not compared with a key that you trust: give --key)"
    return f"{key} ({'the trusted key' if report.trusted else 'NOT the trusted key'})"


def _print_verdict(verdict: "Reproduction", facts: Mapping[str, str]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = new_console()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("compared", "package", "rebuilt", "gap", "verdict"):
        table.add_column(name, overflow="fold", no_wrap=name in ("compared", "package", "rebuilt"))
    for row in verdict.rows:
        style = "green" if row.passed else "bold red"
        gap = "" if row.difference is None else f"{row.difference:.3g}"
        cells = (row.what.removeprefix("evaluation: "), _short(row.expected), _short(row.got), gap)
        table.add_row(*(Text(cell) for cell in cells), Text(_mark(row), style=style))
    console.print(table)
    for line in _explanation(verdict, facts):
        console.print(line, markup=False, soft_wrap=True)
    passed = sum(row.passed for row in verdict.rows)
    style = "green" if verdict.passed else "bold red"
    word = "Reproduced" if verdict.passed else "Not reproduced"
    console.print(f"{word}: {passed} of {len(verdict.rows)} comparisons passed.", style=style)


def _mark(row: "Row") -> str:
    if row.identical:
        return "identical"
    limit = "" if row.tolerance is None else f" {row.tolerance:g}"
    mark = (f"within{limit}" if limit else "accepted") if row.passed else "DIFFERS"
    return f"{mark}: {row.note}" if row.note else mark


def _explanation(verdict: "Reproduction", facts: Mapping[str, str]) -> list[str]:
    lines = [f"package {facts['digest']}, signed by {facts['signer']}"]
    if verdict.rule == "bit for bit":
        lines.append("Rule: equality bit for bit; no difference between the platforms is known.")
    else:
        lines.append("Rule: stated tolerances, because the platforms differ:")
        lines += [f"  {difference}" for difference in verdict.platform_differences]
    lines += [facts["python_note"]] if "python_note" in facts else []
    lines += [f"Kept in {facts['folder']}"] if "folder" in facts else []
    return lines


def _short(text: str) -> str:
    """A digest, or a number of many digits, cut for the table; ``--json`` has them whole."""
    try:
        return f"{float(text):.6g}"
    except ValueError:
        return text if len(text) <= 12 else text[:11] + "…"


def _report_object(report: "PackageReport") -> dict[str, Any]:
    from clinical_assets.canonical import to_plain

    return {"passed": report.passed, **to_plain(report)}


def _verdict_object(verdict: "Reproduction", facts: Mapping[str, str]) -> dict[str, Any]:
    from clinical_assets.canonical import to_plain

    return {"passed": verdict.passed, **to_plain(verdict), **facts}


def _disk_error(error: OSError) -> ClinicalError:
    return ClinicalError(
        f"The rebuild could not use the disk: {error.strerror or type(error).__name__}",
        repair="Check free space and permissions of the folder to work in, then run again",
    )


def _stop(error: ClinicalError, as_json: bool) -> NoReturn:
    if as_json:
        click.echo(json.dumps({"passed": False, "problems": [str(error)]}, ensure_ascii=False))
        raise SystemExit(1)
    raise click.ClickException(str(error))
