"""Proving who one is: wrong secrets, lockout, ages, second factor, and the same answer to all."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.entry import Actor
from resources.actors import acting
from resources.people.authentication import Authentication
from resources.people.claims import Authenticated, Claim, MustChangeSecretError
from resources.people.own_account import accept_statement, set_second_factor
from resources.people.secret_hashing import SecretHashing
from tests.unit.resources.register import FAST, GOOD, OTHER, RITA, Place, on_sqlite


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = on_sqlite(tmp_path).administered()
    made.enrolled("anna", "Anna Example", "quality")
    return made


def sign(place: Place, secret: str = GOOD, code: str = "", id: str = "anna") -> Authenticated:
    return place.register.authenticate_for_signing(id, secret, code)


def refused(place: Place, secret: str = GOOD, code: str = "", id: str = "anna") -> str:
    """The reason in the ledger for a refusal, which the answer does not tell."""
    with pytest.raises(ClinicalError, match="not accepted together") as caught:
        sign(place, secret, code, id)
    assert str(caught.value) == ANSWER
    acts = [e.act for e in place.entries() if e.act.action == "signature.refused"]
    assert acts[-1].outcome == "refused"
    assert acts[-1].actor.id == "ledger"
    return acts[-1].reason


ANSWER = (
    "Id, secret and code were not accepted together (log-in). Check them and try again; after"
    " several failures an account waits, then is locked: an administrator unlocks it."
)


def test_a_right_secret_is_recorded(place: Place) -> None:
    shown = sign(place)
    assert shown.authenticated_at == place.clock.now
    act = place.entries()[-1].act
    assert (act.actor, act.action) == (shown.actor, "user.authenticated")
    assert (act.details.method, act.details.factors) == ("signing", ("password",))


def test_nothing_that_was_shown_is_printed() -> None:
    assert GOOD not in repr(Claim("anna", GOOD, "123456"))
    assert "123456" not in repr(Claim("anna", GOOD, "123456"))


def test_a_secret_that_was_changed_meanwhile_proves_nothing(place: Place) -> None:
    class Slow(SecretHashing):
        def fits(self, kept: str, secret: str) -> bool:
            place.register.change_secret(Claim("anna", GOOD), OTHER)
            return super().fits(kept, secret)

    slow = Authentication(place.store, place.keys, hashing=Slow(64, 1, 1))
    with pytest.raises(ClinicalError, match="not accepted together"):
        slow.authenticate_for_signing("anna", GOOD)
    assert place.last()[1:] == ("signature.refused", "refused", "wrong secret or code")


def test_everybody_who_proves_nothing_gets_the_same_answer(place: Place) -> None:
    with acting(RITA):
        place.register.enrol_service("worker", "Worker")
        place.enrolled("gone", "Somebody Else")
        place.register.revoke("gone", "left")
    assert refused(place, "wrong") == "wrong secret or code"
    assert refused(place, id="nobody") == "unknown id"
    assert refused(place, id="worker") == "a service"  # P11-16
    assert refused(place, id="gone") == "revoked"
    for id in ("", "unknown", "ledger", "a b", "x" * 1000, "\0"):
        assert refused(place, "", id=id) == "unknown id"


def test_an_unknown_id_is_not_written_down(place: Place) -> None:
    refused(place, id="my secret typed here")
    assert b"typed here" not in b"".join(entry.to_bytes() for entry in place.entries())
    assert place.entries()[-1].act.subject.id == "unknown"


class Counting(SecretHashing):
    """Counts what is compared with what."""

    def fits(self, kept: str, secret: str) -> bool:
        seen.append((bool(kept), secret))
        return super().fits(kept, secret)


seen: list[tuple[bool, str]] = []


def test_an_unknown_id_takes_the_same_path(place: Place) -> None:
    counting = Authentication(place.store, place.keys, hashing=Counting(64, 1, 1))
    seen.clear()
    for id in ("anna", "nobody"):
        with pytest.raises(ClinicalError):
            counting.authenticate_for_signing(id, "wrong")
    assert seen == [(True, "wrong"), (False, "wrong")]


def test_the_hash_of_nobody_fits_nothing() -> None:
    assert not FAST.fits("", "")
    assert not FAST.fits("", "x")
    assert not FAST.fits("no hash at all", "x")
    assert FAST.fits(FAST.hash("Zoë"), "Zoe\u0308")  # however a keyboard composes it
    assert not FAST.fits(FAST.hash("Zoë"), "Zoe")


def test_the_default_hashing_is_at_least_what_owasp_names() -> None:
    assert SecretHashing().hash("x").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_failures_make_wait_then_lock_and_an_administrator_unlocks(place: Place) -> None:
    for _ in range(4):
        assert refused(place, "wrong") == "wrong secret or code"
    assert refused(place) == "waiting after failures"  # though the secret is right
    place.clock.forward(seconds=5)
    assert sign(place).actor.id == "anna"
    for _ in range(10):
        place.clock.forward(hours=1)
        assert refused(place, "wrong") == "wrong secret or code"
    assert place.last() == ("ledger", "user.locked", "done", "wrong secret or code")
    place.clock.forward(days=30)
    assert refused(place) == "locked"
    with acting(RITA):
        place.register.unlock("anna")
    assert sign(place).actor.id == "anna"


def test_waiting_attempts_neither_count_nor_tell(place: Place) -> None:
    for _ in range(4):
        refused(place, "wrong")
    for _ in range(20):
        assert refused(place, "wrong") == "waiting after failures"
    place.clock.forward(seconds=5)
    assert sign(place).actor.id == "anna"


def test_guesses_made_at_once_gain_nothing(place: Place) -> None:
    with ThreadPoolExecutor(16) as pool:
        guesses = [*["wrong"] * 31, GOOD]
        list(pool.map(lambda guess: _quietly(place, guess), guesses))
    counted = [e for e in place.entries("signature.refused") if "wrong" in e.act.reason]
    assert len(counted) <= 4


def _quietly(place: Place, guess: str) -> None:
    with suppress(ClinicalError):
        sign(place, guess)


def test_the_only_administrator_waits_but_is_never_locked(place: Place) -> None:
    for _ in range(15):
        place.clock.forward(hours=1)
        refused(place, "wrong", id="rita")
    assert place.state("rita") == "active"
    assert refused(place, id="rita") == "waiting after failures"
    place.clock.forward(hours=1)
    assert sign(place, id="rita").actor.id == "rita"
    place.enrolled("ron", "Ron Root", "administrator")
    for _ in range(10):
        place.clock.forward(hours=1)
        refused(place, "wrong", id="rita")
    assert place.state("rita") == "locked"


def test_an_issued_secret_is_good_for_a_short_while_and_for_nothing_else(place: Place) -> None:
    with acting(RITA):
        issued = place.register.reset("anna")
    with pytest.raises(MustChangeSecretError):
        sign(place, issued)
    assert place.last()[1:] == ("signature.refused", "refused", "the secret has to be changed")
    assert refused(place) == "wrong secret or code"  # the one before is void
    place.clock.forward(hours=73)
    assert refused(place, issued) == "issued secret is too old"
    with pytest.raises(ClinicalError, match="not accepted together"):
        place.register.change_secret(Claim("anna", issued), OTHER)


def test_an_old_secret_has_to_be_changed(place: Place) -> None:
    for _ in range(6):
        place.clock.forward(days=60)
        sign(place)
    place.clock.forward(days=6)
    with pytest.raises(MustChangeSecretError):
        sign(place)
    assert place.state("anna") == "must-change-secret"
    place.clock.forward(days=5)  # an own secret does not go stale
    place.register.change_secret(Claim("anna", GOOD), OTHER)
    assert sign(place, OTHER).actor.id == "anna"


def test_a_dormant_account_is_locked(place: Place) -> None:
    place.clock.forward(days=91)
    assert refused(place) == "not used for too long"
    assert place.state("anna") == "locked"
    assert sign(place, id="rita").actor.id == "rita"  # nobody else could unlock


def test_a_dormant_account_that_was_reset_waits_for_its_owner(place: Place) -> None:
    place.clock.forward(days=91)
    refused(place)
    with acting(RITA):
        issued = place.register.reset("anna")
    place.clock.forward(days=2)
    place.register.change_secret(Claim("anna", issued), OTHER)
    assert place.state("anna") == "active"
    assert sign(place, OTHER).actor.id == "anna"
    place.clock.forward(days=91)
    assert refused(place, OTHER) == "not used for too long"


@pytest.mark.parametrize("new", ["short", GOOD, "anna example is it", "passwordpassword"])
def test_a_bad_new_secret_changes_nothing_but_the_right_one_is_recorded(
    place: Place, new: str
) -> None:
    """Whoever guesses cannot tell with a bad new secret, unseen, whether the old one is right."""
    before = len(place.entries())
    with pytest.raises(ClinicalError, match="does not do"):
        place.register.change_secret(Claim("anna", GOOD), new)
    (entry,) = place.entries()[before:]
    assert (entry.act.actor.id, entry.act.action) == ("anna", "user.authenticated")
    assert (entry.act.actor.method, entry.act.details.method) == ("confirmation", "confirmation")
    assert sign(place).actor.id == "anna"


def test_a_code_shown_with_a_bad_new_secret_is_used(place: Place, key: str) -> None:
    shown = Claim("anna", GOOD, code(key, place))
    with pytest.raises(ClinicalError, match="does not do"):
        place.register.change_secret(shown, "short")
    with pytest.raises(ClinicalError, match="not accepted together"):
        place.register.change_secret(shown, OTHER)


def test_a_bad_new_secret_tells_nothing_about_a_wrong_one(place: Place) -> None:
    with pytest.raises(ClinicalError, match="not accepted together"):
        place.register.change_secret(Claim("anna", "wrong"), "short")


def test_the_statement_is_accepted_with_all_components(place: Place) -> None:
    with pytest.raises(ClinicalError, match="not accepted together"):
        accept_statement(place.register, Claim("anna", "wrong"))
    assert not sign(place).statement_accepted
    accept_statement(place.register, Claim("anna", GOOD))
    assert sign(place).statement_accepted
    act = place.entries("statement.accepted")[0].act
    assert act.details.after.startswith("version 1, SHA-256 ")


def code(key: str, place: Place, ahead: int = 0) -> str:
    import pyotp

    return pyotp.TOTP(key).at(int(place.clock.now.timestamp()) + 30 * ahead)


@pytest.fixture
def key(place: Place) -> str:
    key = place.register.second_factor.new_key()
    set_second_factor(place.register, Claim("anna", GOOD), key, code(key, place))
    place.clock.forward(minutes=2)
    return key


def test_a_second_factor_is_demanded_and_no_code_counts_twice(place: Place, key: str) -> None:
    assert refused(place) == "wrong secret or code"
    assert refused(place, code="000000") == "wrong secret or code"
    now = code(key, place)
    assert sign(place, code=now).factors == ("password", "totp")
    assert refused(place, code=now) == "wrong secret or code"
    assert refused(place, code=code(key, place, -1)) == "wrong secret or code"
    place.clock.forward(seconds=30)
    assert sign(place, code=f" {code(key, place)[:3]} {code(key, place)[3:]}").actor.id == "anna"


@pytest.mark.parametrize(("ahead", "good"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_codes_of_neighbouring_steps_count(place: Place, key: str, ahead: int, good: bool) -> None:
    if good:
        assert sign(place, code=code(key, place, ahead)).actor.id == "anna"
    else:
        assert refused(place, code=code(key, place, ahead)) == "wrong secret or code"


def test_a_code_that_nothing_asked_for_is_no_factor(place: Place) -> None:
    assert sign(place, code="123456").factors == ("password",)


def test_the_key_of_the_second_factor_is_kept_encrypted_for_one_account(
    place: Place, key: str
) -> None:
    factor = place.register.second_factor
    with place.store.engine.reading() as connection:
        account = place.register.accounts.get("anna", connection)
    assert key.encode() not in account.to_bytes()
    assert factor.decrypt(account.totp, "anna") == key
    with pytest.raises(ClinicalError, match="cannot be read"):
        factor.decrypt(account.totp, "eve")
    (place.keys / "second-factor.key").unlink()
    with pytest.raises(ClinicalError, match="cannot be read"):
        sign(place, code=code(key, place))


def test_a_second_factor_needs_a_code_that_the_app_shows(place: Place) -> None:
    key = place.register.second_factor.new_key()
    with pytest.raises(ClinicalError, match="not one of the new second factor"):
        set_second_factor(place.register, Claim("anna", GOOD), key, "000000")
    assert place.last()[:3] == ("anna", "user.authenticated", "done")
    assert sign(place).factors == ("password",)


def test_known_answer_of_rfc_6238(place: Place) -> None:
    """Appendix B: at 59 s the key ``12345678901234567890`` shows 94287082; six digits of it."""
    from datetime import UTC, datetime

    key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    at = datetime.fromtimestamp(59, UTC)
    assert place.register.second_factor.step_of(key, "287082", at) == 1


def test_a_clock_set_back_opens_nothing(place: Place) -> None:
    for _ in range(4):
        refused(place, "wrong")
    place.clock.forward(days=-30)
    assert refused(place) == "waiting after failures"


def test_an_actor_is_never_taken_at_its_word(place: Place) -> None:
    with acting(Actor("person", "nobody", "x", "session")), pytest.raises(ClinicalError):
        place.register.review()
