"""``clinical backup`` and ``clinical retention`` as a person runs them."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clinical_assets.commands.backup import backup
from clinical_assets.commands.retention import retention
from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Nothing
from clinical_assets.ledger.entry import Subject
from resources import ledger as ledger_module
from resources.ledger import open_ledger
from resources.ledger_database.reader import Wanted
from resources.settings import Settings
from tests.unit.resources.small_store import filled_store


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled_store(tmp_path_factory.mktemp("filled") / "store").store


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, filled: Path) -> Iterator[None]:
    import os

    for name in list(os.environ):
        if name.startswith(("CLINICAL_", "AWS_")):
            monkeypatch.delenv(name)
    shutil.copytree(filled, tmp_path / "store")
    monkeypatch.setenv("CLINICAL_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "160")
    yield
    ledger_module._opened.clear()


def run(*arguments: object, **more: str) -> Result:
    group = retention if arguments[0] in ("show", "hold", "release", "purge") else backup
    return CliRunner().invoke(group, [str(one) for one in arguments], **more)  # type: ignore[arg-type]


def mistake(result: Result) -> str:
    assert isinstance(result.exception, ClinicalError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


def test_make_verify_drill_restore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = json.loads(run("make", tmp_path / "b", "--json").output)
    assert made["left_out"] == []
    assert run("verify", tmp_path / "b").exit_code == 0
    drilled = run("drill", tmp_path / "b")
    assert drilled.exit_code == 0, drilled.output
    assert "Everything came back as it was." in drilled.output
    ledger = open_ledger(Settings.load())
    record = ledger.reader.proven(Wanted(action="backup.drilled"))[0].act.details
    assert record.before_sha256 == record.after_sha256
    assert record.size == made["entries"]
    assert list((tmp_path / "store").glob(".drill-*")) == []
    ledger.record("run.started", Subject("run", "late"), Nothing())
    (tmp_path / "late.note").write_text(ledger.store.checkpoint(), encoding="utf-8")
    vkey = str(ledger.store.keys.trusted()[0])
    assert "is not empty" in mistake(run("restore", tmp_path / "b", "--reason", "Fire"))
    shutil.copytree(tmp_path / "store/keys", tmp_path / "keys")
    monkeypatch.setenv("CLINICAL_STORE", str(tmp_path / "new"))
    monkeypatch.setenv("CLINICAL_KEYS", str(tmp_path / "keys"))
    arguments = ("--reason", "Fire", "--key", vkey, "--against", tmp_path / "late.note")
    done = run("restore", tmp_path / "b", *arguments)
    assert done.exit_code == 0, done.output
    assert f"LOST: entries {made['entries']} to" in done.output
    assert open_ledger(Settings.load()).store.origin == ledger.store.origin


def test_the_drill_makes_its_own_backup() -> None:
    done = json.loads(run("drill", "--json").output)
    assert (done["passed"], done["packages"], done["table_versions"]) == (True, 1, 4)


def test_a_changed_backup_fails_with_exit_1(tmp_path: Path) -> None:
    run("make", tmp_path / "b")
    card = tmp_path / "b/mlflow/artifacts/1/card.md"
    card.write_text("better")
    done = run("verify", tmp_path / "b")
    assert done.exit_code == 1
    assert "mlflow/artifacts/1/card.md was changed" in done.output
    facts = json.loads(run("verify", tmp_path / "b", "--json").output)
    assert facts["passed"] is False
    assert "does not verify" in mistake(run("drill", tmp_path / "b"))


def test_no_backup_no_key_no_checkpoint(tmp_path: Path) -> None:
    done = run("verify", tmp_path / "none")
    assert done.exit_code == 1
    assert "There is no backup here" in done.output
    assert "not a public key" in mistake(run("verify", tmp_path / "none", "--key", "x"))
    arguments = ("acknowledge", "--reason", "r", "--against", tmp_path / "none")
    assert "cannot be read" in mistake(run(*arguments))
    error = json.loads(run("restore", tmp_path / "none", "--reason", "r", "--json").output)
    assert "without a public key" in error["error"]["what"]


def test_keys_go_out_with_a_passphrase_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from resources.backups import keys as backup_keys

    monkeypatch.setattr(backup_keys, "_COST", {"n": 2**4, "r": 8, "p": 1})
    words = "correct horse battery\n"
    done = run("make", tmp_path / "b", "--with-keys", tmp_path / "k", input=words * 2)
    assert done.exit_code == 0, done.output
    assert "correct horse" not in done.output
    assert b"PRIVATE" not in (tmp_path / "k").read_bytes()
    vkey = str(open_ledger(Settings.load()).store.keys.trusted()[0])
    monkeypatch.setenv("CLINICAL_STORE", str(tmp_path / "new"))
    arguments = ("--with-keys", tmp_path / "k", "--key", vkey, "--reason", "Fire")
    done = run("restore", tmp_path / "b", *arguments, input=words)
    assert done.exit_code == 0, done.output
    assert "No later checkpoint is known" in done.output
    assert (tmp_path / "new/keys/package-signing.pem").read_bytes()


def test_holds_are_shown_set_and_lifted(tmp_path: Path) -> None:
    shown = run("show")
    assert "for ever" in shown.output
    assert "No legal hold is in force." in shown.output
    assert run("hold", "model", "m", "--reason", "[red]Smith v. Hospital").exit_code == 0
    assert "[red]Smith v. Hospital" in run("show").output
    assert json.loads(run("show", "--json").output)["holds"][0]["id"] == "m"
    assert "No such hold" in mistake(run("release", "model", "n", "--reason", "x"))
    assert run("release", "model", "m", "--reason", "Settled").exit_code == 0
    assert "No legal hold is in force." in run("show").output
    assert run("hold", "model", "m").exit_code == 2  # no reason
    shown = run("hold", "package", "m/1-\x1b[31m", "--reason", "x").output
    assert "It keeps nothing that is here now" in shown
    assert "\x1b" not in shown
    assert "keeps nothing" not in run("hold", "package", "*", "--reason", "x").output


def test_a_purge_before_its_time_is_refused_and_recorded() -> None:
    words = mistake(run("purge", "snapshot", "0" * 64, "--reason", "x"))
    assert "There is no such snapshot" in words
    assert "is never purged" in mistake(run("purge", "ledger", "3", "--reason", "x"))
    ledger = open_ledger(Settings.load())
    entry = ledger.reader.proven(Wanted(action="retention.refused"))[0]
    assert (entry.act.outcome, entry.act.details.kind) == ("refused", "never")
