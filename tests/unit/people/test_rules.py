"""Lockout, rules of secrets, rights, readiness to sign, findings of a review."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical_assets.people.lockout import LockoutPolicy
from clinical_assets.people.person import Training
from clinical_assets.people.readiness import signing_problems
from clinical_assets.people.review import review
from clinical_assets.people.rights import DESCRIPTIONS, RIGHTS, may, rights_table
from clinical_assets.people.roles import NEVER_SIGN, ROLES, SIGNING_ROLES
from clinical_assets.people.secrets_policy import SecretPolicy
from clinical_assets.people.statement import CURRENT
from tests.unit.people.examples import NOW, TODAY, account, anna, days

LOCKOUT, SECRETS = LockoutPolicy(), SecretPolicy()


@given(st.integers(0, 10_000))
def test_delays_never_shrink_and_have_a_bound(failures: int) -> None:
    assert LOCKOUT.delay(failures) <= LOCKOUT.delay(failures + 1) <= LOCKOUT.longest


def test_known_delays() -> None:
    seconds = [LOCKOUT.delay(n).total_seconds() for n in range(11)]
    assert seconds == [0, 0, 0, 0, 5, 10, 20, 40, 80, 160, 320]
    assert [LOCKOUT.locks(n) for n in (0, 9, 10, 11)] == [False, False, True, True]


def test_waiting_ends_with_the_delay() -> None:
    later = NOW + timedelta(seconds=5)
    assert not LOCKOUT.waits(0, None, NOW)
    assert not LOCKOUT.waits(3, NOW, NOW)
    assert LOCKOUT.waits(4, NOW, later - timedelta(microseconds=1))
    assert not LOCKOUT.waits(4, NOW, later)


@pytest.mark.parametrize(
    "secret", ["horse staple battery", "Tr0ub4dor&3 and more", "ünïcödé-wörter", "correct hxrse"]
)
def test_good_secrets(secret: str) -> None:
    assert list(SECRETS.problems(secret, "anna", "Eva Example")) == []


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("", "12 to 256"),
        ("elevenchars", "12 to 256"),
        ("x" * 257, "12 to 256"),
        ("abababababababab", "few different"),
        ("PasswordPassword", "first that are tried"),
        ("correct horse battery staple", "first that are tried"),
        ("my anna is great", "contains the id or the name"),
        ("the best EXAMPLE", "contains the id or the name"),
    ],
)
def test_bad_secrets(secret: str, words: str) -> None:
    assert words in "; ".join(SECRETS.problems(secret, "anna", "Eva Example"))


def test_parts_of_an_address_count_as_the_id() -> None:
    found = list(SECRETS.problems("schmitt 1 2 3 4", "eva.schmitt@hospital.org", "Eva"))
    assert found == ["it contains the id or the name"]


def test_nobody_who_administers_signs() -> None:
    assert set(NEVER_SIGN) | set(SIGNING_ROLES) == set(ROLES)
    assert not any(may([role], "sign") for role in NEVER_SIGN)
    assert all(may([role], "sign") for role in SIGNING_ROLES)


def test_by_default_nothing_is_allowed() -> None:
    assert not any(may(roles, right) for right in RIGHTS for roles in ([], ["boss"]))
    assert set(DESCRIPTIONS) == set(RIGHTS)
    assert [role for role in ROLES if may([role], "enrol")] == ["administrator"]
    assert len(rights_table().splitlines()) == len(RIGHTS) + 2


READY = {
    "enrolment_verified": True,
    "trained_until": TODAY,
    "statement_accepted": True,
    "on": TODAY,
}


@pytest.mark.parametrize(
    ("roles", "changes", "words"),
    [
        (["quality"], {}, ""),
        (["author", "administrator"], {}, ""),
        ([], {}, "no role"),
        (["administrator"], {}, "no role"),
        (["service"], {}, "no role"),
        (["quality"], {"enrolment_verified": False}, "who verified"),
        (["quality"], {"enrolment_verified": False, "demonstration": True}, ""),
        (["quality"], {"trained_until": None}, "no training"),
        (["quality"], {"trained_until": TODAY - days(1)}, "expired on 2026-11-23"),
        (["quality"], {"statement_accepted": False}, "accountability statement"),
    ],
)
def test_readiness_to_sign(roles: list[str], changes: dict, words: str) -> None:
    found = list(signing_problems(roles, **{**READY, **changes}))
    assert len(found) == bool(words)
    assert words in "".join(found)


def test_a_review_names_what_asks_for_attention() -> None:
    trained = (Training("gcp", date(2026, 1, 1), date(2027, 1, 1)),)
    good = anna(trainings=trained, acceptance=CURRENT)
    admin = anna(id="rita", roles=("administrator",))
    findings = {
        one.id: one.findings
        for one in review(
            [
                account(good),
                account(anna(id="ben", state="locked", acceptance=CURRENT, trainings=trained)),
                account(
                    anna(id="cleo", roles=()), used_at=NOW - days(91), secret_at=NOW - days(92)
                ),
                account(anna(id="dora", roles=()), own_secret=False, secret_at=NOW - days(1)),
                account(anna(id="emil", roles=()), own_secret=False, secret_at=NOW - days(4)),
                account(anna(id="fritz", roles=()), secret_at=NOW - days(366)),
                account(anna(id="gone", state="revoked"), used_at=NOW - days(999)),
                account(admin),
            ],
            SECRETS,
            NOW,
        )
    }
    assert findings == {
        "anna": (),
        "ben": ("locked",),
        "cleo": ("not used for more than 90 days", "has no role"),
        "dora": ("has not set an own secret yet", "has no role"),
        "emil": ("issued secret not used in time", "has no role"),
        "fritz": ("secret older than 365 days", "has no role"),
        "gone": (),
        "rita": ("the only active administrator: nobody could unlock this account",),
    }
    two = review([account(admin), account(anna(id="ron", roles=("administrator",)))], SECRETS, NOW)
    assert [one.findings for one in two] == [(), ()]
    assert review([], SECRETS, NOW) == []
