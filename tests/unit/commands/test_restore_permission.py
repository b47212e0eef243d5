"""Who may restore: established before anything is moved, by the register that is there."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pyotp
import pytest
from click.testing import CliRunner, Result

from clinical_assets.cli import cli
from clinical_assets.commands.users import users
from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Nothing
from clinical_assets.ledger.checkpoint import Checkpoint, PublicKey, SigningKey, sign
from clinical_assets.ledger.entry import Actor, Entry, Subject
from resources import ledger as ledger_module
from resources.actors import acting
from resources.backups import keys as backup_keys
from resources.ledger import Ledger, open_ledger
from resources.ledger_database.reader import Wanted
from resources.people.authentication import Authentication
from resources.people.claims import Claim
from resources.people.identity import IdentityRegister
from resources.people.own_account import set_second_factor
from resources.people.service_credentials import LOCAL, credential_file, misses_credential
from resources.people.sessions import Sessions
from resources.settings import Settings
from resources.terminal import signed_in
from resources.witnesses.witness import parse_witness
from tests.unit.resources.register import FAST, GOOD
from tests.unit.resources.small_store import filled_store

RITA = Actor("person", "rita", "Rita Root", "session")
WORDS = "correct horse battery"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with the administrator Rita and the author Otto."""
    store = filled_store(tmp_path_factory.mktemp("filled") / "store").store
    ledger = open_ledger(Settings.load(store=store))
    register = IdentityRegister(ledger.store, store / "keys", hashing=FAST)
    seen = {"verified_by": "HR", "method": "passport", "on": date(2026, 11, 2)}
    register.bootstrap("rita", "Rita Root", GOOD, **seen)
    with acting(RITA):
        issued = register.enrol("otto", "Otto Author", ("author",), **seen)
    register.change_secret(Claim("otto", issued), GOOD)
    forget(ledger)
    return store


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_keys, "_COST", {"n": 2**4, "r": 8, "p": 1})


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, filled: Path) -> Iterator[Path]:
    import os

    for name in list(os.environ):
        if name.startswith(("CLINICAL_", "AWS_")):
            monkeypatch.delenv(name)
    shutil.copytree(filled, tmp_path / "store")
    monkeypatch.setenv("CLINICAL_STORE", str(tmp_path / "store"))
    yield tmp_path / "store"
    ledger_module._opened.clear()


@pytest.fixture
def vkey(store: Path) -> str:
    """The ledger's public key; Rita has made a backup by then, with the keys beside it."""
    log_in("rita")
    words = f"{WORDS}\n" * 2
    folder = store.parent
    done = run("make", folder / "b", "--with-keys", folder / "k", asked=words)
    assert done.exit_code == 0, done.output
    ledger = open_ledger(Settings.load())
    ledger_module._opened.clear()
    forget(ledger)
    (store / "keys/sessions").rename(folder / "sessions")
    return str(ledger.store.keys.trusted()[0])


def run(*arguments: object, asked: str = "") -> Result:
    words = ["backup", *(str(one) for one in arguments)]
    with signed_in():
        return CliRunner().invoke(cli, words, input=asked)


def forget(ledger: Ledger) -> None:
    ledger.store.engine.close()
    ledger_module._opened.clear()


def log_in(id: str) -> None:
    settings = Settings.load()
    ledger = open_ledger(settings)
    Sessions(Authentication(ledger.store, settings.keys)).log_in(Claim(id, GOOD))
    forget(ledger)


def refused(result: Result) -> str:
    assert isinstance(result.exception, ClinicalError), result.output
    assert GOOD not in result.output + str(result.exception)
    return str(result.exception)


def entries(action: str) -> list[Entry]:
    ledger = open_ledger(Settings.load())
    found = list(ledger.reader.proven(Wanted(action=action)))
    forget(ledger)
    return found


def moved(store: Path) -> list[str]:
    return sorted(path.name for path in store.rglob("*replaced-*"))


def in_place(store: Path, vkey: str, *more: object, asked: str = "") -> Result:
    reason = ("--reason", "Fire", "--key", vkey)
    return run("restore", store.parent / "b", *reason, *more, asked=asked)


