"""The register: enrolling, changing, revoking; who may; what an intruder in the database can do."""

import multiprocessing
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.signer_proofs import SignerProofs
from clinical_assets.ledger.actions import Verified
from clinical_assets.ledger.entry import Actor
from clinical_assets.people.person import Training
from resources.actors import acting
from resources.ledger_database.identity_tables import ACCOUNTS
from resources.ledger_database.tables import ENTRIES
from resources.people.accounts import TamperedError
from resources.people.claims import Claim, MustChangeSecretError
from tests.unit.resources.register import (
    GOOD,
    OTHER,
    RITA,
    Keys,
    Place,
    again,
    hide,
    on_postgresql,
    on_sqlite,
    postgresql_database,
)

HOW = {"verified_by": "rita", "method": "passport", "on": date(2026, 11, 2)}


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgresql_database() as name:
        yield name


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "sqlite":
        made = on_sqlite(tmp_path)
    else:
        made = on_postgresql(request.getfixturevalue("database"), tmp_path)
    yield made.administered()
    made.store.engine.close()


@pytest.fixture
def local(tmp_path: Path) -> Place:
    return on_sqlite(tmp_path).administered()


def login(place: Place, id: str, secret: str) -> None:
    place.register.prove(Claim(id, secret), "login", lambda _, account, __: (account, (), None))


def test_the_life_of_an_account(place: Place) -> None:
    register = place.register
    with acting(RITA):
        issued = register.enrol("Anna", "Anna Example", ["quality"], **HOW)
    assert place.state("anna") == "enrolled"
    with pytest.raises(MustChangeSecretError):
        login(place, "ANNA", issued)
    with pytest.raises(MustChangeSecretError):  # P11-21: what the administrator knows never signs
        register.authenticate_for_signing("anna", issued)
    register.change_secret(Claim("anna", issued), OTHER)
    assert place.state("anna") == "active"
    shown = register.authenticate_for_signing("anna", OTHER)
    assert (shown.actor.id, shown.actor.name, shown.actor.method) == (
        "anna",
        "Anna Example",
        "signing",
    )
    assert (shown.roles, shown.trained_until, shown.factors) == (("quality",), None, ("password",))
    assert (shown.enrolment_verified, shown.statement_accepted) == (True, False)
    assert not shown.demonstration
    with acting(RITA):
        register.add_training("anna", Training("GCP", date(2026, 1, 1), date(2027, 1, 1)))
        register.rename("anna", "Anna Example-Smith")
        assert register.set_roles("anna", grant=["author"], withdraw=["quality"]) == ("author",)
        register.revoke("anna", "left")
    assert place.state("anna") == "revoked"
    for attempt in (login, lambda *a: register.authenticate_for_signing(*a[1:])):
        with pytest.raises(ClinicalError, match="not accepted together"):
            attempt(place, "anna", OTHER)
    changes = [(e.act.details.before, e.act.details.after) for e in place.entries("user.changed")]
    assert changes == [
        ("", "administrator"),
        ("", "quality"),
        ("", "set by its owner"),
        ("", "GCP until 2027-01-01"),
        ("Anna Example", "Anna Example-Smith"),
        ("quality", "author"),
    ]
    assert [e.act.actor.id for e in place.entries("user.")][-1] == "rita"


def test_every_entry_about_an_account_carries_its_digest(place: Place) -> None:
    place.enrolled("anna", "Anna Example", "quality")
    with pytest.raises(ClinicalError):
        login(place, "anna", "wrong")
    with place.store.engine.reading() as connection:
        account = place.register.accounts.get("anna", connection)
    about = [e.act.subject for e in place.entries() if e.act.subject.id == "anna"]
    assert about[-1].sha256 == account.digest
    assert all(len(subject.sha256) == 64 for subject in about)


def test_no_secret_and_no_hash_is_in_the_ledger(place: Place) -> None:
    place.enrolled("anna", "Anna Example", "quality", secret=OTHER)
    login(place, "anna", OTHER)
    text = b"".join(entry.to_bytes() for entry in place.entries())
    assert GOOD.encode() not in text
    assert OTHER.encode() not in text
    assert b"argon2" not in text


def test_ids_are_never_given_again(place: Place) -> None:
    place.enrolled("anna", "Anna Example")
    with acting(RITA):
        place.register.revoke("anna", "left")
        for id in ("anna", "ANNA", "rita"):
            with pytest.raises(ClinicalError, match="is taken"):
                place.register.enrol(id, "Another", [], **HOW)
    with pytest.raises(DBAPIError), place.store.engine._engine.begin() as connection:
        connection.execute(delete(ACCOUNTS))


