"""The example of the page on drift: its command is run, and its output stands there exactly."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from clinical_assets.cli import cli
from clinical_assets.drift.plan import Plan, read_plan

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/drift.md").read_text()


def test_the_example_prints_what_the_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "80")
    (block,) = re.findall(r"^```\n\$ clinical (.*?)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    command, expected = block
    done = CliRunner().invoke(cli, command.split())
    assert done.exit_code == 1
    assert [line.rstrip() for line in done.stdout.strip("\n ").splitlines()] == [
        line.rstrip() for line in expected.strip("\n ").splitlines()
    ]


def test_the_plan_of_the_page_is_the_default() -> None:
    (plan,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert read_plan(plan) == Plan()
