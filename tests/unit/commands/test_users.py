"""``clinical login``, ``logout`` and ``users`` as people run them, one command after the other."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clinical_assets.cli import cli
from clinical_assets.errors import ClinicalError
from resources import ledger as ledger_module
from resources.people.identity import IdentityRegister
from resources.terminal import signed_in
from tests.unit.resources.register import FAST, GOOD, OTHER


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith("CLINICAL_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CLINICAL_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "160")
    cheap = partial(IdentityRegister, hashing=FAST)
    monkeypatch.setattr("resources.people.identity.IdentityRegister", cheap)
    yield
    ledger_module._opened.clear()


def run(*arguments: str, stdin: str = "") -> Result:
    with signed_in():
        return CliRunner().invoke(cli, [*arguments], input=stdin)


def done(*arguments: str, stdin: str = "") -> str:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output + str(result.exception)
    return result.output


def mistake(*arguments: str, stdin: str = "") -> str:
    result = run(*arguments, stdin=stdin)
    assert isinstance(result.exception, ClinicalError)
    assert "\n" not in str(result.exception)
    return str(result.exception)


BOOTSTRAP = ("--name", "Rita Root", "--verified-by", "HR", "--method", "passport")


@pytest.fixture
def rita() -> None:
    done("users", "bootstrap", "Rita", *BOOTSTRAP, "--secret-stdin", stdin=GOOD)
    done("login", "rita", "--secret-stdin", stdin=GOOD)


@pytest.fixture
def anna(rita: None) -> None:
    output = done("users", "enrol", "anna", "--name", "Anna", "--role", "quality", *HOW)
    issued = output.splitlines()[1]
    done("login", "anna", "--secret-stdin", stdin=f"{issued}\n\n{OTHER}\n")


HOW = ("--method", "passport", "--verified-on", "2026-11-02")


def test_from_the_first_administrator_to_a_second_person(rita: None) -> None:
    assert "Rita Root" in done("users", "list")
    output = done("users", "enrol", "anna", "--name", "Anna", "--role", "quality", *HOW)
    issued = output.splitlines()[1]
    assert issued not in done("users", "show", "anna")
    told = done("login", "anna", "--secret-stdin", stdin=f"{issued}\n\n{OTHER}\n")
    assert "has to be changed" in told
    assert "Logged in as Anna (anna), for 8 hours at most." in told
    assert json.loads(done("users", "show", "--json"))["state"] == "active"
    assert "You have not the right to enrol" in mistake(
        "users", "enrol", "eve", "--name", "Eve", *HOW
    )
    assert "Logged out." in done("logout")
    assert "Nobody was logged in." in done("logout")
    assert "Nobody is logged in" in mistake("users", "show")


def test_secrets_are_asked_for_without_being_shown() -> None:
    told = done("users", "bootstrap", "rita", *BOOTSTRAP, stdin=f"{GOOD}\n{GOOD}\n")
    told += done("login", "rita", stdin=f"{GOOD}\n\n")
    assert GOOD not in told
    assert "Code (Enter for none)" in told


def test_a_secret_is_never_an_argument() -> None:
    for command in (["login"], ["users", "bootstrap"], ["users", "secret"], ["users", "accept"]):
        text = done(*command, "--help")
        assert "--secret-stdin" in text
        assert "--secret " not in text
        assert "--password" not in text


def test_everyday_administration(anna: None) -> None:
    done("login", "rita", "--secret-stdin", stdin=GOOD)
    assert "Roles now: author." in done(
        "users", "role", "anna", "--grant", "author", "--withdraw", "quality"
    )
    course = ("--course", "GCP", "--completed", "2026-01-01", "--expires", "2030-01-01")
    assert "GCP, valid until 2030-01-01" in done("users", "training", "anna", *course)
    assert "Anna Smith" in done("users", "rename", "anna", "Anna Smith")
    findings = {
        one["id"]: one["findings"]
        for one in json.loads(done("users", "review", "--json"))["accounts"]
    }
    assert findings["anna"] == [
        "the accountability statement was not accepted in its present version"
    ]
    done("users", "accept", "--id", "anna", "--secret-stdin", stdin=OTHER)
    review = done("users", "review")
    assert "2030-01-01" in review
    assert "the only active administrator" in review
    assert "Hand over this secret" in done("users", "reset", "anna")
    assert "is not locked" in mistake("users", "unlock", "anna")
    assert "Revoked." in done("users", "revoke", "anna", "--reason", "left")
    assert "is taken" in mistake("users", "enrol", "Anna", "--name", "Anna", *HOW)
    states = {a["id"]: a["state"] for a in json.loads(done("users", "list", "--json"))["accounts"]}
    assert states == {"anna": "revoked", "rita": "active"}


def test_after_a_reset_somebody_of_quality_confirms_the_owner(anna: None) -> None:
    done("login", "rita", "--secret-stdin", stdin=GOOD)
    enrolled = done("users", "enrol", "emil", "--name", "Emil", "--role", "ethics board", *HOW)
    own = f"{enrolled.splitlines()[1]}\n\n{OTHER}\n"
    done("login", "emil", "--secret-stdin", stdin=own)
    done("login", "rita", "--secret-stdin", stdin=GOOD)
    told = done("users", "reset", "emil")
    assert "signs nothing until somebody else confirms its owner" in told
    own = f"{told.splitlines()[1]}\n\n{OTHER}\n"
    done("login", "emil", "--secret-stdin", stdin=own)
    assert "not the right to confirm" in mistake("users", "confirm", "emil", "--method", "seen")
    done("login", "anna", "--secret-stdin", stdin=OTHER)
    assert "may sign again" in done("users", "confirm", "emil", "--method", "came in person")


def test_another_secret_of_ones_own(anna: None) -> None:
    stdin = f"{OTHER}\n\nfour words of mine\n"
    assert "is changed" in done("users", "secret", "--secret-stdin", stdin=stdin)
    assert "Your session" in mistake("users", "show")
    done("login", "anna", "--secret-stdin", stdin="four words of mine")


def test_a_second_factor(anna: None, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyotp

    from resources.people.second_factor import SecondFactor

    key = pyotp.random_base32()
    monkeypatch.setattr(SecondFactor, "new_key", lambda _: key)
    told = done("users", "totp", stdin=f"{OTHER}\n\n{pyotp.TOTP(key).now()}\n")
    assert "otpauth://totp/clinical-assets:anna?secret=" in told
    assert "not accepted together" in mistake("login", "anna", "--secret-stdin", stdin=OTHER)
    monkeypatch.setattr(SecondFactor, "step_of", lambda *_: 10**9)  # a later code
    done("login", "anna", "--secret-stdin", stdin=f"{OTHER}\n123456\n")


def test_a_service_gets_a_private_file(rita: None, tmp_path: Path) -> None:
    path = tmp_path / "worker.secret"
    assert "needs a new file" in mistake("users", "enrol-service", "worker", "--name", "Worker")
    done("users", "enrol-service", "worker", "--name", "Worker", "--output", str(path))
    first = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert "needs a new file" in mistake("users", "reset", "worker", "--output", str(path))
    path.unlink()
    told = done("users", "reset", "worker", "--output", str(path))
    assert path.read_text() not in (first, "")
    assert path.read_text() not in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["users", "enrol", "x y", "--name", "X", *HOW], "an id has"),
        (["users", "enrol", "xy", "--name", "X", "--role", "boss", *HOW], "no role boss"),
        (["users", "show", "nobody"], "no account of that id"),
        (["users", "revoke", "rita", "--reason", "x"], "only active administrator"),
        (["login", "rita", "--secret-stdin"], "has no line for: secret"),
        (["users", "bootstrap", "eve", *BOOTSTRAP, "--secret-stdin"], "no line for: new secret"),
    ],
)
def test_a_mistake_is_one_paragraph(rita: None, arguments: list[str], words: str) -> None:
    assert words in mistake(*arguments)


def test_a_day_that_is_none(rita: None) -> None:
    result = run("users", "enrol", "xy", "--name", "X", "--method", "x", "--verified-on", "soon")
    assert result.exit_code == 2
    assert "YYYY-MM-DD" in result.output


def test_an_account_changed_past_the_ledger_is_named(rita: None, tmp_path: Path) -> None:
    import sqlite3

    done("users", "enrol", "anna", "--name", "Anna", "--role", "quality", *HOW)
    with sqlite3.connect(tmp_path / "store" / "ledger" / "ledger.db") as database:
        record = "replace(record, 'quality', 'author')"
        database.execute(f"UPDATE identity_accounts SET record = CAST({record} AS BLOB)")
        database.execute("INSERT INTO identity_accounts VALUES ('unknown', X'00')")
    database.close()
    result = run("users", "list", "--json")
    assert result.exit_code == 1
    assert json.loads(result.output)["tampered"] == ["anna", "unknown"]


def put_back(database: Path, older: bytes) -> None:
    """What an intruder, or a careless colleague, does to the files of the database."""
    for ledger in ledger_module._opened.values():
        ledger.store.engine.close()
    ledger_module._opened.clear()
    for path in database.parent.glob("ledger.db*"):
        path.unlink()
    database.write_bytes(older)


def older_copy(database: Path) -> bytes:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return database.read_bytes()


def test_an_older_copy_put_back_gives_no_right_back(anna: None, tmp_path: Path) -> None:
    """Though nothing was verified or published since, and whoever may answer has no session that
    the copy knows."""
    database = tmp_path / "store/ledger/ledger.db"
    older = older_copy(database)
    done("login", "rita", "--secret-stdin", stdin=GOOD)
    done("users", "revoke", "anna", "--reason", "left the hospital")
    put_back(database, older)
    for arguments in (("users", "list"), ("login", "anna"), ("data", "add", "pima-768", "x.csv")):
        assert "an older copy was put back" in mistake(*arguments, stdin=OTHER)
    with pytest.raises(AssertionError, match="this machine has seen a checkpoint"):
        done("ledger", "verify")
    answer = ("backup", "acknowledge", "--reason", "the disk failed", "--id")
    for id, secret, why in (
        ("anna", OTHER, "have not the right"),
        ("rita", OTHER, "were not accepted together"),
    ):
        assert why in mistake(*answer, id, "--secret-stdin", stdin=secret)
        assert "an older copy was put back" in mistake("users", "list")
    done(*answer, "rita", "--secret-stdin", stdin=GOOD)
    assert "records a loss" in done("ledger", "verify")
    done("login", "rita", "--secret-stdin", stdin=GOOD)
    done("users", "revoke", "anna", "--reason", "left the hospital, once more")
    put_back(database, older)
    assert "an older copy was put back" in mistake("users", "list")


def test_whoever_is_logged_in_by_the_copy_itself_answers_without_another_proof(
    anna: None, tmp_path: Path
) -> None:
    database = tmp_path / "store/ledger/ledger.db"
    done("login", "rita", "--secret-stdin", stdin=GOOD)
    older = older_copy(database)
    done("users", "revoke", "anna", "--reason", "left the hospital")
    put_back(database, older)
    done("backup", "acknowledge", "--reason", "the disk failed")
    assert "Rita Root" in done("ledger", "verify")


def test_a_command_that_needs_no_ledger_opens_none(tmp_path: Path) -> None:
    done("data", "list")
    assert not (tmp_path / "store" / "ledger").exists()