def test_an_id_stays_taken_when_its_row_is_deleted_past_the_software(place: Place) -> None:
    place.enrolled("anna", "Anna Example")
    with place.intruder() as connection:
        connection.execute(delete(ACCOUNTS).where(ACCOUNTS.c.id == "anna"))
    with acting(RITA), pytest.raises(TamperedError):
        place.register.enrol("anna", "Another", [], **HOW)
    assert place.last()[1:3] == ("user.tampered", "refused")


def test_the_first_administrator_is_the_only_one_to_come_in_alone(place: Place) -> None:
    with pytest.raises(ClinicalError, match="holds people already"):
        place.register.bootstrap("eve", "Eve", GOOD, **HOW)
    with place.intruder() as connection:
        connection.execute(delete(ACCOUNTS))
    with pytest.raises(ClinicalError):
        place.register.bootstrap("eve", "Eve", GOOD, **HOW)


@pytest.mark.parametrize(
    ("secret", "changes", "words"),
    [
        ("short", {}, "does not do"),
        (GOOD, {"method": " "}, "proof of identity"),
        (GOOD, {"verified_by": ""}, "proof of identity"),
    ],
)
def test_a_bad_first_administrator_is_refused(
    tmp_path: Path, secret: str, changes: dict, words: str
) -> None:
    with pytest.raises(ClinicalError, match=words):
        on_sqlite(tmp_path).register.bootstrap("rita", "Rita", secret, **{**HOW, **changes})


@pytest.mark.parametrize(
    "act",
    [
        lambda r: r.enrol("new", "New", [], **HOW),
        lambda r: r.enrol_service("new", "New"),
        lambda r: r.reset("rita"),
        lambda r: r.unlock("rita"),
        lambda r: r.confirm_owner("rita", verified_by="x", method="seen"),
        lambda r: r.revoke("rita", "x"),
        lambda r: r.set_roles("rita", grant=["quality"]),
        lambda r: r.rename("rita", "x"),
        lambda r: r.add_training("rita", Training("x", date(2026, 1, 1), date(2026, 1, 2))),
        lambda r: r.people(),
        lambda r: r.account("rita"),
        lambda r: r.review(),
    ],
)
def test_without_the_right_nothing_happens_and_that_is_recorded(local: Place, act) -> None:
    local.enrolled("anna", "Anna Example", "author")
    before = [row for row in _rows(local) if row[0] != "anna"]
    for id in ("anna", "rita-revoked"):
        if id != "anna":
            local.enrolled("ron", "Ron Root", "administrator")
            with acting(RITA):
                local.register.revoke("ron", "left")
            id, before = "ron", _rows(local)
        with (
            acting(Actor("person", id, "x", "session")),
            pytest.raises(ClinicalError, match="not the right"),
        ):
            act(local.register)
        assert local.last()[:3] == (id, "user.refused", "refused")
    assert _rows(local) == before


def _rows(place: Place) -> list[tuple]:
    with place.store.engine.reading() as connection:
        return [tuple(r) for r in connection.execute(select(ACCOUNTS).order_by(ACCOUNTS.c.id))]


def test_nobody_logged_in_changes_nothing(local: Place) -> None:
    with pytest.raises(ClinicalError, match="Nobody is logged in"):
        local.register.enrol("new", "New", [], **HOW)
    service = Actor("service", "local-installation", "x", "service-credential")
    with acting(service), pytest.raises(ClinicalError, match="Nobody is logged in"):
        local.register.enrol("new", "New", [], **HOW)


def test_administrators_change_neither_their_own_roles_nor_sign(local: Place) -> None:
    with acting(RITA):
        with pytest.raises(ClinicalError, match="own roles"):
            local.register.set_roles("rita", withdraw=["administrator"])
        with pytest.raises(ClinicalError, match="only active administrator"):
            local.register.revoke("rita", "x")
        with pytest.raises(ClinicalError, match="signs nothing"):
            local.register.enrol("ron", "Ron", ["administrator", "quality"], **HOW)


def test_a_reset_keeps_the_second_factor_unless_it_was_lost(local: Place) -> None:
    from resources.people.own_account import set_second_factor

    local.enrolled("anna", "Anna Example", "quality")
    register, key = local.register, local.register.second_factor.new_key()
    set_second_factor(register, Claim("anna", GOOD), key, _code(key, local))
    with acting(RITA):
        issued = register.reset("anna")
    local.clock.forward(seconds=30)
    with pytest.raises(ClinicalError, match="not accepted together"):
        register.change_secret(Claim("anna", issued), OTHER)
    with acting(RITA):
        issued = register.reset("anna", without_totp=True)
    register.change_secret(Claim("anna", issued), OTHER)
    assert local.state("anna") == "active"


def _confirms(place: Place, by: str, id: str, method: str = "she came in person") -> None:
    with acting(Actor("person", by, by.title(), "session")):
        place.register.confirm_owner(id, verified_by=by, method=method)


