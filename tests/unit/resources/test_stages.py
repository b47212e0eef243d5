"""Stages and signatures in a real ledger: allowed, refused, raced, tampered with."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.signatures import local_time, signature_act, statement_of
from clinical_assets.evidence.stage_fold import version_subject
from clinical_assets.ledger.actions import Attempt, Bytes, Change, Nothing, Verified
from clinical_assets.ledger.entry import Act, Actor
from resources.actors import acting
from resources.ledger_database.reader import Wanted
from resources.ledger_database.store import LEDGER
from resources.people.accounts import Accounts
from resources.stages import Shown
from tests.unit.resources.governed import (
    AUTHOR,
    BAD,
    CORA,
    GOOD,
    OTHER,
    QUENTIN,
    SUBJECT,
    TODAY,
    Governed,
    Somebody,
    person,
)


@pytest.fixture
def place(tmp_path: Path) -> Governed:
    return Governed(tmp_path)


def test_a_version_walks_from_its_package_to_its_release(place: Governed) -> None:
    place.build()
    assert place.stages.state(SUBJECT).stage == "clinical review"
    place.review()
    assert place.stages.state(SUBJECT).stage == "quality approval"
    place.approve()
    assert place.stages.enter(SUBJECT, "released", gates=GOOD).stage == "released"
    steps = [step.stage for step in place.stages.state(SUBJECT).steps]
    walked = ["candidate", "validation", "clinical review", "quality approval", "released"]
    assert steps == walked
    assert place.stages.versions() == [SUBJECT]


def test_gates_that_do_not_hold_keep_it_in_validation(place: Governed) -> None:
    place.build(gates=BAD)
    assert place.stages.state(SUBJECT).stage == "validation"
    with pytest.raises(ClinicalError, match="gate performance refused"):
        place.stages.enter(SUBJECT, "clinical review", gates=BAD)
    with pytest.raises(ClinicalError, match="the gates were not decided"):
        place.stages.enter(SUBJECT, "clinical review")


@pytest.mark.parametrize("after", ["quality approval", "released", "retired", "quarantined"])
def test_what_is_skipped_or_needs_a_signature_is_refused_and_recorded(
    place: Governed, after: str
) -> None:
    place.build()
    with pytest.raises(ClinicalError, match=f"does not enter {after}"):
        place.stages.enter(SUBJECT, after, gates=GOOD)  # type: ignore[arg-type]
    assert place.stages.state(SUBJECT).stage == "clinical review"
    assert len(place.refusals("stage.refused")) == 1
    assert after in place.refusals("stage.refused")[0]


def test_released_without_good_gates_is_refused(place: Governed) -> None:
    place.build()
    place.review()
    place.approve()
    with pytest.raises(ClinicalError, match="gates do not hold"):
        place.stages.enter(SUBJECT, "released", gates=BAD)
    assert place.stages.state(SUBJECT).stage == "quality approval"


LATE = TODAY - timedelta(days=1)


@pytest.mark.parametrize(
    ("by", "words"),
    [
        (person("anton", "clinical reviewer"), "author"),
        (person("quentin", "quality"), "does not hold the role"),
        (person("cora", "clinical reviewer", trained=LATE), "training record has expired"),
        (person("cora", "clinical reviewer", trained=None), "no training record"),
        (person("cora", "clinical reviewer", factors=()), "session alone does not sign"),
        (person("cora", "clinical reviewer", enrolment=None), "verified"),
        (person("cora", "clinical reviewer", acceptance=None), "accountability statement"),
    ],
    ids=["author", "role", "expired", "untrained", "session", "identity", "statement"],
)
def test_who_may_not_sign_is_refused_and_recorded(
    place: Governed, by: Somebody, words: str
) -> None:
    place.build()
    with pytest.raises(ClinicalError, match=words):
        place.review(by)
    assert place.stages.state(SUBJECT).signatures == ()
    (reason,) = place.refusals("signature.refused")
    assert words in reason


def test_a_service_cannot_sign(place: Governed) -> None:
    place.build()
    robot = person("robot", "clinical reviewer", kind="service")
    with pytest.raises(ClinicalError, match="a service cannot sign"):
        place.review(robot)


def test_nobody_signs_without_having_proven_it_or_past_the_register(place: Governed) -> None:
    place.build()
    what = {"role": "clinical reviewer", "stage": "clinical review", "meaning": "review"}
    shown = Shown(("password",), "UTC")
    with pytest.raises(ClinicalError, match="Nobody has proven who they are"):
        place.stages.sign(SUBJECT, shown, **what)
    place.enrol(CORA)
    session = Actor("person", "cora", "Cora", "session")
    with acting(session), pytest.raises(ClinicalError, match="Nobody has proven who they are"):
        place.stages.sign(SUBJECT, shown, **what)
    stranger = Actor("person", "dr-forged", "Dr. Forged", "signing")
    with acting(stranger), pytest.raises(ClinicalError, match="not, or no longer, active"):
        place.stages.sign(SUBJECT, shown, **what)
    assert place.stages.state(SUBJECT).signatures == ()
    assert len(place.refusals("signature.refused")) == 3


REVIEW = {"role": "clinical reviewer", "stage": "clinical review", "meaning": "review"}
QUARANTINED = {"role": "clinical reviewer", "stage": "quarantined", "meaning": "responsibility"}


def proves(place: Governed, by: Somebody, method: str = "signing", shown: Any = None) -> None:
    """Writes that somebody proved who they are."""
    attempt = Attempt(method, by.factors if shown is None else shown)

    def proof(connection: Any) -> list[Act]:
        act = place.proof(by, connection)
        return [replace(act, actor=replace(act.actor, method=method), details=attempt)]

    place.ledger.decide(proof)


def signs(place: Governed, by: Somebody = CORA, **what: str) -> Any:
    """Only signs, as a program could that is past the asking for secrets."""
    with acting(by.actor):
        return place.stages.sign(SUBJECT, Shown(by.factors, "UTC"), **{**REVIEW, **what})


NOT_PROVEN = "did not prove who they are for this signature"


@pytest.mark.parametrize(
    ("method", "factors"),
    [("confirmation", ("password",)), ("signing", ("password", "totp")), ("signing", ())],
)
def test_a_proof_of_another_method_or_other_factors_signs_nothing(
    place: Governed, method: str, factors: tuple[str, ...]
) -> None:
    place.build().enrol(CORA)
    proves(place, CORA, method, factors)
    with pytest.raises(ClinicalError, match=NOT_PROVEN):
        signs(place)
    assert NOT_PROVEN in place.refusals("signature.refused")[0]
    proves(place, CORA)
    assert signs(place).act.actor.id == "cora"


def test_each_proof_is_good_for_one_signature_given_or_refused(place: Governed) -> None:
    place.build().enrol(CORA)
    proves(place, CORA)
    signs(place)
    with pytest.raises(ClinicalError, match=NOT_PROVEN):
        signs(place, **QUARANTINED, comment="Alarm")
    proves(place, CORA)
    with pytest.raises(ClinicalError, match="The signature is refused"):
        signs(place)
    with pytest.raises(ClinicalError, match=NOT_PROVEN):
        signs(place, **QUARANTINED, comment="Alarm")


def test_the_proof_of_one_signs_nothing_for_another(place: Governed) -> None:
    place.build().enrol(CORA)
    place.enrol(QUENTIN)
    proves(place, QUENTIN)
    with pytest.raises(ClinicalError, match=NOT_PROVEN):
        signs(place)


@pytest.mark.parametrize("state", ["locked", "revoked"])
def test_a_signature_of_who_was_locked_or_revoked_meanwhile_is_a_recorded_refusal(
    place: Governed, state: str
) -> None:
    place.build().enrol(CORA)
    proves(place, CORA)
    accounts = Accounts(place.ledger.store)

    def change(connection: Any) -> list[Act]:
        before = accounts.get("cora", connection)
        account = before.locked() if state == "locked" else before.revoked()
        accounts.put(account, connection)
        return [accounts.act(LEDGER, f"user.{state}", account, Nothing())]

    place.ledger.decide(change)
    with pytest.raises(ClinicalError, match="not, or no longer, active"):
        signs(place)
    (reason,) = place.refusals("signature.refused")
    assert reason.startswith("cora: The signer is not, or no longer, active")


def test_a_signature_of_an_account_that_was_tampered_with_is_a_recorded_refusal(
    place: Governed,
) -> None:
    place.build().enrol(CORA)
    proves(place, CORA)
    place.intrude("UPDATE identity_accounts SET record = '{}' WHERE id = 'cora'")
    with pytest.raises(ClinicalError, match="is not the one that the ledger speaks of"):
        signs(place)
    (reason,) = place.refusals("signature.refused")
    assert reason.startswith("cora: The account cora is not the one")
    assert len(place.refusals("user.tampered")) == 1


def test_an_account_that_was_reset_signs_nothing_until_its_owner_is_confirmed(
    place: Governed,
) -> None:
    """An administrator could have used the issued secret before its owner did (P11-21)."""
    place.build().enrol(CORA)
    place.enrol(QUENTIN)
    accounts = Accounts(place.ledger.store)
    rita = Actor("person", "rita", "Rita Root", "session")
    reset, seen = Change("secret and second factor", "", "issued"), Verified("HR", "in person")
    writes = {"user.changed": (rita, reset), "user.owner_confirmed": (QUENTIN.actor, seen)}

    def write(action: str) -> None:
        by, told = writes[action]
        about = partial(accounts.get, "cora")
        place.ledger.decide(lambda c: [accounts.act(by, action, about(c), told)])

    write("user.changed")
    proves(place, CORA)
    with pytest.raises(ClinicalError, match="rita reset the signer's secret"):
        signs(place)
    write("user.owner_confirmed")
    proves(place, CORA)
    assert signs(place).act.actor.id == "cora"


def test_a_signature_that_rests_on_a_used_proof_is_an_anomaly(place: Governed) -> None:
    """Somebody with the key appends one for a person whose only proof is another signature's."""
    place.build()
    real = place.review()
    again = replace(
        statement_of(real),
        stage="quarantined",
        meaning="responsibility",
        local_time=local_time(datetime.now(UTC), "UTC"),
        zone="UTC",
        comment="Alarm",
    )
    place.ledger.store.append([signature_act(again, "forged")])
    state = place.stages.state(SUBJECT)
    assert state.stage == "quality approval"
    assert NOT_PROVEN in str(state.unexamined[0])


