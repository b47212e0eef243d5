"""``clinical users``: the identity register; here the commands that show it."""

import json
from typing import TYPE_CHECKING, Any

import click

from clinical_assets.commands.mistakes import say
from clinical_assets.commands.people_tools import logged_in_id, open_register
from clinical_assets.commands.users_change import CHANGES
from clinical_assets.commands.users_own import OWN
from clinical_assets.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clinical_assets.people.account import Account
    from clinical_assets.people.review import Reviewed

_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def users() -> None:
    """Enrol people and services, grant roles, unlock, revoke, review access."""


@users.command("list")
@_as_json
def list_users(as_json: bool) -> None:
    """Show every account, revoked ones too. Exit status 1 if one was changed past the ledger."""
    register, _ = open_register()
    accounts, tampered = register.people()
    if as_json:
        shown = [_plain(account) for account in accounts]
        click.echo(json.dumps({"accounts": shown, "tampered": [e.id for e in tampered]}, indent=2))
    else:
        rows = [
            (
                account.person.id,
                account.person.kind,
                account.person.state,
                ", ".join(account.person.roles),
                account.person.name,
            )
            for account in accounts
        ]
        _print_table(("id", "kind", "state", "roles", "name"), rows, wrapped="name")
        for error in tampered:
            say(error)
    if tampered:
        raise SystemExit(1)


@users.command()
@click.argument("id", required=False)
@_as_json
def show(id: str | None, as_json: bool) -> None:
    """Show the account ID, or your own."""
    from clinical_assets.people.person import folded

    register, sessions = open_register()
    own = logged_in_id(sessions)
    account = register.account(folded(id or own))
    if as_json:
        click.echo(json.dumps(_plain(account), indent=2))
        return
    for name, text in _told(account):
        click.echo(f"{name:<22} {visible(text) or '–'}")


@users.command()
@_as_json
def review(as_json: bool) -> None:
    """Review who has access, with what asks for attention. The review is recorded."""
    register, _ = open_register()
    found = register.review()
    if as_json:
        from clinical_assets.canonical import to_plain

        click.echo(json.dumps({"accounts": [to_plain(one) for one in found]}, indent=2))
        return
    _print_table(
        ("id", "state", "last used", "trained until", "findings"),
        [_review_row(one) for one in found],
        wrapped="findings",
    )


def _review_row(one: "Reviewed") -> tuple[str, ...]:
    until = one.trained_until.isoformat() if one.trained_until else "–"
    made_up = "demonstration" if one.demonstration else "–"
    findings = "; ".join(one.findings) or made_up
    return (one.id, one.state, f"{one.used_at:%Y-%m-%d}", until, findings)


def _told(account: "Account") -> "Iterator[tuple[str, str]]":
    """What may be shown of an account, in words."""
    person, minute = account.person, "%Y-%m-%d %H:%M UTC"
    yield "id", person.id
    yield "printed name", person.name
    yield "kind", "demonstration: a generated person" if person.demonstration else person.kind
    yield "state", person.state.replace("-", " ")
    yield "roles", ", ".join(person.roles)
    if person.kind == "person":
        proof = person.enrolment
        by = f"by {proof.verified_by} on {proof.verified_on}: {proof.method}" if proof else ""
        yield "identity verified", by
        for one in person.trainings or (None,):
            span = f"{one.name}: {one.completed_on} to {one.expires_on}" if one else ""
            yield "training", span
        accepted = person.acceptance
        version = f"accepted, version {accepted.version}" if accepted else "not accepted"
        yield "accountability", version
        yield "second factor", "yes" if account.totp else "no"
        yield "secret", "set by its owner" if account.own_secret else "issued, not yet changed"
    yield "secret set at", f"{account.secret_at:{minute}}"
    yield "last used at", f"{account.used_at:{minute}}"
    yield "failures in a row", str(account.failures)


def _plain(account: "Account") -> dict[str, Any]:
    """What may be shown of an account: no hash, no key."""
    from clinical_assets.canonical import to_plain

    person = to_plain(account.person)
    return {
        **person,
        "second_factor": bool(account.totp),
        "own_secret": account.own_secret,
        "secret_at": account.secret_at.isoformat(),
        "used_at": account.used_at.isoformat(),
        "failures": account.failures,
    }


def _print_table(heads: "Sequence[str]", rows: "Sequence[Sequence[str]]", wrapped: str) -> None:
    from clinical_assets.commands.tables import new_console, new_table

    table = new_table(heads, wrapped=wrapped)
    for row in rows:
        table.add_row(*row)
    new_console().print(table)


for _command in (*CHANGES, *OWN):
    users.add_command(_command)
