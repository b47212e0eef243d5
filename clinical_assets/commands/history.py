"""``clinical history``: every candidate of a model, and every run that was refused before one."""

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from clinical_assets.commands.tables import new_console, new_table
from clinical_assets.errors import ClinicalError

if TYPE_CHECKING:
    from rich.console import Console

    from clinical_assets.evidence.package_record import CandidateHistory
    from clinical_assets.runs import FailedRun
    from resources.settings import Settings

_ENDED = {"FINISHED": "not released", "FAILED": "failed", "KILLED": "stopped", "RUNNING": "running"}


@dataclasses.dataclass(frozen=True)
class _Past:
    """What became of one model: its candidates, and the runs that ended before there was one."""

    model: str
    candidates: "list[CandidateHistory]"
    runs: "list[FailedRun]"


@click.command()
@click.argument("model", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def history(model: str | None, as_json: bool) -> None:
    """Show every candidate of MODEL (default: of every model), newest first.

    With the verdict of each gate: those on the candidate as MLflow keeps them, those on data as
    Dagster keeps them of the run that trained it. Runs that were refused before there was a
    candidate follow.
    """
    from resources.settings import Settings

    try:
        pasts = _pasts(Settings.load(), model)
    except ClinicalError as error:
        if as_json:
            click.echo(json.dumps({"models": [], "error": str(error)}, indent=2))
            sys.exit(1)
        raise
    if as_json:
        click.echo(json.dumps({"models": [_plain(past) for past in pasts]}, indent=2))
        return
    console = new_console()
    for past in pasts:
        _print(console, past)
    if not any(past.candidates or past.runs for past in pasts):
        what = f"No candidate of {model}" if model else "No candidate"
        click.echo(f"{what} was ever trained here. Run `clinical demo` first.")


def _pasts(settings: "Settings", model: str | None) -> list[_Past]:
    from clinical_assets.automation import run_outcome
    from clinical_assets.models import models
    from clinical_assets.runs import failed_runs, gate_verdicts
    from resources.dagster_instance.home import dagster_instance
    from resources.mlflow_registry import Registry

    registry = Registry(settings.mlflow_tracking_uri, settings.mlflow_artifacts)
    declared = [spec.name for spec in models(settings.models)]
    known = list(dict.fromkeys([*declared, *registry.models()]))
    if model is not None and model not in known:
        raise ClinicalError(
            f"There is no model named {model}", repair=f"Choose among {', '.join(known)}"
        )
    pasts = []
    with dagster_instance(settings) as instance:
        outcome = run_outcome(instance)
        for name in known if model is None else [model]:
            # Dagster's word where it has one: MLflow learns of a stopped run at the next one only.
            candidates = [
                dataclasses.replace(
                    found,
                    status=outcome(found.run_id) or found.status,
                    gates={**gate_verdicts(instance, found.run_id, name), **found.gates},
                )
                for found in registry.history(name)
            ]
            trained = {found.run_id for found in candidates}
            runs = [run for run in failed_runs(instance, name) if run.run_id not in trained]
            pasts.append(_Past(name, candidates, runs))
    return pasts


def _plain(past: _Past) -> dict[str, Any]:
    return {
        "name": past.model,
        "candidates": [
            {**dataclasses.asdict(found), "state": _state(found, past)} for found in past.candidates
        ],
        "runs_without_candidate": [dataclasses.asdict(run) for run in past.runs],
    }


def _print(console: "Console", past: _Past) -> None:
    from rich.text import Text

    if past.candidates:
        table = new_table(
            ("trained (UTC)", "version", "state", "gates"),
            wrapped=("state", "gates"),
            title=f"Candidates of {past.model}",
        )
        for found in past.candidates:
            state = _state(found, past)
            style = "green" if found.champion else ""
            row = (_time(found.started_at), found.version, Text(state, style), _gates(found))
            table.add_row(*row)
        console.print(table)
    if past.runs:
        table = new_table(
            ("started (UTC)", "why"),
            wrapped="why",
            title=f"Runs of {past.model} that ended before there was a candidate",
        )
        for run in past.runs:
            table.add_row(_time(run.started_at), Text(run.why))
        console.print(table)


def _state(found: "CandidateHistory", past: _Past) -> str:
    if found.champion:
        return "champion"
    if found.replaced_at:
        return f"champion until {_time(found.replaced_at)}"
    if found.released_at:
        return "was champion"
    if any(_is_refusal(text) for text in found.gates.values()):
        return "refused"
    if found.status == "FINISHED" and any(
        other.champion and other.version == found.version for other in past.candidates
    ):
        return "same as champion"
    return _ENDED.get(found.status, found.status.lower())


def _gates(found: "CandidateHistory") -> Any:
    from rich.text import Text

    from clinical_assets.gates import GATES

    refused = {name: text for name, text in found.gates.items() if _is_refusal(text)}
    decided = [found.gates[gate] for gate in GATES if gate in found.gates]
    passed = sum(text.startswith("passed") for text in decided)
    missing = len(GATES) - len(decided)
    lines = [Text(f"{passed} of {len(GATES)} passed" + (f", {missing} undecided" * bool(missing)))]
    lines += [
        Text.assemble((name, "red"), f": {text.removeprefix('refused: ')}")
        for name, text in refused.items()
    ]
    lines += [Text.assemble(("earlier", "yellow"), f" {text}") for text in found.earlier]
    return Text("\n").join(lines)


def _is_refusal(text: str) -> bool:
    return text.startswith("refused")


def _time(stamp: str) -> str:
    return stamp.replace("+00:00", "")
