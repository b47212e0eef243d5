"""The walkthrough of the page on signing, its commands run in order as they stand on the page."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.test_add_a_model import command_folder

PAGE = Path(__file__).resolve().parents[2] / "docs/signing.md"
SECRETS = {
    "rita": "horse staple battery",
    "cora": "long walks by the sea",
    "edda": "four green old books",
    "quentin": "seven blue tin boxes",
}
# What commands ask for; a script gives it on standard input, as the page says.
ASKING = ("users bootstrap", "login", "users accept", "sign")


def commands() -> list[str]:
    """The page's own lines, in order."""
    (block,) = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return [line for line in block.splitlines() if line.startswith("clinical ")]


class Reader:
    """Somebody who types what the page says."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        path = os.pathsep.join([str(command_folder(tmp_path)), os.environ["PATH"]])
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CLINICAL_", "DAGSTER"))}
        self.environment = {**kept, "PATH": path, "CLINICAL_STORE": str(tmp_path / "store")}
        self.issued: dict[str, str] = {}

    def run(self, command: str, stdin: str = "", status: int = 0) -> str:
        done = subprocess.run(
            ["sh", "-euc", command],
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == status, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def typed(self, command: str, person: str = "") -> str:
        """A line of the page; what it asks for is answered as ``person`` would."""
        words = command.removeprefix("clinical ")
        if words.startswith("stage show"):
            return self.run(command, status=1)  # not released yet
        if not words.startswith(ASKING):
            shown = self.run(command)
            if named := re.match(r"users enrol (\w+) ", words):
                self.issued[named[1]] = shown.splitlines()[1]
            return shown
        secret = self.issued.pop(person, "") if words.startswith("login") else ""
        answer = f"{secret}\n\n{SECRETS[person]}\n" if secret else f"{SECRETS[person]}\n\n"
        return self.run(f"{command} --secret-stdin", answer)


def test_each_person_logs_in_and_accepts_before_signing() -> None:
    lines = commands()
    for person in ("cora", "edda", "quentin"):
        own = lines.index(f"clinical login {person}")
        assert lines[own : own + 3][1:] == ["clinical users accept", "clinical logout"]
        assert own < next(i for i, line in enumerate(lines) if line.endswith(f"--id {person}"))


@pytest.mark.slow
def test_the_page_leads_from_nobody_enrolled_to_a_release(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    reader.typed("clinical demo --stop-before-signing")
    person = "rita"
    for line in commands():
        if named := re.search(r"clinical login (\w+)|--id (\w+)", line):
            person = named[1] or named[2]
        shown = reader.typed(line, person)
    assert "Every signature is given" in shown

    (release,) = re.findall(r"`(DAGSTER_HOME=\S+ dagster job execute .*?)`", PAGE.read_text())
    home = f"DAGSTER_HOME={tmp_path}/store/dagster"
    scripts = Path(sys.executable).parent
    words = release.replace("DAGSTER_HOME=data/store/dagster", home)
    reader.run(f"PATH={scripts}:$PATH PYTHONPATH={PAGE.parents[1]} {words}")
    assert "In force." in reader.run("clinical stage show diabetes")
    assert "Holds." in reader.run("clinical ledger verify")
