"""A private key of the ledger that is lost: replaced by who proves the right, and never unsaid."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, date, datetime
from pathlib import Path

import pyotp
import pytest
from click.testing import CliRunner, Result

from clinical_assets.cli import cli
from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import PublicKey
from resources import ledger as ledger_module
from resources.actors import acting
from resources.keys_on_record import unrecorded_key
from resources.ledger import Ledger, open_ledger
from resources.ledger_database.reader import Wanted
from resources.ledger_keys import LedgerKeys
from resources.people.authentication import Authentication
from resources.people.claims import Claim
from resources.people.identity import IdentityRegister
from resources.people.own_account import set_second_factor
from resources.settings import Settings
from resources.terminal import signed_in
from tests.unit.commands.test_restore_permission import RITA
from tests.unit.resources.ledgers import postgresql_database
from tests.unit.resources.register import FAST, GOOD

ROTATE = ("ledger", "key", "rotate", "--reason", "disk died")


@pytest.fixture(params=["sqlite", "postgresql"])
def keys(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Path]:
    """The folder of keys of an installation with the administrator Rita and the author Otto."""
    for name in list(os.environ):
        if name.startswith(("CLINICAL_", "AWS_")) and name != "CLINICAL_TEST_POSTGRESQL":
            monkeypatch.delenv(name)
    monkeypatch.setenv("CLINICAL_STORE", str(tmp_path / "store"))
    with postgresql_database() if request.param == "postgresql" else nullcontext("") as url:
        if url:
            monkeypatch.setenv("CLINICAL_LEDGER_URL", url)
        ledger = open_ledger(Settings.load())
        register = IdentityRegister(ledger.store, tmp_path / "store/keys", hashing=FAST)
        seen = {"verified_by": "HR", "method": "passport", "on": date(2026, 11, 2)}
        register.bootstrap("rita", "Rita Root", GOOD, **seen)
        with acting(RITA):
            issued = register.enrol("otto", "Otto Author", ("author",), **seen)
        register.change_secret(Claim("otto", issued), GOOD)
        closed()
        yield tmp_path / "store/keys"
        closed()


def closed() -> None:
    """As if the process had ended."""
    for opened in ledger_module._opened.values():
        opened.store.engine.close()
    ledger_module._opened.clear()


def lose(keys: Path) -> PublicKey:
    """The key that was in force."""
    (private,) = keys.glob("ledger-*.pem")
    name = next(LedgerKeys(keys).names())
    found = LedgerKeys(keys).signing(name).public
    private.unlink()
    return found


def run(*arguments: object, asked: str = "") -> Result:
    closed()
    with signed_in():
        done = CliRunner().invoke(cli, [str(one) for one in arguments], input=asked)
    closed()
    assert GOOD not in done.output + str(done.exception)
    return done


def log_in(id: str, code: str = "") -> Result:
    return run("login", id, "--secret-stdin", asked=f"{GOOD}\n{code}\n")


def refusal(done: Result) -> str:
    assert isinstance(done.exception, ClinicalError), done.output
    return str(done.exception)


def looked_at() -> Ledger:
    closed()
    return open_ledger(Settings.load(), older=True)


def test_an_administrator_replaces_a_lost_key_though_nobody_can_log_in(keys: Path) -> None:
    for _ in range(3):  # so that the key in force is not the first of the trusted ones by chance
        name = next(LedgerKeys(keys).names())
        LedgerKeys(keys).rotate(name)
        open_ledger(Settings.load())  # which writes the new one down, under it
        closed()
    old, size = lose(keys), looked_at().store.head().size
    told = refusal(log_in("rita"))
    assert "private key is gone" in told
    assert "key rotate --id ID" in told
    done = run(*ROTATE, "--id", "rita", "--secret-stdin", asked=f"{GOOD}\n\n")
    assert done.exit_code == 0, done.output
    new = LedgerKeys(keys).signing(name).public
    assert f"In force:  {new}\nLost:      {old}\n" in done.stdout
    ledger = looked_at()
    proof, created, *_ = [row.body for row in ledger.reader.rows(size)]
    shown = [json.loads(body) for body in (proof, created)]
    assert [one["action"] for one in shown] == ["user.authenticated", "key.created"]
    assert {one["actor"]["id"] for one in shown} == {"rita"}
    entry = ledger.reader.proven(Wanted(action="key.created"))[-1]
    assert (entry.act.details.before, entry.act.details.after) == (str(old), str(new))
    assert entry.act.reason == "disk died (the private key was lost)"
    assert run("ledger", "verify").exit_code == 0
    assert log_in("rita").exit_code == 0


@pytest.mark.parametrize(
    ("claimed", "id", "told"),
    [
        ("wrong horse battery staple", "rita", "not accepted together"),
        (GOOD, "nobody", "not accepted together"),
        (GOOD, "otto", "have not the right to administer"),
    ],
)
def test_nobody_else_replaces_it(keys: Path, claimed: str, id: str, told: str) -> None:
    old, size = lose(keys), looked_at().store.head().size
    done = run(*ROTATE, "--id", id, "--secret-stdin", asked=f"{claimed}\n\n")
    assert told in refusal(done)
    assert not list(keys.glob("*.pem"))
    assert LedgerKeys(keys).trusted() == (old,)
    assert looked_at().store.head().size == size
    assert "DOES NOT HOLD" in (found := run("ledger", "verify")).output
    assert (found.exit_code, "the ledger's private key is gone" in found.output) == (1, True)
    assert not list(keys.glob("*.pem"))


def test_whoever_is_logged_in_needs_no_further_proof_but_the_right(keys: Path) -> None:
    for id, told in (("otto", "have not the right"), ("rita", "")):
        assert log_in(id).exit_code == 0
        pem = next(keys.glob("*.pem"))
        shutil.copy2(pem, keys.parent / "copy.pem")
        lose(keys)
        done = run(*ROTATE)
        if told:
            assert told in refusal(done)
            shutil.copy2(keys.parent / "copy.pem", pem)
        else:
            assert done.exit_code == 0, done.exception
    entry = looked_at().reader.proven(Wanted(action="key.created"))[-1]
    assert entry.act.actor.id == "rita"


def test_the_second_factor_is_asked_for_and_its_code_is_used_up(keys: Path) -> None:
    ledger = open_ledger(Settings.load())
    register = Authentication(ledger.store, keys)
    secret = register.second_factor.new_key()
    past = int(datetime.now(UTC).timestamp()) - 30
    set_second_factor(register, Claim("rita", GOOD), secret, pyotp.TOTP(secret).at(past))
    lose(keys)
    rotate = (*ROTATE, "--id", "rita", "--secret-stdin")
    assert "not accepted" in refusal(run(*rotate, asked=f"{GOOD}\n\n"))
    code = pyotp.TOTP(secret).now()
    assert run(*rotate, asked=f"{GOOD}\n{code}\n").exit_code == 0
    assert "not accepted" in refusal(log_in("rita", code))


def test_an_older_copy_gets_a_new_key_too_and_its_loss_is_answered_for_then(keys: Path) -> None:
    if Settings.load().ledger_url.startswith("postgresql"):
        pytest.skip("SQLite only: a file is put back")
    closed()
    database = keys.parent / "ledger/ledger.db"
    shutil.copy2(database, keys.parent / "older.db")
    for _ in range(3):
        assert log_in("rita").exit_code == 0
        assert run("logout").exit_code == 0
    for path in database.parent.glob("ledger.db*"):
        path.unlink()
    shutil.copy2(keys.parent / "older.db", database)
    size = looked_at().store.head().size
    pem = next(keys.glob("*.pem"))
    shutil.copy2(pem, keys.parent / "copy.pem")
    assert "Nothing is done upon this ledger" in refusal(run(*ROTATE))
    lose(keys)
    done = run(*ROTATE, "--id", "rita", "--secret-stdin", asked=f"{GOOD}\n\n")
    assert done.exit_code == 0, done.exception
    assert f"clinical backup acknowledge --id ID --kept {size} --reason" in done.stdout
    assert "Nothing is done upon this ledger" in refusal(log_in("rita"))
    words = ("backup", "acknowledge", "--kept", size, "--reason", "Disk", "--id", "rita")
    done = run(*words, "--secret-stdin", asked=f"{GOOD}\n\n")
    assert done.exit_code == 0, done.exception
    assert log_in("rita").exit_code == 0
    assert run("ledger", "verify").exit_code == 0


KILLED = """
import os, signal, sys
from resources.ledger import Ledger
from resources.ledger_database.store import LedgerStore
from resources.ledger_keys import LedgerKeys
name, when = sys.argv[1].split()
del sys.argv[1]
owner = next(one for one in (LedgerKeys, LedgerStore, Ledger) if hasattr(one, name))
call = getattr(owner, name)
def dying(*args, **more):
    if when == "after":
        call(*args, **more)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(owner, name, dying)