def _issued_by(place: Place, id: str) -> str:
    return SignerProofs(place.entries()).issued_by(id)


def test_after_a_reset_somebody_else_confirms_the_owner_once_she_has_an_own_secret(
    local: Place,
) -> None:
    for id, role in (("anna", "ethics board"), ("quentin", "quality"), ("quinn", "quality")):
        local.enrolled(id, id.title(), role)
    with pytest.raises(ClinicalError, match="waits for no confirmation"):
        _confirms(local, "quentin", "anna")
    with acting(RITA):
        issued = local.register.reset("anna", without_totp=True)
    assert _issued_by(local, "anna") == "rita"
    with pytest.raises(ClinicalError, match="not set an own secret yet"):
        _confirms(local, "quentin", "anna")
    local.register.change_secret(Claim("anna", issued), OTHER)
    for by in ("rita", "anna"):
        with pytest.raises(ClinicalError, match="not the right to confirm"):
            _confirms(local, by, "anna")
    with pytest.raises(ClinicalError, match="not said who verified"):
        _confirms(local, "quentin", "anna", " ")
    _confirms(local, "quentin", "anna")
    assert local.last()[:3] == ("quentin", "user.owner_confirmed", "done")
    assert local.entries()[-1].act.details == Verified("quentin", "she came in person")
    assert _issued_by(local, "anna") == ""


def test_nobody_confirms_the_own_account_or_while_waiting_for_a_confirmation(local: Place) -> None:
    for id, role in (("anna", "ethics board"), ("quentin", "quality")):
        local.enrolled(id, id.title(), role)
    for id in ("anna", "quentin"):
        with acting(RITA):
            issued = local.register.reset(id)
        local.register.change_secret(Claim(id, issued), OTHER)
    with pytest.raises(ClinicalError, match="the own account"):
        _confirms(local, "quentin", "quentin")
    with pytest.raises(ClinicalError, match="Your own account waits"):
        _confirms(local, "quentin", "anna")
    assert _issued_by(local, "anna") == "rita"


def _code(key: str, place: Place) -> str:
    import pyotp

    return pyotp.TOTP(key).at(int(place.clock.now.timestamp()))


def test_a_credential_goes_to_services_and_a_typed_secret_to_people(local: Place) -> None:
    with acting(RITA):
        local.register.enrol_service("worker", "Worker")
        with pytest.raises(ClinicalError, match="that of a service"):
            local.register.reset("worker")
        with pytest.raises(ClinicalError, match="that of a person"):
            local.register.reset("rita", service=True)
        assert len(local.register.reset("worker", service=True)) >= 43


@pytest.mark.parametrize("attack", ["edit", "swap", "insert", "replay", "rename"])
def test_a_row_changed_past_the_software_counts_for_nothing(place: Place, attack: str) -> None:
    place.enrolled("anna", "Anna Example", "quality")
    place.enrolled("eve", "Eve Intruder", "quality", secret=OTHER)
    old = dict(_rows(place))
    with acting(RITA):
        place.register.revoke("eve", "dismissed")
    eve = bytes(old["eve"])
    forged = {
        "edit": (
            update(ACCOUNTS).where(ACCOUNTS.c.id == "anna"),
            old["anna"].replace(b"quality", b"author"),
        ),
        "swap": (update(ACCOUNTS).where(ACCOUNTS.c.id == "anna"), eve),
        "rename": (
            update(ACCOUNTS).where(ACCOUNTS.c.id == "anna"),
            eve.replace(b'"eve"', b'"anna"'),
        ),
        "replay": (update(ACCOUNTS).where(ACCOUNTS.c.id == "eve"), eve),
        "insert": (insert(ACCOUNTS), eve.replace(b'"eve"', b'"mallory"')),
    }
    statement, record = forged[attack]
    victim = {"replay": "eve", "insert": "mallory"}.get(attack, "anna")
    with place.intruder() as connection:
        values = {"record": record, **({"id": victim} if attack == "insert" else {})}
        connection.execute(statement.values(values))
    for attempt in (login, lambda *a: place.register.authenticate_for_signing(*a[1:])):
        with pytest.raises(TamperedError, match=f"The account {victim} is not the one"):
            attempt(place, victim, OTHER)
        assert place.last()[1:3] == ("user.tampered", "refused")
    with acting(RITA):
        accounts, tampered = place.register.people()
        with pytest.raises(TamperedError):
            place.register.review()
    assert [error.id for error in tampered] == [victim]
    assert victim not in [account.person.id for account in accounts]


