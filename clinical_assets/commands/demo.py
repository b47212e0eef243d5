"""``clinical demo``: from raw rows to a released package, shown live."""

import json
import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from clinical_assets.commands.tables import new_console
from clinical_assets.errors import ClinicalError

if TYPE_CHECKING:
    from rich.console import Console

    from clinical_assets.runs import RunReport, StepUpdate
    from resources.settings import Settings


@click.command()
@click.option("--model", "names", multiple=True, help="Run only this model (may be repeated).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def demo(names: tuple[str, ...], as_json: bool) -> None:
    """Run a model from its registered source to a released package.

    Every gate is decided on the way. Exit status 1 if a release is refused; the champion then
    stays what it was.
    """
    console = new_console(quiet=as_json)
    reports: list[RunReport] = []
    try:
        settings, seconds = _run_all(names, console, reports)
    except KeyboardInterrupt:
        click.echo(_stopped(reports), err=True)
        sys.exit(130)
    if as_json:
        click.echo(json.dumps(_plain(reports, settings, seconds), indent=2))
    else:
        from clinical_assets.commands.demo_report import print_report

        for report in reports:
            print_report(console, report, settings, seconds)
    if not all(report.succeeded for report in reports):
        sys.exit(1)


def _run_all(
    names: tuple[str, ...], console: "Console", reports: "list[RunReport]"
) -> "tuple[Settings, dict[str, float]]":
    """Runs each model, adding its report to ``reports``; the settings, and where the time went."""
    began = time.perf_counter()
    console.print("[bold]Loading the asset graph…[/]")
    from clinical_assets.definitions import build_defs
    from clinical_assets.models import models
    from clinical_assets.runs import run_release
    from resources.dagster_home import dagster_instance
    from resources.registry import Registry
    from resources.settings import Settings
    from resources.snapshot_store import SnapshotStore

    # What they would say on standard error is said in the report, without SQL and tracebacks.
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "CRITICAL")
    for noisy in ("alembic", "dagster", "skl2onnx"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    settings = Settings.load()
    specs = models(settings.models)
    known = [spec.name for spec in specs]
    if unknown := [name for name in names if name not in known]:
        raise ClinicalError(
            f"There is no model named {', '.join(unknown)}",
            repair=f"Choose among {', '.join(known)}",
        )
    definitions = build_defs(settings, specs)
    registry = Registry(settings.mlflow_tracking_uri, settings.mlflow_artifacts)
    snapshots = SnapshotStore(settings.snapshots_url, settings.s3_options)
    imports = time.perf_counter() - began
    with dagster_instance(settings) as instance:
        for name in names or ("diabetes",):
            with _Progress(console, name) as progress:
                reports.append(
                    run_release(definitions, name, instance, registry, snapshots, progress.update)
                )
    return settings, _seconds(time.perf_counter() - began, imports, reports)


def _stopped(reports: "list[RunReport]") -> str:
    released = [report.model for report in reports if report.succeeded]
    if released:
        return f"Stopped after the release of {', '.join(released)}; run it again for the rest."
    return "Stopped; nothing was released; run it again."


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
    from clinical_assets.keys import GATES

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


def _plain(reports: "list[RunReport]", settings: Any, seconds: dict[str, float]) -> dict[str, Any]:
    return {"models": [_plain_model(r, settings) for r in reports], "seconds": seconds}


def _plain_model(report: "RunReport", settings: Any) -> dict[str, Any]:
    from clinical_assets.canonical import to_plain

    package = report.metadata.get("package", {})
    folder = settings.packages / package["folder"] if package else None
    return {
        "name": report.model,
        "version": package.get("version") or report.metadata.get("candidate", {}).get("version"),
        "released": report.succeeded,
        "digest": package.get("digest"),
        "package": str(folder) if folder else None,
        "card": str(folder / "card/model_card.html") if folder else None,
        "gates": [{"name": g.gate, "passed": g.passed is True} for g in report.gates],
        "metrics": to_plain(report.evaluation)["metrics"] if report.evaluation else {},
        "failure": report.failure or None,
    }