from clinical_assets.cli import main
main()
"""


def killed_at(point: str, asked: str, *arguments: object) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, point, *map(str, arguments)],
        input=asked,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, (point, done.stdout, done.stderr)


def is_in_force(keys: Path) -> bool:
    """Whether a key is in force; then an entry tells of it."""
    ledger = looked_at()
    ledger.store.head()  # what signed it counts, though its private half is gone
    if not list(keys.glob("ledger-*.pem")):
        return False
    assert unrecorded_key(ledger) is None
    return True


def test_a_rotation_killed_at_any_point_leaves_no_key_in_force_that_is_not_told(
    keys: Path,
) -> None:
    command, claimed = (*ROTATE, "--id", "rita", "--secret-stdin"), f"{GOOD}\n\n"
    lose(keys)
    found = {}
    for point in ("_keep before", "_keep after", "decide after", "_put before", "_put after"):
        killed_at(point, claimed, *command)
        found[point] = is_in_force(keys)
    assert [point for point, there in found.items() if there] == ["_put after"]
    lose(keys)
    assert run(*command, asked=claimed).exit_code == 0
    assert run("ledger", "verify").exit_code == 0


@pytest.fixture
def backup(keys: Path, request: pytest.FixtureRequest) -> tuple[Path, PublicKey]:
    """A backup of the installation, and the key that signed it; a server's is not moved aside."""
    if "postgresql" in request.node.name:
        pytest.skip("SQLite only: the ledger of a server is not replaced from here")
    assert log_in("rita").exit_code == 0
    folder = keys.parents[1] / "backup"
    assert run("backup", "make", folder).exit_code == 0
    assert run("logout").exit_code == 0
    return folder, LedgerKeys(keys).trusted()[0]


