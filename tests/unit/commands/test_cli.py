"""The command line as a whole: quick to help, one paragraph for a mistake."""

import io
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from clinical_assets.cli import COMMANDS
from clinical_assets.commands.tables import new_table

HEAVY = (
    *("dagster", "mlflow", "sklearn", "polars", "pandera", "matplotlib", "rich", "numpy"),
    *("sqlalchemy", "pydantic", "argon2", "cryptography"),
)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "clinical_assets.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom clinical_assets.cli import cli\n"
        "cli(['--help'], standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.endswith("[]\n")
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    command = getattr(import_module(f"clinical_assets.commands.{name}"), name)
    assert command.name == name
    assert command.help


@pytest.mark.parametrize("arguments", [("data", "list"), ("data", "list", "--json")])
def test_a_reader_that_goes_away_is_no_finding(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """As ``clinical ledger verify | head`` ends: 1 would say that the ledger does not hold."""
    command = [sys.executable, "-m", "clinical_assets.cli", *arguments]
    environment = {"PATH": "/usr/bin:/bin", "CLINICAL_STORE": str(tmp_path)}
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, env=environment)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_table_shows_what_would_command_the_terminal() -> None:
    table = new_table(("name", "what"), wrapped="what", title="A [bold]t\x1b[31m")
    table.add_row("[bold green]champion[/]", "\x1b[31mRED\u202e")
    table.add_row(Text("a\u202eb", "red"), "x\ny")
    console = Console(file=io.StringIO(), width=60, force_terminal=False)
    console.print(table)
    shown = console.file.getvalue()
    assert not set(shown) & {"\x1b", "\u202e"}
    for text in (
        "[bold]t",
        "[bold green]champion[/]",
        r"\u001b[31mRED\u202e",
        r"a\u202eb",
        r"x\ny",
    ):
        assert text in shown


def test_a_mistake_quotes_what_would_command_the_terminal(tmp_path: Path) -> None:
    done = run("demo", "--model", "a\x1b[31m\nError: fine", CLINICAL_STORE=str(tmp_path))
    assert done.stderr.count("\n") == 1
    assert r"a\u001b[31m\nError: fine" in done.stderr


def test_an_unknown_command_is_refused() -> None:
    done = run("relese")
    assert done.returncode == 2
    assert "No such command 'relese'" in done.stderr


def test_a_mistake_is_one_paragraph_without_traceback() -> None:
    done = run("data", "list", CLINICAL_SNAPSHOTS_URL="ftp://somewhere")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The settings cannot be used: CLINICAL_SNAPSHOTS_URL")
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_unknown_model_is_named_with_those_that_exist(tmp_path) -> None:
    done = run("demo", "--model", "diabtes", CLINICAL_STORE=str(tmp_path))
    assert done.returncode == 1
    assert "There is no model named diabtes. Choose among diabetes." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_that_cannot_be_imported_is_named(tmp_path) -> None:
    done = run("demo", CLINICAL_STORE=str(tmp_path), CLINICAL_MODELS="no_such_module:MODEL")
    assert done.returncode == 1
    assert "'no_such_module:MODEL' cannot be imported" in done.stderr
    assert "Traceback" not in done.stderr


def test_history_of_an_untouched_store_says_what_to_do(tmp_path) -> None:
    done = run("history", CLINICAL_STORE=str(tmp_path))
    assert done.returncode == 0
    assert "Run `clinical demo` first" in done.stdout
