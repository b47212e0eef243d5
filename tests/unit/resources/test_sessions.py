"""Terminal sessions: begun, resumed, ended; stolen, expired, revoked, forged."""

import os
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Nothing
from clinical_assets.ledger.entry import Actor, Origin, Subject
from resources.actors import acting
from resources.ledger import Ledger
from resources.ledger_database.identity_tables import ACCOUNTS, SESSIONS
from resources.ledger_database.writers import Writers
from resources.people.accounts import TamperedError
from resources.people.claims import Claim, MustChangeSecretError
from resources.people.identity import service_of, session_actor
from resources.people.sessions import Sessions
from resources.terminal import present_terminal, signed_in
from tests.unit.resources.register import GOOD, OTHER, RITA, Place, hide, on_sqlite


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = on_sqlite(tmp_path).administered()
    made.enrolled("anna", "Anna Example", "quality")
    return made


@pytest.fixture
def sessions(place: Place) -> Sessions:
    return Sessions(place.register)


@pytest.fixture
def ledger(place: Place, tmp_path: Path) -> Ledger:
    return Ledger(
        place.store,
        lambda made: service_of(made, place.keys),
        Writers(tmp_path / "writers"),
        tmp_path,
        lambda made: session_actor(made.store, place.keys) if present_terminal() else None,
    )


ANNA = Actor("person", "anna", "Anna Example", "session")


def test_a_session_is_resumed_and_ended(place: Place, sessions: Sessions) -> None:
    assert sessions.actor() is None
    assert sessions.log_in(Claim("ANNA", GOOD)) == ANNA
    assert session_actor(place.store, place.keys) == ANNA
    assert [e.act.action for e in place.entries()][-2:] == ["login.succeeded", "session.opened"]
    opened = place.entries()[-1].act
    assert (opened.actor, opened.details.user, opened.details.idle_seconds) == (ANNA, "anna", 900)
    assert sessions.log_out()
    assert place.last()[:2] == ("anna", "logout")
    assert sessions.actor() is None
    assert not sessions.log_out()


def test_the_token_is_in_a_private_file_and_nowhere_else(place: Place, sessions: Sessions) -> None:
    sessions.log_in(Claim("anna", GOOD))
    token = sessions.token_file.read_bytes()
    assert sessions.token_file.stat().st_mode & 0o777 == 0o600
    database = Path(str(place.store.engine.url.database))
    for file in database.parent.glob(database.name + "*"):
        assert token not in file.read_bytes()
    sessions.token_file.chmod(0o644)
    with pytest.raises(ClinicalError, match="others than its owner"):
        sessions.actor()


def test_a_failed_log_in_leaves_the_session_there_is(place: Place, sessions: Sessions) -> None:
    sessions.log_in(Claim("anna", GOOD))
    with pytest.raises(ClinicalError):
        sessions.log_in(Claim("rita", "wrong"))
    assert sessions.actor() == ANNA
    sessions.log_in(Claim("rita", GOOD))
    assert sessions.actor() == RITA
    assert len([e for e in place.entries("logout") if e.act.actor.id == "anna"]) == 1


def test_a_first_log_in_sets_an_own_secret(place: Place, sessions: Sessions) -> None:
    with acting(RITA):
        issued = place.register.enrol(
            "ben", "Ben", [], verified_by="rita", method="x", on=place.clock.now.date()
        )
    with pytest.raises(MustChangeSecretError):
        sessions.log_in(Claim("ben", issued))
    assert not sessions.token_file.exists()
    assert sessions.log_in(Claim("ben", issued), new=OTHER).id == "ben"
    assert sessions.actor() is not None


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([14.9] * 40, None),
        ([14.9] * 31 + [16], "idle for 15 minutes"),
        ([15], "idle for 15 minutes"),
        ([14] * 33 + [13, 5], "too old"),
    ],
)
def test_a_session_ends_when_idle_or_old(
    place: Place, sessions: Sessions, steps: list[float], words: str | None
) -> None:
    sessions.log_in(Claim("anna", GOOD))
    try:
        for minutes in steps:
            place.clock.forward(minutes=minutes)
            sessions.actor()
    except ClinicalError as error:
        told = error.what
    else:
        told = ""
    if words is None:
        assert "too old" in told  # eight hours are over before the forty steps
        return
    assert words in told
    assert place.last()[:2] == ("ledger", "session.ended")
    assert sessions.actor() is None  # said once; from now on nobody is logged in