def test_a_revocation_counts_before_the_signature_that_was_about_to_be_given(
    place: Governed,
) -> None:
    place.build()
    place.enrol(CORA)  # she proves who she is, and is revoked before she signs
    accounts = Accounts(place.ledger.store)

    def revoke(connection: Any) -> list[Act]:
        account = accounts.get("cora", connection).revoked()
        accounts.put(account, connection)
        return [accounts.act(LEDGER, "user.revoked", account, Nothing())]

    place.ledger.decide(revoke)
    with pytest.raises(ClinicalError, match="not, or no longer, active"):
        place.review()


def test_out_of_order_and_twice_are_refused(place: Governed) -> None:
    place.build()
    both = person("bea", "clinical reviewer", "quality")
    with pytest.raises(ClinicalError, match="out of order"):
        place.approve()
    place.review(both)
    with pytest.raises(ClinicalError):
        place.review(both)
    with pytest.raises(ClinicalError, match="one person signs under one role only"):
        place.approve(both)


def test_nobody_known_as_author_lets_nobody_approve(place: Governed) -> None:
    place.ledger.record("package.built", SUBJECT, Bytes(1))  # from a page that knows no users
    place.stages.advance(SUBJECT, GOOD)
    with pytest.raises(ClinicalError, match="nobody is known as author"):
        place.review()
    named = replace(place.stages, spec=replace(place.stages.spec, authors=("anton",)))
    place.ledger.decide(lambda connection: [place.proof(CORA, connection)])
    with acting(CORA.actor):
        given = named.sign(
            SUBJECT,
            Shown(CORA.factors, "Europe/Berlin"),
            role="clinical reviewer",
            stage="clinical review",
            meaning="review",
        )
    assert given.act.actor.id == "cora"
    assert [s.signer for s in named.state(SUBJECT).valid] == ["cora"]
    others = replace(named, spec=replace(named.spec, authors=("berta",)))
    (void,) = others.state(SUBJECT).signatures
    assert (void.standing, void.reason) == ("void", "it was given under another policy")


