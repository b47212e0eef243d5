"""``clinical history``: every candidate of a model, the refused ones too."""

import dataclasses
import json

import click


@click.command()
@click.argument("model", default="diabetes")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array and nothing else.")
def history(model: str, as_json: bool) -> None:
    """Show every candidate of MODEL, newest first, with the verdict of each gate."""
    from resources.registry import Registry
    from resources.settings import Settings

    settings = Settings.load()
    registry = Registry(settings.mlflow_tracking_uri, settings.mlflow_artifacts)
    found = registry.history(model)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(candidate) for candidate in found], indent=2))
        return
    if not found:
        click.echo(f"No candidate of {model} was ever trained here. Run `clinical demo` first.")
        return
    from clinical_assets.commands.tables import new_console, new_table

    table = new_table(
        ("trained (UTC)", "version", "state", "gates"),
        wrapped="gates",
        title=f"Candidates of {model}",
    )
    for candidate in found:
        refused = [
            f"[red]{name}[/]: {text.removeprefix('refused: ')}"
            for name, text in candidate.gates.items()
            if text.startswith("refused")
        ]
        passed = len(candidate.gates) - len(refused)
        refused += [f"[yellow]earlier[/] {text}" for text in candidate.earlier]
        state = "[green]champion[/]" if candidate.champion else candidate.status.lower()
        table.add_row(
            candidate.started_at.replace("+00:00", ""),
            candidate.version,
            state,
            "\n".join([f"{passed} passed", *refused]),
        )
    new_console().print(table)
