"""A version of a model in a ledger of its own, people who may sign it, and an intruder's hand."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from clinical_assets.canonical import sha256
from clinical_assets.evidence.stage_fold import version_subject
from clinical_assets.gates import GATES
from clinical_assets.ledger.actions import Attempt, Bytes, Decision, Nothing
from clinical_assets.ledger.entry import Act, Actor, Entry, Origin, Subject
from clinical_assets.modelling.approvals import Approval
from clinical_assets.modelling.records import Verdict
from clinical_assets.people.account import Account
from clinical_assets.people.person import Enrolment, Person, Training
from clinical_assets.people.statement import CURRENT
from resources.actors import acting
from resources.ledger import Ledger, open_ledger_at
from resources.ledger_database.reader import Wanted
from resources.ledger_database.store import LEDGER
from resources.people.accounts import Accounts
from resources.stages import Shown, Stages
from tests.graph.small_model import MODEL as SMALL

MODEL = replace(
    SMALL,
    approvals=(
        Approval("clinical review", "clinical reviewer", "review"),
        Approval("quality approval", "quality", "approval"),
    ),
)
GOOD = Verdict("release", True, "All gates passed.", {})
BAD = Verdict("release", False, "gate performance refused", {})
AUTHOR = Actor("person", "anton", "Anton Author", "session")
SUBJECT = version_subject(MODEL.name, "1.0.0+aaaaaaaa", "a" * 64)
OTHER = version_subject(MODEL.name, "1.0.0+bbbbbbbb", "b" * 64)


def judged(asset: str, version: Subject) -> Subject:
    """What an asset is made into for a version: each content has a digest of its own."""
    return Subject(
        "asset", f"{MODEL.name}/{asset}", sha256=sha256(f"{asset} {version.sha256}".encode())
    )


def run_of(version: Subject, asset: str) -> Origin:
    """The run that makes a version."""
    return Origin(f"run-{version.sha256[:4]}", f"{MODEL.name}/{asset}")


def decide(ledger: Ledger, gate: str, version: Subject = SUBJECT, *, passed: bool) -> None:
    """A gate's decision about what a version is made of, as the storage of Dagster's events writes
    it."""
    about, origin = judged(GATES[gate], version), run_of(version, GATES[gate])
    ledger.record("gate.decided", about, Decision(gate, passed), origin=origin)


def make(ledger: Ledger, asset: str, version: Subject = SUBJECT) -> None:
    """An asset as it is made for a version."""
    origin = run_of(version, asset)
    ledger.record("asset.materialized", judged(asset, version), Nothing(), origin=origin)


def build(ledger: Ledger, version: Subject = SUBJECT, *, passed: bool | None = True) -> None:
    """A run: every asset with its gates, and the building of the package.

    Args:
        passed: what the gates decide; None where they are not run.
    """
    for asset in dict.fromkeys(GATES.values()):
        if asset == "package":
            with acting(AUTHOR):
                built = run_of(version, asset)
                ledger.record("package.built", version, Bytes(1), origin=built)
        make(ledger, asset, version)
        for gate in (gate for gate, guarded in GATES.items() if guarded == asset):
            if passed is not None:
                decide(ledger, gate, version, passed=passed)


@dataclass(frozen=True)
class Somebody:
    """A person as the register holds them, and what they show when they sign."""

    person: Person
    factors: tuple[str, ...] = ("password",)

    @property
    def actor(self) -> Actor:
        """Authenticated for one signature."""
        return Actor(self.person.kind, self.person.id, self.person.name, "signing")


TODAY = datetime.now(UTC).date()
ENROLMENT = Enrolment("HR", "passport seen", TODAY)


def person(
    id: str,
    *roles: str,
    trained: date | None = TODAY + timedelta(days=30),
    factors: tuple[str, ...] = ("password",),
    **more: Any,
) -> Somebody:
    """Somebody who may sign, unless something else is said."""
    trainings = () if trained is None else (Training("Reviewing", TODAY, trained),)
    told = {"enrolment": ENROLMENT, "acceptance": CURRENT, "trainings": trainings, **more}
    kind = told.pop("kind", "person")
    return Somebody(Person(id, kind, id.title(), "active", roles, **told), factors)


CORA = person("cora", "clinical reviewer")
QUENTIN = person("quentin", "quality")


@dataclass(frozen=True)
class Governed:
    """A ledger in a folder, with what the tests ask of it."""

    folder: Path

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        url = f"sqlite:///{self.folder}/ledger.db"
        return open_ledger_at(url, self.folder / "keys", self.folder)

    @property
    def stages(self) -> Stages:
        """Those of the small model, which asks for a review and an approval."""
        return Stages(self.ledger, MODEL)

    def build(self, subject=SUBJECT, gates: Verdict = GOOD) -> "Governed":
        """Packages the version, with somebody signed in, and lets its gates be judged."""
        build(self.ledger, subject, passed=gates.passed)
        self.stages.advance(subject, gates)
        return self

    def decide(self, gate: str, version: Subject = SUBJECT, *, passed: bool) -> None:
        """What a gate decides."""
        decide(self.ledger, gate, version, passed=passed)

    def review(self, by: Somebody = CORA, **more: Any) -> Entry:
        """The clinical review."""
        given = {"role": "clinical reviewer", "stage": "clinical review", "meaning": "review"}
        return self.sign(by, **{**given, **more})

    def approve(self, by: Somebody = QUENTIN, **more: Any) -> Entry:
        """The approval by quality."""
        given = {"role": "quality", "stage": "quality approval", "meaning": "approval"}
        return self.sign(by, **{**given, **more})

    def sign(self, by: Somebody, subject=SUBJECT, **what: Any) -> Entry:
        """A signature, and what the machine does upon it."""
        self.enrol(by)
        self.ledger.decide(lambda connection: [self.proof(by, connection)])
        with acting(by.actor):
            entry = self.stages.sign(subject, Shown(by.factors, "Europe/Berlin"), **what)
        self.stages.advance(subject)
        return entry

    def proof(self, by: Somebody, connection: Any) -> Act:
        """The entry that the person has just proven who they are."""
        accounts = Accounts(self.ledger.store)
        account = accounts.get(by.person.id, connection)
        return accounts.act(by.actor, "user.authenticated", account, Attempt("signing", by.factors))

    def enrol(self, by: Somebody) -> None:
        """Puts the person into the register, unless there is one of that id."""
        accounts = Accounts(self.ledger.store)

        def add(connection: Any) -> list[Act]:
            if accounts.find(by.person.id, connection) is not None:
                return []
            at = accounts.time(connection)
            account = Account(by.person, "", True, at, at)
            accounts.add(account, connection)
            return accounts.enrolment(LEDGER, account)

        self.ledger.decide(add)

    def released(self) -> "Governed":
        """Signed by both, and released."""
        self.build()
        self.review()
        self.approve()
        self.stages.enter(SUBJECT, "released", gates=GOOD)
        return self

    def refusals(self, action: str) -> list[str]:
        """The reasons of what was refused, in order."""
        entries = self.ledger.reader.proven(Wanted(action=action))
        return [e.act.reason for e in entries if e.act.outcome == "refused"]

    def intrude(self, *statements: str) -> None:
        """Somebody who owns the database: no trigger stops them."""
        with closing(sqlite3.connect(self.folder / "ledger.db")) as database:
            names = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in names.fetchall():
                database.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                database.execute(statement)
            database.commit()