def test_a_signature_says_everything_and_names_the_ledger_it_saw(place: Governed) -> None:
    place.build()
    entry = place.review(comment="Read in full")
    act = entry.act
    assert (act.actor.kind, act.actor.id, act.actor.name) == ("person", "cora", "Cora")
    assert (act.subject, act.reason) == (SUBJECT, "Read in full")
    signed = act.details
    assert (signed.role, signed.meaning, signed.zone) == (
        "clinical reviewer",
        "review",
        "Europe/Berlin",
    )
    assert signed.local_time.endswith("+01:00")
    assert signed.head_size == entry.seq
    assert signed.head_root == place.ledger.reader.root(entry.seq).hex()


def test_of_two_approvers_at_once_one_signs(place: Governed) -> None:
    place.build()
    place.review()

    people = [person(f"quality-{n}", "quality") for n in range(8)]
    for one in people:
        place.enrol(one)

    def approve(by: Somebody) -> str:
        try:
            place.approve(by)
        except ClinicalError as error:
            return error.what
        return "signed"

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(approve, people))
    assert said.count("signed") == 1
    assert len(place.stages.state(SUBJECT).valid) == 2


def test_a_signature_of_another_package_counts_for_nothing(place: Governed) -> None:
    place.build()
    place.build(OTHER)
    place.sign(
        CORA,
        OTHER,
        role="clinical reviewer",
        stage="clinical review",
        meaning="review",
    )
    assert place.stages.state(SUBJECT).valid == ()
    rebuilt = version_subject(SUBJECT.id, SUBJECT.version, "c" * 64)
    place.review()
    assert place.stages.state(rebuilt).valid == ()


