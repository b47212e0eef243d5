"""What ``clinical demo`` shows at the end: gates, figures, digests, places, next steps."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from clinical_assets.commands.tables import new_table
from clinical_assets.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

    from clinical_assets.modelling.records import Estimate, Evaluation
    from clinical_assets.runs import RunReport
    from resources.settings import Settings


def print_report(
    console: "Console", report: "RunReport", settings: "Settings", seconds: dict[str, float]
) -> None:
    """Prints the tables of one run."""
    console.print()
    _print_gates(console, report)
    if report.evaluation is not None:
        _print_metrics(console, report.evaluation)
        _print_references(console, report.evaluation)
    _print_signatures(console, report)
    _print_outcome(console, report, settings)
    shares = ", ".join(f"{name.replace('_', ' ')} {value:.1f} s" for name, value in seconds.items())
    console.print(f"[dim]Time: {shares}[/]")


def _print_gates(console: "Console", report: "RunReport") -> None:
    from rich.text import Text

    table = new_table(("gate", "verdict", "why"), wrapped="why", title=f"Gates of {report.model}")
    for gate in report.gates:
        verdict = {
            True: Text("passed", "green"),
            False: Text("refused", "red"),
            None: Text("not decided", "yellow"),
        }[gate.passed]
        passed = gate.passed is True  # one line is enough where nothing is to be done
        why = Text(gate.summary, no_wrap=passed, overflow="ellipsis" if passed else "fold")
        table.add_row(gate.gate, verdict, why)
    console.print(table)


def _print_metrics(console: "Console", evaluation: "Evaluation") -> None:
    found = next(iter(evaluation.metrics.values()))
    table = new_table(
        ("metric", "estimate", "95 % interval"),
        wrapped="metric",
        right=("estimate", "95 % interval"),
        title=f"Test set: {found.n} rows, {found.events} events",
    )
    for name, figure in evaluation.metrics.items():
        digits = 0 if name == "errors" else 3
        table.add_row(name.replace("_", " "), _number(figure.value, digits), _range(figure, digits))
    console.print(table)


def _print_references(console: "Console", evaluation: "Evaluation") -> None:
    metric = evaluation.comparison.metric.upper()
    numbers = ("errors at 0.5", "published", f"{metric}, candidate minus this")
    table = new_table(
        ("model", *numbers),
        wrapped="model",
        right=numbers,
        title="Against plain models and published figures",
    )
    for r in evaluation.references:
        published = "–" if r.published_errors is None else str(r.published_errors)
        difference = f"{_number(r.difference.value, 3)} ({_range(r.difference, 3)})"
        table.add_row(
            r.name,
            f"{'withheld' if r.errors is None else r.errors} of {r.test_rows}",
            published,
            difference,
        )
    console.print(table)


def _print_signatures(console: "Console", report: "RunReport") -> None:
    from rich.text import Text

    if not report.signatures:
        return
    table = new_table(("signed by", "meaning", "when"), wrapped="meaning", title="Signatures")
    for signed in report.signatures:
        table.add_row(Text(signed.name), f"{signed.meaning} as {signed.role}", signed.local_time)
    console.print(table)
    if any(signed.demonstration for signed in report.signatures):
        console.print(
            "[bold yellow]DEMONSTRATION:[/] the signers are generated people. Nobody reviewed or"
            " approved this model.\n"
        )


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _range(figure: "Estimate", digits: int) -> str:
    if figure.lower is None or figure.upper is None:
        return "–"
    return f"{figure.lower:.{digits}f} to {figure.upper:.{digits}f}"


def _print_outcome(console: "Console", report: "RunReport", settings: "Settings") -> None:
    package = report.metadata.get("package")
    if package:
        folder = _near(settings.packages / str(package["folder"]))
        console.print(f"[bold]Package[/]  {_said(folder)}", soft_wrap=True)
        card = folder.with_name(f"{folder.name}.card_with_signatures.html")
        if not card.exists():  # the run ended before its approval record
            card = folder / "card/model_card.html"
        console.print(f"[bold]Card[/]     {_said(card)}", soft_wrap=True)
        record = folder.with_name(f"{folder.name}.approval_record.html")
        console.print(f"[bold]Approval[/] {_said(record)}", soft_wrap=True)
        console.print(f"[bold]Digest[/]   {package['digest']}", soft_wrap=True)
    if report.succeeded and "release" not in report.metadata:
        version = package["version"] if package else ""
        console.print(f"[bold yellow]Waits for signatures[/] {report.model} {version}")
        console.print("\nNext: enrol people, then let them sign (docs/signing.md):")
        for line in (
            'users bootstrap ID --name "NAME" --verified-by "WHO" --method "HOW"'
            "    # the first administrator, where nobody is enrolled",
            f"stage show {report.model}",
            f'sign {report.model} --stage "clinical review" --meaning review',
            "up    # releases it when the last signature is given",
        ):
            console.print(f"  {_said(_command())} {_said(line)}", soft_wrap=True)
    elif report.succeeded:
        release = report.metadata.get("release", {})
        console.print(
            f"[bold green]Released[/] {report.model} {release.get('version', '')} "
            f"[dim](replaces {release.get('replaces', '–')})[/]"
        )
        console.print("\nNext:")
        for line in (
            f"package verify {folder}",
            f"package reproduce {folder}",
            f"stage show {report.model}    # who signed what, and when",
            "ledger tail    # every act, the newest last",
            "ledger verify",
            f"history {report.model}",
            "up    # the graph in your browser",
        ):
            console.print(f"  {_said(_command())} {_said(line)}", soft_wrap=True)
    else:
        console.print(f"[bold red]Not released.[/] {_said(report.failure)}", soft_wrap=True)
        again = f"`{_said(_command())} history {report.model}` keeps the refusal"
        console.print(f"The champion is unchanged. {again}.", soft_wrap=True)


def _said(text: object) -> str:
    """As it is: neither markup nor a terminal's command."""
    from rich.markup import escape

    return escape(visible(str(text)))


def _command() -> str:
    """How the reader can call this command: by name, or by its place in the environment."""
    return "clinical" if shutil.which("clinical") else str(_near(Path(sys.argv[0])))


def _near(path: Path) -> Path:
    """The path from the current folder, where it lies below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
