"""``clinical data``: list the registered sources, verify their files, add a file.

Printing and exit codes only; what is right or wrong is decided in
``clinical_assets.evidence.sources``, files are found by ``resources.source_files``.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from clinical_assets.commands.mistakes import say
from clinical_assets.errors import ClinicalError

if TYPE_CHECKING:
    from rich.text import Text

    from clinical_assets.evidence.sources import RegisteredSource
    from resources.source_files import FileState, SourceFiles

_STYLES = {"verified": "green", "not added": "yellow"}


@click.group()
def data() -> None:
    """List, verify and add registered sources."""


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_sources(as_json: bool) -> None:
    """Show every source in data/sources.toml: files, rows, licence, and whether it is here."""
    try:
        files = _files()
        sources = list(files.sources().values())
        present = {s.id: all(_here(files, s)) for s in sources}
    except ClinicalError as error:
        _stop(error, as_json)
    if as_json:
        click.echo(json.dumps({"sources": [_source_object(s, present[s.id]) for s in sources]}))
        return
    rows = [
        (
            s.id,
            _where(s, present[s.id]),
            str(sum(f.rows for f in s.files)),
            f"{s.title} ({s.license})",
        )
        for s in sources
    ]
    _print_table(("source", "files", "rows", "title"), rows, wrapped="title")


@data.command()
@click.argument("source", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(source: str | None, as_json: bool) -> None:
    """Recompute SHA-256 and rows of the files of SOURCE, or of every source.

    Exit code 0: every file is the registered one; 1: a file is wrong or absent. Without SOURCE, a
    source that is not shipped and was not added is shown, but is no failure.
    """
    try:
        states = _files().states(source)
    except ClinicalError as error:
        _stop(error, as_json)
    bad = {"wrong"} if source is None else {"wrong", "not added"}
    failed = [state for state in states if state.state in bad]
    if as_json:
        listed = [_state_object(state) for state in states]
        click.echo(json.dumps({"passed": not failed, "files": listed}))
    else:
        _print_states(states)
    raise SystemExit(1 if failed else 0)


@data.command()
@click.argument("source")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def add(source: str, file: Path, as_json: bool) -> None:
    """Keep FILE as a file of SOURCE, if its SHA-256 is the registered one.

    It goes into the snapshot store; FILE itself is not needed afterwards.
    """
    try:
        added = _recorded().add(source, file)
    except ClinicalError as error:
        _stop(error, as_json)
    if as_json:
        facts = {"source": source, "file": added.name, "sha256": added.sha256, "rows": added.rows}
        click.echo(json.dumps({"added": facts}))
    else:
        click.echo(f"Added {added.name} to {source}: {added.rows} rows, SHA-256 {added.sha256}.")


def _files() -> "SourceFiles":
    from resources.settings import Settings
    from resources.snapshot_store import SnapshotStore
    from resources.source_files import SourceFiles

    settings = Settings.load()
    store = SnapshotStore(settings.snapshots_url, settings.s3_options)
    return SourceFiles(settings.sources, store)


def _recorded() -> "SourceFiles":
    from resources.ledger import open_ledger
    from resources.recorded.snapshots import RecordedSnapshots
    from resources.recorded.sources import RecordedSources
    from resources.rights import require_right
    from resources.settings import Settings

    settings = Settings.load()
    require_right(settings, "operate")
    ledger = open_ledger(settings)
    store = RecordedSnapshots(settings.snapshots_url, settings.s3_options, ledger)
    return RecordedSources(settings.sources, store, ledger)


def _here(files: "SourceFiles", source: "RegisteredSource") -> list[bool]:
    return [state.state != "not added" for state in files.states(source.id)]


def _where(source: "RegisteredSource", present: bool) -> str:
    if not source.shipped:
        return "added" if present else "not added"
    package = next((f.package for f in source.files if f.package), "")
    return f"in package {package}" if package else "shipped"


def _source_object(source: "RegisteredSource", present: bool) -> dict[str, Any]:
    from clinical_assets.canonical import to_plain

    return {**to_plain(source), "present": present}


def _state_object(state: "FileState") -> dict[str, Any]:
    return {
        "source": state.source,
        "file": state.file.name,
        "sha256": state.file.sha256,
        "rows": state.file.rows,
        "state": state.state,
        "problem": state.problem,
    }


def _print_states(states: "Sequence[FileState]") -> None:
    rows = [
        (
            state.source,
            _mark(state.state),
            str(state.file.rows),
            state.file.sha256[:16],
            state.file.name,
        )
        for state in states
    ]
    _print_table(("source", "state", "rows", "SHA-256 (start)", "file"), rows, wrapped="file")
    for state in states:
        if state.problem:
            say(state.problem)
        elif state.state == "not added":
            click.echo(
                f"{state.source} is not shipped: run `clinical data add {state.source} FILE`."
            )


def _mark(state: str) -> "Text":
    from rich.text import Text

    return Text(state, _STYLES[state]) if state in _STYLES else Text("wrong", "red")


def _print_table(heads: Sequence[str], rows: Sequence[Sequence[Any]], wrapped: str) -> None:
    from clinical_assets.commands.tables import new_console, new_table

    table = new_table(heads, wrapped=wrapped, right=("rows",))
    for row in rows:
        table.add_row(*row)
    new_console().print(table)


def _stop(error: ClinicalError, as_json: bool) -> NoReturn:
    if not as_json:
        raise error
    facts = {"what": error.what, "where": error.where, "repair": error.repair}
    click.echo(json.dumps({"error": facts}))
    raise SystemExit(1)