def test_quarantine_takes_effect_with_the_signature(place: Governed) -> None:
    place.released()
    place.sign(
        QUENTIN,
        role="quality",
        stage="quarantined",
        meaning="responsibility",
        comment="Alarm in ward 3",
    )
    assert place.stages.state(SUBJECT).stage == "quarantined"


def test_an_entry_past_the_machine_is_not_obeyed(place: Governed) -> None:
    place.build()
    moved = place.stages.policy.move("clinical review", "released")
    place.ledger.record("stage.changed", SUBJECT, moved)
    state = place.stages.state(SUBJECT)
    assert state.stage == "clinical review"
    assert "not a legal transition" in str(state.anomalies[0])


EDITS: dict[str, Callable[[int], str]] = {
    "body": lambda seq: (
        "UPDATE ledger_entries SET body = CAST(replace(CAST(body AS TEXT), '\"review\"',"
        f" '\"approval\"') AS BLOB) WHERE seq = {seq}"
    ),
    "hidden by its action": lambda seq: (
        f"UPDATE ledger_entries SET action = 'run.started' WHERE seq = {seq}"
    ),
    "hidden by its subject": lambda seq: (
        f"UPDATE ledger_entries SET subject_id = 'x' WHERE seq = {seq}"
    ),
    "deleted": lambda seq: f"DELETE FROM ledger_entries WHERE seq = {seq}",
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_row_that_is_edited_past_the_ledger_is_noticed_or_changes_nothing(
    place: Governed, edit: str
) -> None:
    place.build()
    seq = place.review().seq
    place.intrude(EDITS[edit](seq))
    if edit.startswith("hidden"):  # decisions do not search by these columns
        assert [s.seq for s in fresh(place).stages.state(SUBJECT).valid] == [seq]
    else:
        with pytest.raises(ClinicalError):
            fresh(place).stages.state(SUBJECT)


def fresh(place: Governed) -> Governed:
    """As another process would see it."""
    from resources import ledger

    ledger._opened.clear()
    return place


def test_a_refusal_is_written_down_with_who_acts(place: Governed) -> None:
    place.build()
    with pytest.raises(ClinicalError):
        place.approve()
    (entry,) = place.ledger.reader.proven(Wanted(action="signature.refused"))
    assert (entry.act.actor.id, entry.act.actor.method) == ("quentin", "signing")
    assert entry.act.reason.startswith("quentin: ")


def test_a_signature_written_past_the_register_is_an_anomaly(place: Governed) -> None:
    """Somebody with the key appends a perfect signature of somebody who never was."""
    place.build()
    real = place.review()
    ghost = Actor("person", "ghost", "Dr. Ghost", "signing")
    said = {"role": "quality", "stage": "quality approval", "meaning": "approval"}
    statement = replace(
        statement_of(real),
        signer="ghost",
        printed_name="Dr. Ghost",
        local_time=local_time(datetime.now(UTC), "UTC"),
        zone="UTC",
        comment="",
        **said,
    )
    forged = replace(signature_act(statement, "forged"), actor=ghost)
    place.ledger.store.append([forged])
    state = place.stages.state(SUBJECT)
    assert [s.signer for s in state.valid] == ["cora"]
    assert "its signer was never enrolled" in str(state.unexamined[0])


@pytest.mark.parametrize(
    ("signer", "problem"),
    [
        (person("clive", "clinical reviewer"), "did not hold the role quality"),
        (person("quirin", "quality", trained=LATE - timedelta(days=1)), "training had ended"),
        (person("quill", "quality", trained=None), "had no training record"),
    ],
)
def test_a_signature_that_the_register_would_have_refused_is_an_anomaly(
    place: Governed, signer: Somebody, problem: str
) -> None:
    """Somebody with the key and a real account appends a perfect signature, proof and all."""
    place.build()
    real = place.review()
    place.enrol(signer)
    statement = replace(
        statement_of(real),
        signer=signer.person.id,
        printed_name=signer.person.name,
        local_time=local_time(datetime.now(UTC), "UTC"),
        zone="UTC",
        comment="",
        role="quality",
        stage="quality approval",
        meaning="approval",
    )
    place.ledger.decide(lambda connection: [place.proof(signer, connection)])
    place.ledger.store.append([replace(signature_act(statement, "forged"), actor=signer.actor)])
    state = place.stages.state(SUBJECT)
    assert [s.signer for s in state.valid] == ["cora"]
    assert problem in str(state.unexamined[0])


def test_a_later_building_makes_a_version_the_newest_again(place: Governed) -> None:
    place.build().build(OTHER)
    assert place.stages.versions() == [SUBJECT, OTHER]
    place.build(SUBJECT)
    assert place.stages.versions() == [OTHER, SUBJECT]


def test_two_that_advance_at_once_refuse_nothing(place: Governed) -> None:
    with acting(AUTHOR):
        place.ledger.record("package.built", SUBJECT, Bytes(1))
    with ThreadPoolExecutor(6) as pool:
        states = list(pool.map(lambda _: place.stages.advance(SUBJECT, GOOD), range(6)))
    assert {state.stage for state in states} == {"clinical review"}
    assert place.refusals("stage.refused") == []
    assert len(place.stages.state(SUBJECT).steps) == 3


def test_signed_since_goes_on_where_it_ended(place: Governed) -> None:
    place.build()
    assert place.stages.signed_since(0)[1] == []
    place.review()
    after, signed = place.stages.signed_since(0)
    assert signed == [SUBJECT]
    assert place.stages.signed_since(after)[1] == []
