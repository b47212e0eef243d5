"""What a command reads or writes says in the ledger which command it was for."""

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from clinical_assets import cli as module
from clinical_assets.cli import cli
from clinical_assets.ledger.entry import Origin
from resources.actors import at_origin, present_purpose
from resources.ledger import open_ledger
from resources.recorded.snapshots import RecordedSnapshots
from resources.settings import Settings
from resources.terminal import at_command
from tests.unit.resources.test_source_files import entry as source_entry

DATA = b"a\n1\n"


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLINICAL_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("CLINICAL_SOURCES", str(tmp_path / "sources.toml"))
    (tmp_path / "sources.toml").write_text(source_entry("away", False, ("one.csv", "", DATA)))
    (tmp_path / "sepsis run").write_bytes(DATA)
    return tmp_path


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command that reads what it is told to, in a group of its own."""

    @click.group()
    def data() -> None: ...

    @data.command("read")
    @click.argument("sha256")
    def read_one(sha256: str) -> None:
        settings = Settings.load()
        ledger = open_ledger(settings)
        RecordedSnapshots(settings.snapshots_url, settings.s3_options, ledger).get(sha256)

    monkeypatch.setattr("clinical_assets.commands.data.data", data)
    module._loaded.cache_clear()
    yield
    module._loaded.cache_clear()


def details(action: str) -> list[dict[str, object]]:
    shown = CliRunner().invoke(cli, ["ledger", "show", "--json", "--action", action])
    return [json.loads(line)["details"] for line in shown.stdout.splitlines()]


def test_what_a_command_writes_is_for_it(store: Path) -> None:
    done = CliRunner().invoke(cli, ["data", "add", "away", str(store / "sepsis run")])
    assert done.exit_code == 0, done.output
    written = details("snapshot.written")
    assert written
    assert {each["purpose"] for each in written} == {"clinical data add"}


def test_what_a_command_reads_is_for_it(store: Path, reader: None) -> None:
    settings = Settings.load()
    ledger = open_ledger(settings)
    name = RecordedSnapshots(settings.snapshots_url, settings.s3_options, ledger).put(DATA)
    done = CliRunner().invoke(cli, ["data", "read", name])
    assert done.exit_code == 0, done.output
    (read,) = details("snapshot.read")
    assert read["purpose"] == "clinical data read"
    assert present_purpose() == ""  # it ended with the command


def test_an_asset_is_the_nearer_purpose() -> None:
    with at_command("clinical demo"):
        assert present_purpose() == "clinical demo"
        with at_origin(Origin("run", "m/dataset")):
            assert present_purpose() == "m/dataset"