def new_store(store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLINICAL_STORE", str(store.parent / "new"))
    return store.parent / "new"


def test_into_an_empty_installation_an_administrator_proves_who_they_are(
    store: Path, vkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = new_store(store, monkeypatch)
    done = in_place(store, vkey, asked=f"Rita\n{GOOD}\n\n")
    assert done.exit_code == 0, done.output
    assert GOOD not in done.output
    intended, told = entries("backup.restored")
    assert told.act.actor == intended.act.actor
    assert told.act.actor == Actor("person", "rita", "Rita Root", "confirmation")
    assert list(new.glob(".drill-*")) == []
    log_in("rita")
    assert run("verify", store.parent / "b", "--key", vkey).exit_code == 0


def test_a_missing_service_credential_is_announced_and_can_be_repaired(
    store: Path, vkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = new_store(store, monkeypatch)
    done = in_place(store, vkey, "--id", "rita", "--secret-stdin", asked=f"{GOOD}\n")
    assert done.exit_code == 0, done.output
    file = credential_file(new / "keys", LOCAL)
    assert "service credential is missing" in done.output
    assert f"mkdir -p -m 700 '{file.parent}'" in done.output
    assert f"clinical users reset {LOCAL} --output '{file}'" in done.output
    settings = Settings.load()
    file.parent.mkdir(mode=0o700)
    log_in("rita")
    with signed_in():
        again = CliRunner().invoke(users, ["reset", LOCAL, "--output", str(file)])
    assert again.exit_code == 0, again.output
    ledger_module._opened.clear()
    assert open_ledger(settings).actor.id == LOCAL
    assert not misses_credential(open_ledger(settings).store, settings.keys)


def test_secrets_from_standard_input_need_an_id(
    store: Path, vkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_store(store, monkeypatch)
    wrong = in_place(store, vkey, "--secret-stdin", asked=f"{GOOD}\n")
    assert "Give --id" in refused(wrong)
    keys = ("--with-keys", store.parent / "k")
    words = f"{WORDS}\n{GOOD}\n"
    done = in_place(store, vkey, "--id", "rita", "--secret-stdin", *keys, asked=words)
    assert done.exit_code == 0, done.output
    assert "credential is missing" not in done.output


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("rita\nno such secret at all\n\n", "not accepted together"),
        (f"nobody\n{GOOD}\n\n", "not accepted together"),
        (f"otto\n{GOOD}\n\n", "not the right to administer"),
    ],
)
def test_into_an_empty_installation_nobody_else_restores(
    store: Path, vkey: str, monkeypatch: pytest.MonkeyPatch, asked: str, words: str
) -> None:
    new = new_store(store, monkeypatch)
    assert words in refused(in_place(store, vkey, asked=asked))
    left = {path.name for path in new.rglob("*") if path.is_file()}
    assert left <= {"maintenance.lock"}


def test_what_is_replaced_says_who_may_replace_it(store: Path, vkey: str) -> None:
    assert "Nobody is logged in" in refused(in_place(store, vkey, "--replace"))
    log_in("otto")
    assert "not the right to administer" in refused(in_place(store, vkey, "--replace"))
    assert moved(store) == []
    refusal = entries("user.refused")[-1].act
    assert (refusal.actor.id, refusal.outcome) == ("otto", "refused")
    assert refusal.details.wanted == "backup.restored"
    log_in("rita")
    done = in_place(store, vkey, "--replace")
    assert done.exit_code == 0, done.output
    assert "What was there is kept as" in done.output
    assert entries("backup.restored")[-1].act.actor == RITA
    assert "ledger.lost" in entries("ledger.lost")[0].act.action
    log_in("rita")  # the session ended with the ledger that knew it


@pytest.mark.parametrize("how", ["no database", "changed register"])
def test_for_a_damaged_ledger_the_backup_decides(store: Path, vkey: str, how: str) -> None:
    file = store / "ledger/ledger.db"
    if how == "no database":
        file.write_bytes(b"\0" * 5000)
    else:
        with closing(sqlite3.connect(file)) as database:
            database.execute("UPDATE identity_accounts SET record = X'7b7d' WHERE id = 'rita'")
            database.commit()
    wrong = in_place(store, vkey, "--replace", asked="rita\nno such secret\n\n")
    assert "not accepted together" in refused(wrong)
    assert moved(store) == []
    done = in_place(store, vkey, "--replace", asked=f"rita\n{GOOD}\n\n")
    assert done.exit_code == 0, done.output
    assert entries("backup.restored")[-1].act.actor.method == "confirmation"
    log_in("rita")


def test_a_ledger_of_another_name_permits_nothing_by_itself(
    store: Path, vkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = new_store(store, monkeypatch)
    settings = Settings.load()
    settings.prepare()
    own = open_ledger(settings)
    own.record("run.started", Subject("run", "r"), Nothing())
    forget(own)
    wrong = in_place(store, vkey, "--replace", asked="rita\nno such secret\n\n")
    assert "not accepted together" in refused(wrong)
    assert moved(new) == []
    assert entries("user.refused")[-1].act.details.wanted == "backup.restored"
    done = in_place(store, vkey, "--replace", asked=f"rita\n{GOOD}\n\n")
    assert done.exit_code == 0, done.output


def test_later_notes_of_unknown_keys_are_ignored_only_on_demand(
    store: Path, vkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = PublicKey.parse(vkey).name
    witness = f"folder:{store.parent}/elsewhere"
    note = sign(Checkpoint(origin, 9999, bytes(32)), [SigningKey.generate(origin)])
    parse_witness(witness).publish(note)
    monkeypatch.setenv("CLINICAL_WITNESSES", witness)
    new = new_store(store, monkeypatch)
    asked = f"rita\n{GOOD}\n\n"
    assert "--ignore-unknown-notes" in refused(in_place(store, vkey, asked=asked))
    assert not (new / "ledger/ledger.db").exists()
    done = in_place(store, vkey, "--ignore-unknown-notes", asked=asked)
    assert done.exit_code == 0, done.output
    assert "1 note(s) of the witnesses are signed by no key that is known here" in done.output
    assert "1 later note(s)" in entries("backup.restored")[-1].act.reason


def test_a_second_factor_needs_its_key(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.load()
    ledger = open_ledger(settings)
    register = Authentication(ledger.store, settings.keys)
    key = register.second_factor.new_key()
    # Of the step before, so that the present code is still good afterwards.
    code = pyotp.TOTP(key).at(int(datetime.now(UTC).timestamp()) - 30)
    set_second_factor(register, Claim("rita", GOOD), key, code)
    now = pyotp.TOTP(key).now()
    Sessions(register).log_in(Claim("rita", GOOD, now))
    vkey = str(ledger.store.keys.trusted()[0])
    forget(ledger)
    folder = store.parent
    made = run("make", folder / "b", "--with-keys", folder / "k", asked=f"{WORDS}\n" * 2)
    assert made.exit_code == 0, made.output
    ledger_module._opened.clear()
    new = new_store(store, monkeypatch)
    late = pyotp.TOTP(key).at(int(datetime.now(UTC).timestamp()) + 30)
    claimed = f"rita\n{GOOD}\n{late}\n"
    assert "Give --with-keys" in refused(in_place(store, vkey, asked=claimed))
    without = f"{WORDS}\nrita\n{GOOD}\n\n"
    packed = ("--with-keys", folder / "k")
    assert "not accepted" in refused(in_place(store, vkey, *packed, asked=without))
    assert not (new / "keys").exists() or not any((new / "keys").rglob("*.pem"))
    done = in_place(store, vkey, *packed, "--json", asked=f"{WORDS}\n{claimed}")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["unknown_notes"] == 0
    assert (new / "keys/second-factor.key").exists()


def test_without_the_credential_that_acts_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled = filled_store(tmp_path / "nobody").store
    monkeypatch.setenv("CLINICAL_STORE", str(filled))
    vkey = str(open_ledger(Settings.load()).store.keys.trusted()[0])
    ledger_module._opened.clear()
    assert run("make", tmp_path / "b").exit_code == 0
    ledger_module._opened.clear()
    monkeypatch.setenv("CLINICAL_STORE", str(tmp_path / "new"))
    done = run("restore", tmp_path / "b", "--reason", "Fire", "--key", vkey)
    assert "Give --with-keys" in refused(done)
    assert not (tmp_path / "new/ledger/ledger.db").exists()
