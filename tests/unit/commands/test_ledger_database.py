"""`clinical ledger check` and `prepare`: what the database would let the software do."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from clinical_assets.cli import cli
from clinical_assets.errors import ClinicalError


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLINICAL_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


def test_a_file_that_only_its_owner_writes_is_well() -> None:
    result = CliRunner().invoke(cli, ["ledger", "check"])
    assert (result.exit_code, "and no more" in result.output) == (0, True)


def test_a_file_that_others_can_write_is_said(store: Path) -> None:
    CliRunner().invoke(cli, ["ledger", "check"])
    (store / "ledger/ledger.db").chmod(0o666)
    result = CliRunner().invoke(cli, ["ledger", "check"])
    assert result.exit_code == 1
    assert result.output.strip()


def test_sqlite_knows_no_roles() -> None:
    result = CliRunner().invoke(cli, ["ledger", "prepare", "--writer", "somebody"])
    assert isinstance(result.exception, ClinicalError)
    assert "knows no roles" in str(result.exception)
