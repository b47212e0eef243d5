"""A small ledger in memory: entries, checkpoints and the key that signed them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from clinical_assets.ledger.actions import Change, Decision, Moved, Nothing, Rows, Signed
from clinical_assets.ledger.checkpoint import Checkpoint, SigningKey, sign
from clinical_assets.ledger.entry import Act, Actor, Entry, Origin, Outcome, Subject
from clinical_assets.ledger.merkle import Frontier, leaf_hash
from clinical_assets.ledger.verification import Row

ORIGIN = "clinical.example/ledger"
KEY = SigningKey.generate(ORIGIN)
BEGAN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ANNA = Actor("person", "p-0001", "Anna Example", "session")
WORKER = Actor("service", "s-0001", "Worker", "service-credential", on_behalf_of="p-0001")


APPROVED = Signed(
    stage="quality approval",
    meaning="approval",
    role="quality",
    zone="Europe/Berlin",
    local_time="2026-11-24T13:00:00+01:00",
    policy_sha256="d" * 64,
    head_size=5,
    head_root="e" * 64,
    factors=("password",),
    method="signing",
    demonstration=False,
    revokes="",
    signature_sha256="c" * 64,
)
RELEASED = Moved("quality approval", "released", "d" * 64)


def act(name: str, action: str = "run.started", details: Any = None, **more: Any) -> Act:
    return Act(
        name,
        more.pop("actor", ANNA),
        action,
        more.pop("subject", Subject("run", "r-1")),
        Nothing() if details is None else details,
        software="0.1.0+abc",
        **more,
    )


def acts() -> list[Act]:
    table = Subject("table", "diabetes/dataset", "3", "a" * 64)
    written = Rows(632, ("glucose_mg_per_dl", "diabetes"), "training")
    intended: Outcome = "intended"
    return [
        act("a1"),
        act("a2", "table.written", written, subject=table, outcome=intended, actor=WORKER),
        act("a2", "table.written", written, subject=table, actor=WORKER),
        act("a3", "gate.decided", Decision("calibration", True), origin=Origin("r-1", "m/e")),
        act("a4", "user.changed", Change("role", "author", "quality"), reason="New post"),
        act("a5", "table.written", written, subject=table, outcome=intended),
    ]


def rows(given: list[Act] | None = None) -> list[Row]:
    found = []
    for seq, one in enumerate(acts() if given is None else given):
        body = Entry(seq, BEGAN + timedelta(seconds=seq), one).to_bytes()
        found.append(Row(seq, body, leaf_hash(body)))
    return found


def note(kept: list[Row], size: int, key: SigningKey = KEY, origin: str = ORIGIN) -> str:
    """The signed checkpoint of the first ``size`` rows."""
    frontier = Frontier()
    for row in kept[:size]:
        frontier.add(leaf_hash(row.body))
    return sign(Checkpoint(origin, size, frontier.root()), [key])
