"""A store with a packaged version of the small model, and people who may sign it, for commands."""

from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner, Result

from clinical_assets.cli import cli
from clinical_assets.errors import ClinicalError
from resources.ledger import open_ledger
from resources.settings import Settings
from resources.stages import Stages
from resources.terminal import signed_in
from tests.graph.small_model import MODEL
from tests.unit.resources.governed import GOOD, SUBJECT, build

SECRETS = {"rita": "horse staple battery", "cora": "long walks by the sea"}
SECRETS |= {"edda": "four green old books", "quentin": "seven blue tin boxes"}
ROLES = {"cora": "clinical reviewer", "edda": "ethics board", "quentin": "quality"}


@dataclass(frozen=True)
class SigningPlace:
    """What a person at a terminal finds, and does."""

    folder: Path

    @property
    def stages(self) -> Stages:
        """Those of the small model."""
        return Stages(open_ledger(Settings.load()), MODEL)

    def run(self, *arguments: str, stdin: str = "") -> Result:
        """A command as `main` runs it."""
        with signed_in():
            return CliRunner().invoke(cli, [*arguments], input=stdin)

    def done(self, *arguments: str, stdin: str = "") -> str:
        """Output of a command that ends well."""
        result = self.run(*arguments, stdin=stdin)
        assert result.exit_code == 0, result.output + repr(result.exception)
        return result.output

    def mistake(self, *arguments: str, stdin: str = "") -> str:
        """What a command says that ends with a person's mistake."""
        result = self.run(*arguments, stdin=stdin)
        assert isinstance(result.exception, ClinicalError), result.output
        return str(result.exception)

    def build(self) -> "SigningPlace":
        """Packages the version and lets its gates be judged."""
        build(open_ledger(Settings.load()))
        self.stages.advance(SUBJECT, GOOD)
        return self

    def enrol(self) -> "SigningPlace":
        """An administrator, and everybody whom the spec asks for, each with an own secret."""
        rita = ("--name", "Rita Root", "--verified-by", "HR", "--method", "passport")
        self.done("users", "bootstrap", "rita", *rita, "--secret-stdin", stdin=SECRETS["rita"])
        for id, role in ROLES.items():
            self.done("login", "rita", "--secret-stdin", stdin=SECRETS["rita"])
            told = ("--name", id.title(), "--role", role, "--method", "passport")
            issued = self.done("users", "enrol", id, *told).splitlines()[1]
            course = ("--course", "Reviewing", "--completed", "2026-11-02")
            self.done("users", "training", id, *course, "--expires", "2098-11-01")
            self.done("logout")
            self.done("login", id, "--secret-stdin", stdin=f"{issued}\n\n{SECRETS[id]}\n")
            self.done("users", "accept", "--secret-stdin", stdin=SECRETS[id])
            self.done("logout")
        return self

    def sign(self, id: str, stage: str, meaning: str = "review", *more: str) -> str:
        """What `clinical sign` says of a signature that is given."""
        asked = ("--stage", stage, "--meaning", meaning, "--id", id, *more)
        return self.done("sign", "small", *asked, "--secret-stdin", stdin=SECRETS[id] + "\n")
