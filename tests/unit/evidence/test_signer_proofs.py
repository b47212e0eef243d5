"""Whether entries bear out that a signer was there: by time, method, factors and use."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from clinical_assets.evidence.signatures import MOST_DELAY, signature_act
from clinical_assets.evidence.signer_proofs import SignerProofs
from clinical_assets.ledger.actions import Attempt, Change, Nothing, Verified
from clinical_assets.ledger.entry import Act, Actor, Entry, Subject
from tests.unit.evidence.signed_version import BEGAN, statement

PASSWORD = ("password",)
PROOF = ("user.authenticated", Attempt("signing", PASSWORD))
ENROLLED = ("user.enrolled", Change("person", "", "Cora"))
RESET = ("user.changed", Change("secret", "", "issued"))
CONFIRMED = ("user.owner_confirmed", Verified("quentin", "passport seen"))
ONE_SECOND = timedelta(seconds=1)


def about(id: str, what: tuple[str, Any], by: str, seq: int, method: str = "signing") -> Entry:
    action, details = what
    actor = Actor("person", by, by.title(), method)
    act = Act(f"a{seq}", actor, action, Subject("user", id, sha256="a" * 64), details)
    return Entry(seq, BEGAN + seq * ONE_SECOND, act)


def read(*entries: tuple[str, tuple[str, Any], str]) -> SignerProofs:
    return SignerProofs(about(*entry, seq) for seq, entry in enumerate(entries))


def after(entries: int, delay: timedelta = ONE_SECOND) -> datetime:
    return BEGAN + (entries - 1) * ONE_SECOND + delay


def test_a_proof_is_good_for_a_short_time() -> None:
    proofs = read(("cora", ENROLLED, "rita"), ("cora", PROOF, "cora"))
    assert proofs.missing("cora", PASSWORD, after(2)) == ""
    assert proofs.missing("cora", PASSWORD, after(2, MOST_DELAY)) == ""
    assert "did not prove" in proofs.missing("cora", PASSWORD, after(2, MOST_DELAY + ONE_SECOND))
    assert "did not prove" in proofs.missing("cora", PASSWORD, after(2, -ONE_SECOND))
    assert "did not prove" in proofs.missing("cora", ("password", "totp"), after(2))


def test_nobody_proves_for_another_or_before_being_enrolled_or_once_revoked() -> None:
    assert "never enrolled" in read(("cora", PROOF, "cora")).missing("cora", PASSWORD, after(1))
    other = read(("cora", ENROLLED, "rita"), ("cora", PROOF, "rita"))
    assert "did not prove" in other.missing("cora", PASSWORD, after(2))
    revoked = ("user.revoked", Nothing())
    gone = read(("cora", ENROLLED, "rita"), ("cora", PROOF, "cora"), ("cora", revoked, "rita"))
    assert "revoked before" in gone.missing("cora", PASSWORD, after(3))


@pytest.mark.parametrize(
    ("confirmed_by", "counts"), [("quentin", True), ("rita", False), ("cora", False)]
)
def test_a_reset_waits_until_somebody_else_confirms_the_owner(
    confirmed_by: str, counts: bool
) -> None:
    entries = [("cora", ENROLLED, "rita"), ("cora", RESET, "rita"), ("cora", PROOF, "cora")]
    assert "rita reset the signer's secret" in read(*entries).missing("cora", PASSWORD, after(3))
    entries.append(("cora", CONFIRMED, confirmed_by))
    missing = read(*entries).missing("cora", PASSWORD, after(4))
    assert (missing == "") is counts


def test_who_waits_for_a_confirmation_confirms_nobody() -> None:
    resets = [("quentin", RESET, "rita"), ("cora", RESET, "rita")]
    confirmed = ("cora", CONFIRMED, "quentin")
    assert read(*resets, confirmed).issued_by("cora") == "rita"
    assert read(*resets, ("quentin", CONFIRMED, "petra"), confirmed).issued_by("cora") == ""


ROLES = ("user.changed", Change("roles", "", "author, clinical reviewer"))
TODAY = BEGAN.date()


def trained(until: date, name: str = "GCP") -> tuple[str, Change]:
    return "user.changed", Change("training", "", f"{name} until {until.isoformat()}")


def given(role: str, *told: tuple[str, Any], later: timedelta = timedelta(0)) -> str:
    """What is against a signature of Cora's, after entries that tell this of her account."""
    proofs = read(*[("p-clara", what, "rita") for what in told])
    proofs.add(replace(about("p-clara", PROOF, "p-clara", 90), at=BEGAN + later))
    signed = statement("p-clara", "clinical review", role, "review", seq=1)
    proofs.add(Entry(99, BEGAN + later, signature_act(signed, "s")))
    return proofs.problems.get(99, "")


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ([ENROLLED, ROLES, trained(TODAY + timedelta(days=9))], ""),
        ([ENROLLED], ""),  # a ledger that was begun before enrolments told roles
        ([ENROLLED, ("user.changed", Change("roles", "", "quality"))], "did not hold the role"),
        ([ENROLLED, ROLES, ("user.changed", Change("roles", "x", ""))], "did not hold the role"),
        ([ENROLLED, ROLES], "no training record"),
        ([ENROLLED, ROLES, ("user.changed", Change("training", "", "x"))], "no training record"),
        ([ENROLLED, ROLES, trained(TODAY - timedelta(days=2))], "training had ended"),
        ([ENROLLED, ROLES, trained(TODAY - timedelta(days=2)), trained(TODAY)], ""),
        ([ENROLLED, ROLES, trained(TODAY - timedelta(days=2)), trained(TODAY, "SOP")], "ended"),
        ([("user.enrolled", Change("service", "", "Cora"))], "is a service"),
    ],
)
def test_a_signature_counts_only_in_a_role_that_entries_gave_and_while_trained(
    told: list[tuple[str, Any]], problem: str
) -> None:
    found = given("clinical reviewer", *told)
    assert problem in found if problem else not found


def test_a_training_holds_to_the_end_of_its_last_day_and_while_the_signature_is_on_its_way() -> (
    None
):
    midnight = datetime.combine(TODAY + timedelta(days=1), time(), UTC) - BEGAN
    rights = ENROLLED, ROLES, trained(TODAY)
    assert not given("clinical reviewer", *rights, later=midnight - ONE_SECOND)
    assert not given("clinical reviewer", *rights, later=midnight + ONE_SECOND)
    late = midnight + MOST_DELAY + ONE_SECOND
    assert "ended" in given("clinical reviewer", *rights, later=late)