def restoring(backup: tuple[Path, PublicKey], id: str = "rita") -> tuple[object, ...]:
    words = ("backup", "restore", backup[0], "--key", backup[1], "--reason", "Fire", "--replace")
    return (*words, "--id", id, "--secret-stdin")


def test_where_the_key_is_lost_the_present_register_says_who_restores(
    keys: Path, backup: tuple[Path, PublicKey]
) -> None:
    old = lose(keys)
    for id, secret, told in (
        ("rita", "wrong horse battery staple", "not accepted together"),
        ("otto", GOOD, "have not the right"),
    ):
        assert told in refusal(run(*restoring(backup, id), asked=f"{secret}\n\n"))
    assert not list(keys.parent.rglob("*replaced-*"))
    assert not list(keys.glob("*.pem"))
    done = run(*restoring(backup), asked=f"{GOOD}\n\n")
    assert done.exit_code == 0, done.exception
    entry = looked_at().reader.proven(Wanted(action="key.created"))[-1]
    assert (entry.act.actor.id, entry.act.details.before) == ("rita", str(old))
    assert run("ledger", "verify").exit_code == 0


def test_a_restore_killed_at_any_point_leaves_no_key_in_force_that_is_not_told(
    keys: Path, backup: tuple[Path, PublicKey]
) -> None:
    lose(keys)
    found = {}
    for point in ("_keep after", "record before", "record after", "_put before", "_put after"):
        killed_at(point, f"{GOOD}\n\n", *restoring(backup))
        found[point] = is_in_force(keys)
    assert [point for point, there in found.items() if there] == ["_put after"]
    lose(keys)
    assert run(*restoring(backup), asked=f"{GOOD}\n\n").exit_code == 0
    assert run("ledger", "verify").exit_code == 0