@pytest.mark.parametrize(
    ("used_at", "words"),
    [
        ("2026-11-24T12:29:59.000000Z", "idle for 15 minutes"),  # never used since 12:00
        ("2026-11-24T12:30:00.000001Z", "cannot be"),
        ("9999-12-31T23:59:59.000000Z", "cannot be"),
        ("2026-11-24T12:29:59.000000", "cannot be"),
        ("yesterday", "cannot be"),
        ("", "cannot be"),
    ],
)
def test_a_session_is_not_prolonged_in_the_database(
    place: Place, sessions: Sessions, used_at: str, words: str
) -> None:
    sessions.log_in(Claim("anna", GOOD))
    place.clock.forward(minutes=30)
    with place.intruder() as connection:
        connection.execute(update(SESSIONS).values(used_at=used_at))
    with pytest.raises(ClinicalError, match=words):
        sessions.actor()
    assert place.last()[:2] == ("ledger", "session.ended")
    assert sessions.actor() is None


def test_a_session_is_not_prolonged_at_its_file(place: Place, sessions: Sessions) -> None:
    sessions.log_in(Claim("anna", GOOD))
    place.clock.forward(minutes=30)
    os.utime(sessions.token_file, (place.clock().timestamp(),) * 2)
    with pytest.raises(ClinicalError, match="idle for 15 minutes"):
        sessions.actor()


def test_terms_follow_the_settings(place: Place) -> None:
    short = Sessions(place.register, idle=timedelta(minutes=2), longest=timedelta(hours=1))
    short.log_in(Claim("anna", GOOD))
    place.clock.forward(minutes=2)
    with pytest.raises(ClinicalError, match="idle for 2 minutes"):
        Sessions(place.register).actor()


@pytest.mark.parametrize(
    "end",
    [
        lambda p: p.register.revoke("anna", "x"),
        lambda p: p.register.reset("anna"),
        lambda p: p.register.change_secret(Claim("anna", GOOD), OTHER),
        lambda p: [_wrong(p) for _ in range(12)],
    ],
)
def test_a_session_ends_at_once_with_the_right_to_it(
    place: Place, sessions: Sessions, ledger: Ledger, end
) -> None:
    sessions.log_in(Claim("anna", GOOD))
    with signed_in():
        assert ledger.actor == ANNA
        with acting(RITA):
            end(place)
        with pytest.raises(ClinicalError, match="Your session"):
            ledger.record("run.started", Subject("run", "r"), Nothing())
    assert place.entries("run.started") == []
    assert sessions.actor() is None


def _wrong(place: Place) -> None:
    with pytest.raises(ClinicalError):
        place.register.authenticate_for_signing("anna", "wrong")
    place.clock.forward(hours=1)


def test_within_a_command_an_act_is_never_another_ones(
    place: Place, sessions: Sessions, ledger: Ledger
) -> None:
    with signed_in():
        assert ledger.actor.id == "local-installation"
        sessions.log_in(Claim("anna", GOOD))  # in another terminal
        assert ledger.actor.id == "local-installation"
    with signed_in():
        assert ledger.actor == ANNA
        sessions.log_out()
        with pytest.raises(ClinicalError, match="has ended"):
            _ = ledger.actor
    with signed_in():
        assert ledger.actor.id == "local-installation"