def test_an_entry_about_another_account_does_not_vouch(place: Place) -> None:
    place.enrolled("anna", "Anna Example", "quality")
    place.enrolled("eve", "Eve Intruder", "author", secret=OTHER)
    with place.intruder() as connection:
        if place.store.engine.embedded:
            connection.exec_driver_sql("DROP TRIGGER ledger_entries_no_update")
        else:
            connection.exec_driver_sql("DROP TRIGGER ledger_entries_no_change ON ledger_entries")
        entries = update(ENTRIES).where(ENTRIES.c.subject_id == "eve")
        connection.execute(entries.values(subject_id="anna"))
        stolen = select(ACCOUNTS.c.record).where(ACCOUNTS.c.id == "eve").scalar_subquery()
        connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == "anna").values(record=stolen))
    with pytest.raises(TamperedError, match="The account anna is not the one"):
        login(place, "anna", OTHER)


def test_a_revocation_that_is_hidden_by_its_search_column_still_counts(place: Place) -> None:
    """An intruder hides the newest entry and puts the row before it back."""
    place.enrolled("anna", "Anna Example", "quality")
    before = bytes(dict(_rows(place))["anna"])
    with acting(RITA):
        place.register.revoke("anna", "dismissed")
    with place.intruder() as connection:
        hide(place, connection, "user.revoked")
        row = update(ACCOUNTS).where(ACCOUNTS.c.id == "anna")
        connection.execute(row.values(record=before))
    for seen_by in (place, again(place)):  # this process, and one that knows nothing yet
        for attempt in (login, lambda p, *a: p.register.authenticate_for_signing(*a)):
            with pytest.raises(TamperedError, match="The account anna is not the one"):
                attempt(seen_by, "anna", GOOD)
            assert place.last()[1:3] == ("user.tampered", "refused")


def test_an_account_that_is_hidden_whole_is_still_listed(local: Place) -> None:
    local.enrolled("anna", "Anna Example", "quality")
    with local.intruder() as connection:
        hide(local, connection, "user.enrolled")
        connection.execute(delete(ACCOUNTS).where(ACCOUNTS.c.id == "anna"))
    with acting(RITA):
        _, tampered = again(local).register.people()
    assert [error.id for error in tampered] == ["anna"]


def test_an_account_that_was_restored_counts_again(local: Place) -> None:
    local.enrolled("anna", "Anna Example", "quality")
    good = dict(_rows(local))["anna"]
    for record in (good.replace(b"quality", b"author"), good):
        with local.intruder() as connection:
            connection.execute(
                update(ACCOUNTS).where(ACCOUNTS.c.id == "anna").values(record=record)
            )
        if record != good:
            with pytest.raises(TamperedError):
                login(local, "anna", GOOD)
    login(local, "anna", GOOD)


def _enrol_many(url: str, folder: Path, name: str, key: bytes, start, number: int) -> None:
    from clinical_assets.ledger.checkpoint import SigningKey
    from resources.ledger_database.store import LedgerStore
    from tests.unit.resources.register import Clock

    keys = Keys()
    keys.key = SigningKey.from_pem(name, key)
    place = Place(LedgerStore(url, keys), folder, Clock())
    start.wait()
    with acting(RITA):
        for i in range(5):
            for id in (f"p-{number}-{i}", f"same-{i}"):
                try:
                    place.register.enrol(id, "Somebody", [], **HOW)
                except ClinicalError as error:
                    if "is taken" not in error.what:
                        raise


def test_two_processes_enrol_at_once(place: Place) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    url = place.store.engine.url.render_as_string(hide_password=False)
    arguments = (url, place.keys, place.store.origin, place.store.keys.key.pem, start)
    workers = [context.Process(target=_enrol_many, args=(*arguments, n)) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    ids = [e.act.subject.id for e in place.entries("user.enrolled")]
    assert len(ids) == len(set(ids)) == 1 + 10 + 5
    with acting(RITA):
        accounts, tampered = place.register.people()
    assert (len(accounts), tampered) == (16, [])


def test_threads_that_change_one_account_share_a_transaction(local: Place) -> None:
    from concurrent.futures import ThreadPoolExecutor

    local.enrolled("anna", "Anna Example")

    def add(number: int) -> None:
        training = Training(f"course {number}", date(2026, 1, 1), date(2027, 1, 1))
        with acting(RITA):
            local.register.add_training("anna", training)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(24)))
    with local.store.engine.reading() as connection:
        account = local.register.accounts.get("anna", connection)
    assert len(account.person.trainings) == 24


def test_what_is_raised_while_a_change_is_decided_leaves_nothing(local: Place) -> None:
    before, entries = _rows(local), len(local.entries())
    with acting(RITA), pytest.raises(ClinicalError):
        local.register.rename("rita", "")
    assert (_rows(local), len(local.entries())) == (before, entries)


def test_a_review_is_recorded(local: Place) -> None:
    with acting(RITA):
        found = local.register.review()
    assert [one.id for one in found] == ["rita"]
    last = local.entries()[-1].act
    assert (last.action, last.actor.id, last.details.rows) == ("access.reviewed", "rita", 1)
