"""What ``clinical demo`` shows at the end: gates, figures, digests, places, next steps."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from clinical_assets.runs import RunReport
    from resources.settings import Settings


def print_report(
    console: "Console", report: "RunReport", settings: "Settings", seconds: dict[str, float]
) -> None:
    """Prints the tables of one run."""
    console.print()
    _print_gates(console, report)
    evaluation = report.metadata.get("evaluation", {})
    if "figures" in evaluation:
        _print_metrics(console, evaluation)
    if "reference_models" in evaluation:
        _print_references(console, evaluation)
    _print_outcome(console, report, settings)
    shares = ", ".join(f"{name.replace('_', ' ')} {value:.1f} s" for name, value in seconds.items())
    console.print(f"[dim]Time: {shares}[/]")


def _print_gates(console: "Console", report: "RunReport") -> None:
    from rich.table import Table

    table = Table(title=f"Gates of {report.model}", title_justify="left", expand=True)
    table.add_column("gate", no_wrap=True)
    table.add_column("asset", style="dim", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("why", ratio=1)
    for gate in report.gates:
        verdict = {
            True: "[green]passed[/]",
            False: "[red]refused[/]",
            None: "[yellow]not decided[/]",
        }[gate.passed]
        summary = gate.summary.splitlines()[0] if gate.summary else ""
        table.add_row(gate.gate, gate.asset.split("/")[-1], verdict, summary)
    console.print(table)


def _print_metrics(console: "Console", evaluation: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(title="Test set, 95 % bootstrap interval", title_justify="left")
    for name, justify in (("metric", "left"), ("estimate", "right"), ("interval", "right")):
        table.add_column(name, justify="left" if justify == "left" else "right")
    for name, figure in evaluation["figures"].items():
        value, lower, upper = figure["value"], figure["lower"], figure["upper"]
        table.add_row(
            name.replace("_", " "),
            "–" if value is None else f"{value:.3f}",
            "–" if lower is None or upper is None else f"{lower:.3f} to {upper:.3f}",
        )
    console.print(table)


def _print_references(console: "Console", evaluation: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(title="Against plain models and published figures", title_justify="left")
    table.add_column("model")
    for name in ("errors at 0.5", "published", "AUROC", "candidate minus this"):
        table.add_column(name, justify="right")
    for row in evaluation["reference_models"]:
        table.add_row(
            *(str(row[k]) for k in ("name", "errors", "published", "auroc", "difference"))
        )
    console.print(table)


def _print_outcome(console: "Console", report: "RunReport", settings: "Settings") -> None:
    package = report.metadata.get("package")
    if package:
        folder = settings.packages / str(package["folder"])
        console.print(f"[bold]Package[/]  {folder}", soft_wrap=True)
        console.print(f"[bold]Card[/]     {folder / 'card/model_card.html'}", soft_wrap=True)
        console.print(f"[bold]Digest[/]   {package['digest']}", soft_wrap=True)
    if report.succeeded:
        release = report.metadata.get("release", {})
        console.print(
            f"[bold green]Released[/] {report.model} {release.get('version', '')} "
            f"[dim](replaces {release.get('replaces', '–')})[/]"
        )
        console.print("\nNext:")
        console.print(f"  clinical package verify {folder}", soft_wrap=True)
        console.print(f"  clinical package reproduce {folder}", soft_wrap=True)
        console.print(f"  clinical history {report.model}")
        console.print("  clinical up           # the graph in your browser")
    else:
        console.print(f"[bold red]Not released.[/] {report.failure}", soft_wrap=True)
        console.print("The champion is unchanged. `clinical history` keeps the refusal.")