def test_a_run_is_the_services_on_behalf_of_the_person(
    place: Place, sessions: Sessions, ledger: Ledger
) -> None:
    sessions.log_in(Claim("anna", GOOD))
    with signed_in():
        entry = ledger.record("run.started", Subject("run", "r"), Nothing(), origin=Origin("r"))
        outside = ledger.record("run.started", Subject("run", "r"), Nothing())
    assert (entry.act.actor.kind, entry.act.actor.on_behalf_of) == ("service", "anna")
    assert outside.act.actor == ANNA
    assert ledger.actor.on_behalf_of == ""  # no terminal, no person


def test_a_stolen_token_does_not_serve_another_user(
    place: Place, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions.log_in(Claim("anna", GOOD))
    token = sessions.token_file.read_bytes()
    own = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: own + 1)
    thief = Sessions(place.register)
    thief.token_file.write_bytes(token)
    thief.token_file.chmod(0o600)
    with pytest.raises(ClinicalError, match="another user"):
        thief.actor()
    assert place.last()[1:3] == ("session.refused", "refused")
    monkeypatch.undo()
    assert sessions.actor() == ANNA  # the thief could not end it either


def test_a_token_of_nowhere_is_refused(sessions: Sessions) -> None:
    sessions.token_file.parent.mkdir(parents=True)
    sessions.token_file.write_text("made up")
    sessions.token_file.chmod(0o600)
    with pytest.raises(ClinicalError, match="not known here"):
        sessions.actor()


def test_a_forged_session_counts_for_nothing(place: Place, sessions: Sessions) -> None:
    sessions.log_in(Claim("anna", GOOD))
    digest = sha256(b"the intruder's token").hexdigest()
    with place.intruder() as connection:
        row = connection.execute(select(SESSIONS)).first()
        own = row.record.replace(row.token_sha256.encode(), digest.encode())
        forged = own.replace(b'"anna"', b'"rita"').replace(row.id.encode(), b"0" * 32)
        values = {"id": "0" * 32, "token_sha256": digest, "record": forged}
        connection.execute(insert(SESSIONS).values(used_at=row.used_at, ended="", **values))
    sessions.token_file.write_bytes(b"the intruder's token")
    with pytest.raises(ClinicalError, match="not one that the ledger speaks of"):
        sessions.actor()
    assert place.last()[1:3] == ("session.refused", "refused")


@pytest.mark.parametrize("attack", ["longer", "reopened", "hidden", "account"])
def test_an_ended_session_is_not_brought_back_by_hand(
    place: Place, sessions: Sessions, attack: str
) -> None:
    sessions.log_in(Claim("anna", GOOD))
    token = sessions.token_file.read_bytes()
    with place.store.engine.reading() as connection:
        record = connection.execute(select(SESSIONS.c.record)).scalar()
        account = connection.execute(
            select(ACCOUNTS.c.record).where(ACCOUNTS.c.id == "anna")
        ).scalar()
    if attack == "longer":
        changed = record.replace(b"2026-11-24T20", b"2027-11-24T20")
        assert changed != record
        statement = update(SESSIONS).values(record=changed)
    elif attack in ("reopened", "hidden"):
        sessions.log_out()
        statement = update(SESSIONS).values(ended="")
    else:
        with acting(RITA):
            place.register.revoke("anna", "x")
        statement = update(ACCOUNTS).where(ACCOUNTS.c.id == "anna").values(record=account)
    with place.intruder() as connection:
        connection.execute(statement)
        if attack == "hidden":
            hide(place, connection, "logout")
    sessions.token_file.write_bytes(token)
    sessions.token_file.chmod(0o600)
    with pytest.raises(ClinicalError) as caught:
        sessions.actor()
    assert isinstance(caught.value, TamperedError) == (attack == "account")


def test_sessions_are_kept(place: Place, sessions: Sessions) -> None:
    sessions.log_in(Claim("anna", GOOD))
    with pytest.raises(ClinicalError), place.store.engine.writing() as transaction:
        transaction.connection.execute(delete(SESSIONS))
