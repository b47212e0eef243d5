"""Who may run assets and add sources from a terminal (P11-07): with and without people enrolled."""

from pathlib import Path

import pytest

from resources.rights import require_right
from resources.settings import Settings
from tests.unit.commands.test_users import HOW, done, mistake, own_store, rita  # noqa: F401
from tests.unit.resources.register import OTHER
from tests.unit.resources.test_source_files import entry as source_entry

DATA = b"a\n1\n"


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """A command that needs the right."""
    monkeypatch.setenv("CLINICAL_SOURCES", str(tmp_path / "sources.toml"))
    (tmp_path / "sources.toml").write_text(source_entry("away", False, ("one.csv", "", DATA)))
    (tmp_path / "one.csv").write_bytes(DATA)
    return ("data", "add", "away", str(tmp_path / "one.csv"))


def log_in(role: str) -> None:
    issued = done("users", "enrol", "anna", "--name", "Anna", "--role", role, *HOW).splitlines()[1]
    done("login", "anna", "--secret-stdin", stdin=f"{issued}\n\n{OTHER}\n")


def test_a_newcomer_needs_nobody(add: tuple[str, ...]) -> None:
    assert "Added one.csv" in done(*add)


@pytest.mark.parametrize("role", ["author", "operator"])
def test_a_role_that_has_the_right_may(rita: None, add: tuple[str, ...], role: str) -> None:  # noqa: F811
    log_in(role)
    assert "Added one.csv" in done(*add)


@pytest.mark.parametrize("command", ["data", "demo"])
def test_who_is_logged_in_without_it_is_refused_which_is_recorded(
    rita: None,  # noqa: F811
    add: tuple[str, ...],
    command: str,
) -> None:
    wanted = add if command == "data" else ("demo",)
    if command == "data":
        assert "You have not the right to operate" in mistake(*wanted)
    else:
        from tests.unit.commands.test_users import run

        refused = run(*wanted)
        assert refused.exit_code == 1
        assert "You have not the right to operate" in refused.output
    told = done("ledger", "show", "--action", "user.refused")
    assert "by rita" in told
    assert "lacking=operate" in told


def test_where_nobody_is_logged_in_the_service_acts(rita: None, add: tuple[str, ...]) -> None:  # noqa: F811
    done("logout")
    assert "Added one.csv" in done(*add)
    assert "by local-installation" in done("ledger", "show", "--action", "source.added")


def test_no_person_may_administer_by_being_logged_out(rita: None) -> None:  # noqa: F811
    done("logout")
    with pytest.raises(Exception, match="Nobody is logged in"):
        require_right(Settings.load(), "administer")


def test_the_ledger_is_verified_by_anybody(rita: None) -> None:  # noqa: F811
    done("logout")
    assert "Holds." in done("ledger", "verify")
