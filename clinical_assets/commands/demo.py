"""``clinical demo``: from raw rows to a released package, shown live."""

import json
import logging
import os
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from clinical_assets.commands.mistakes import say
from clinical_assets.commands.tables import new_console
from clinical_assets.errors import ClinicalError

if TYPE_CHECKING:
    from rich.console import Console

    from clinical_assets.runs import RunReport, StepUpdate
    from resources.settings import Settings


@click.command()
@click.option("--model", "names", multiple=True, help="Run only this model (may be repeated).")
@click.option(
    "--stop-before-signing",
    is_flag=True,
    help="Leave the signatures, and so the release, to you.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def demo(names: tuple[str, ...], stop_before_signing: bool, as_json: bool) -> None:
    """Run a model from its registered source to a released package.

    Every gate is decided on the way, and generated people sign, marked as DEMONSTRATION wherever
    they show. Exit status 1 if a release is refused; the champion then stays what it was.
    """
    console = new_console(quiet=as_json)
    outcome = _Outcome()
    try:
        _run_all(names, console, outcome, sign=not stop_before_signing)
    except KeyboardInterrupt:
        outcome.error, outcome.status = _stopped(outcome), 130
    except ClinicalError as error:
        outcome.error, outcome.status = str(error), 1
    except Exception as error:
        from clinical_assets.fault_words import unforeseen

        outcome.error, outcome.status = unforeseen(error, "clinical demo"), 1
    if as_json:
        click.echo(json.dumps(_plain(outcome), indent=2))
    else:
        _show(console, outcome)
    if outcome.status:
        sys.exit(outcome.status)


@dataclass
class _Outcome:
    """What came of the command; filled as it goes, so that a fault loses nothing.

    Attributes:
        error: why it ended before every model had its report; empty where it did not.
        status: exit status.
    """

    settings: "Settings | None" = None
    reports: "list[RunReport]" = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    error: str = ""
    status: int = 0


def _run_all(names: tuple[str, ...], console: "Console", outcome: _Outcome, *, sign: bool) -> None:
    """Runs each model and notes its report."""
    began = time.perf_counter()
    console.print("[bold]Loading the asset graph…[/]")
    from clinical_assets.definitions import build_defs
    from clinical_assets.demonstration import demonstrate
    from clinical_assets.models import models
    from clinical_assets.runs import Runner
    from resources.dagster_instance.home import dagster_instance
    from resources.ledger import open_ledger
    from resources.mlflow_registry import Registry
    from resources.rights import require_right
    from resources.settings import Settings
    from resources.snapshot_store import SnapshotStore
    from resources.starting import look_into_interrupted

    # What they would say on standard error is said in the report, without SQL and tracebacks.
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "CRITICAL")
    for noisy in ("alembic", "dagster", "skl2onnx"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    settings = outcome.settings = Settings.load()
    specs = models(settings.models)
    known = [spec.name for spec in specs]
    if unknown := [name for name in names if name not in known]:
        raise ClinicalError(
            f"There is no model named {', '.join(unknown)}",
            repair=f"Choose among {', '.join(known)}",
        )
    require_right(settings, "operate")
    ledger = open_ledger(settings)
    definitions = build_defs(settings, specs)
    registry = Registry(settings.mlflow_tracking_uri, settings.mlflow_artifacts)
    snapshots = SnapshotStore(settings.snapshots_url, settings.s3_options)
    imports = time.perf_counter() - began
    with dagster_instance(settings) as instance:
        look_into_interrupted(settings, instance)
        for name in names or ("diabetes",):
            spec = next(spec for spec in specs if spec.name == name)
            with _Progress(console, name) as progress:
                runner = Runner(definitions, instance, registry, snapshots, progress.update)
                report = demonstrate(runner, spec, ledger, settings.keys, sign=sign)
            outcome.reports.append(report)
            outcome.seconds = _seconds(time.perf_counter() - began, imports, outcome.reports)
    outcome.status = 0 if all(report.succeeded for report in outcome.reports) else 1


def _stopped(outcome: _Outcome) -> str:
    released = [
        report.model
        for report in outcome.reports
        if report.succeeded and "release" in report.metadata
    ]
    if released:
        return f"Stopped after the release of {', '.join(released)}; run it again for the rest."
    return "Stopped; nothing was released; run it again."


def _show(console: "Console", outcome: _Outcome) -> None:
    from clinical_assets.commands.demo_report import print_report

    if outcome.settings is not None:  # there is no report without it
        for report in outcome.reports:
            print_report(console, report, outcome.settings, outcome.seconds)
    if outcome.status == 130:
        click.echo(outcome.error, err=True)
    elif outcome.error:
        say(outcome.error)


class _Progress:
    """One line a step while it runs; on a terminal the line in hand is redrawn."""

    def __init__(self, console: "Console", model: str) -> None:
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task(f"{model}: starting", total=None)

    def __enter__(self) -> "_Progress":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, step: "StepUpdate") -> None:
        """Shows a step as begun or ended."""
        name = step_label(step.name)
        if step.seconds is None:
            self._progress.update(self._task, description=name)
        else:
            mark = "[green]✓[/]" if step.succeeded else "[red]✗[/]"
            self._console.print(f"  {mark} {name} [dim]{step.seconds:.1f} s[/]")


def step_label(step: str) -> str:
    """An asset as ``model/asset``; a gate indented under its asset, by its own name."""
    from clinical_assets.gates import GATES

    model, _, rest = step.replace("__", "/", 1).partition("/")
    for gate, asset in GATES.items():
        if rest == f"{asset}_{gate}":
            return f"  gate {gate}"
    return f"{model}/{rest}"


def _seconds(total: float, imports: float, reports: "list[RunReport]") -> dict[str, float]:
    steps = sum(sum(report.step_seconds.values()) for report in reports)
    runs = sum(report.seconds for report in reports)
    return {
        "total": round(total, 2),
        "imports": round(imports, 2),
        "assets_and_gates": round(steps, 2),
        "dagster": round(runs - steps, 2),
    }


def _plain(outcome: _Outcome) -> dict[str, Any]:
    found = {
        "models": [_plain_model(report, outcome.settings) for report in outcome.reports],
        "seconds": outcome.seconds,
    }
    return {**found, "error": outcome.error} if outcome.error else found


def _plain_model(report: "RunReport", settings: Any) -> dict[str, Any]:
    from clinical_assets.canonical import to_plain

    package = report.metadata.get("package", {})
    folder = settings.packages / package["folder"] if package else None
    return {
        "name": report.model,
        "version": package.get("version") or report.metadata.get("candidate", {}).get("version"),
        "released": report.succeeded and "release" in report.metadata,
        "digest": package.get("digest"),
        "package": str(folder) if folder else None,
        "card": str(folder / "card/model_card.html") if folder else None,
        "gates": [
            {"name": g.gate, "passed": g.passed is True, "decided": g.passed is not None}
            for g in report.gates
        ],
        "metrics": to_plain(report.evaluation)["metrics"] if report.evaluation else {},
        "signatures": [to_plain(signed) for signed in report.signatures],
        "failure": report.failure or None,
    }
