"""Accounts: every transition, and what the digest covers."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical_assets.canonical import sha256
from clinical_assets.errors import ClinicalError
from clinical_assets.people.account import Account
from tests.unit.people.examples import NOW, account, anna, days


def test_the_digest_is_that_of_what_is_stored() -> None:
    assert account().digest == sha256(account().to_bytes())


def test_every_field_changes_the_digest() -> None:
    changes = {
        "person": anna(roles=("author",)),
        "secret": "another",
        "own_secret": False,
        "secret_at": NOW,
        "used_at": NOW,
        "epoch": 1,
        "totp": "x",
        "totp_step": 1,
        "failures": 1,
        "failed_at": NOW,
    }
    assert set(changes) == {field.name for field in fields(Account)}
    digests = {replace(account(), **{name: value}).digest for name, value in changes.items()}
    assert len(digests | {account().digest}) == len(changes) + 1


def test_an_issued_secret_is_no_own_one_and_ends_sessions() -> None:
    issued = account().issued("new", NOW)
    assert (issued.person.state, issued.own_secret) == ("must-change-secret", False)
    assert (issued.secret, issued.secret_at, issued.epoch) == ("new", NOW, 1)
    first = account(anna(state="enrolled")).issued("new", NOW)
    assert first.person.state == "enrolled"


def test_an_own_secret_makes_active() -> None:
    changed = account(anna(state="enrolled"), own_secret=False, failures=2).changed("own", NOW)
    assert (changed.person.state, changed.own_secret, changed.failures) == ("active", True, 0)


def test_lock_and_unlock_return_to_where_it_was() -> None:
    locked = account(failures=10, failed_at=NOW).locked()
    assert (locked.person.state, locked.epoch) == ("locked", 1)
    assert locked.unlocked(NOW).person.state == "active"
    assert locked.unlocked(NOW).failures == 0
    issued = replace(locked, own_secret=False)
    assert issued.unlocked(NOW).person.state == "must-change-secret"
    with pytest.raises(ClinicalError, match="is not locked"):
        account().unlocked(NOW)
    with pytest.raises(ClinicalError, match="is locked"):
        locked.changed("own", NOW)


def test_revoked_is_final() -> None:
    gone = account(totp="key").revoked()
    assert (gone.person.state, gone.secret, gone.totp) == ("revoked", "", "")
    for step in (
        lambda: gone.issued("x", NOW),
        lambda: gone.changed("x", NOW),
        lambda: gone.revoked(),
        lambda: gone.unlocked(NOW),
    ):
        with pytest.raises(ClinicalError):
            step()


STEPS = {
    "failed": lambda a: a.failed(NOW),
    "succeeded": lambda a: a.succeeded(NOW, 1),
    "locked": lambda a: a.locked(),
    "must_change": lambda a: a.must_change(),
    "unlocked": lambda a: a.unlocked(NOW),
    "issued": lambda a: a.issued("x", NOW),
    "changed": lambda a: a.changed("x", NOW),
}


@given(st.lists(st.sampled_from(sorted(STEPS))))
def test_whatever_happens_nobody_else_than_the_owner_makes_an_issued_secret_active(
    names: list[str],
) -> None:
    now = account(anna(state="enrolled"), own_secret=False)
    for name in names:
        try:
            now = STEPS[name](now)
        except ClinicalError:
            continue
        assert now.person.id == "anna"
        if now.person.state == "active":
            assert now.own_secret


def test_failures_are_counted_and_forgotten() -> None:
    twice = account().failed(NOW).failed(NOW + days(1))
    assert (twice.failures, twice.failed_at) == (2, NOW + days(1))
    again = twice.succeeded(NOW + days(2), 7)
    assert (again.failures, again.failed_at, again.used_at) == (0, None, NOW + days(2))
