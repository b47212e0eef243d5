"""A version of a model with its entries in the ledger, as a whole history of stages has them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from clinical_assets.evidence.signatures import (
    SignatureStatement,
    local_time,
    signature_act,
)
from clinical_assets.evidence.stage_fold import Surroundings, state_of, version_subject
from clinical_assets.evidence.stage_state import StageState
from clinical_assets.evidence.stages import StagePolicy
from clinical_assets.ledger.actions import Moved
from clinical_assets.ledger.entry import Act, Actor, Entry, Subject
from clinical_assets.modelling.approvals import Approval

BEGAN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SUBJECT = version_subject("diabetes", "1.0.0+56f45379", "a" * 64)
MACHINE = Actor("service", "s-0001", "Daemon", "service-credential")
POLICY = StagePolicy(
    "diabetes",
    (
        Approval("clinical review", "clinical reviewer", "review"),
        Approval("ethics review", "ethics board", "review"),
        Approval("quality approval", "quality", "approval"),
    ),
)
NO_ETHICS = replace(POLICY, approvals=POLICY.approvals[::2])
AUTHOR = "p-author"
NAMES = {
    "p-clara": "Clara Clinical",
    "p-emil": "Emil Ethics",
    "p-quinn": "Quinn Quality",
    "p-quentin": "Quentin Quality",
    "p-oda": "Oda Operator",
    AUTHOR: "Avery Author",
}
CLINICAL = ("p-clara", "clinical review", "clinical reviewer", "review")
ETHICS = ("p-emil", "ethics review", "ethics board", "review")
QUALITY = ("p-quinn", "quality approval", "quality", "approval")
REINSTATE = ("p-quinn", "reinstatement", "quality", "approval")


def root(size: int) -> str:
    """The root of the imagined ledger at a size."""
    return sha256(str(size).encode()).hexdigest()


SURROUNDINGS = Surroundings(frozenset({AUTHOR}), lambda size, found: found == root(size))


def statement(
    signer: str, stage: str, role: str, meaning: str, *, seq: int, **changes: Any
) -> SignatureStatement:
    """What a person signs just before entry ``seq``."""
    said: dict[str, Any] = {
        "subject": SUBJECT,
        "signer": signer,
        "printed_name": NAMES[signer],
        "role": role,
        "stage": stage,
        "meaning": meaning,
        "comment": "Read and found in order",
        "zone": "Europe/Berlin",
        "local_time": local_time(BEGAN + timedelta(minutes=seq), "Europe/Berlin"),
        "policy_sha256": POLICY.digest,
        "head_size": seq,
        "head_root": root(seq),
        "method": "password",
        "factors": ("password",),
    }
    return SignatureStatement(**{**said, **changes})


@dataclass
class History:
    """A ledger that grows by transitions and signatures on one version."""

    policy: StagePolicy = POLICY
    subject: Subject = SUBJECT
    surroundings: Surroundings = SURROUNDINGS
    entries: list[Entry] = field(default_factory=list)

    @property
    def state(self) -> StageState:
        return state_of(self.policy, self.subject, self.entries, self.surroundings)

    def add(self, act: Act) -> Entry:
        seq = len(self.entries)
        entry = Entry(seq, BEGAN + timedelta(minutes=seq, seconds=1), act)
        self.entries.append(entry)
        return entry

    def move(self, before: str, after: str, **changes: Any) -> Entry:
        moved = Moved(before, after, changes.pop("policy_sha256", self.policy.digest))
        act = Act(f"a{len(self.entries)}", MACHINE, "stage.changed", self.subject, moved)
        return self.add(replace(act, **changes))

    def sign(self, who: Sequence[str], **changes: Any) -> str:
        """Adds a signature; its digest."""
        changes = {"policy_sha256": self.policy.digest, "subject": self.subject, **changes}
        said = statement(*who, seq=len(self.entries), **changes)
        self.add(signature_act(said, f"a{len(self.entries)}"))
        return said.digest

    def then(self, *steps: str | Sequence[str]) -> "History":
        """Adds moves (``"candidate"`` …, from the present stage) and signatures."""
        for step in steps:
            if isinstance(step, str):
                self.move(self.state.stage or "", step)
            else:
                self.sign(step)
        return self


RELEASE: tuple[str | Sequence[str], ...] = (
    "candidate",
    "validation",
    "clinical review",
    CLINICAL,
    "ethics review",
    ETHICS,
    "quality approval",
    QUALITY,
    "released",
)
QUARANTINE = ("p-oda", "quarantined", "operator", "responsibility")
SUSPEND = ("p-quinn", "suspended", "quality", "responsibility")
RETIRE = ("p-quinn", "retired", "quality", "responsibility")


def history(*more: str | Sequence[str], until: str = "released", **given: Any) -> History:
    """A version in the stage ``until`` of an ordinary release, and what followed."""
    made = History(**given)
    return made.then(*RELEASE[: RELEASE.index(until) + 1], *more)


def released() -> History:
    return history()


def stage_of(entries: Iterable[Entry]) -> str | None:
    return state_of(POLICY, SUBJECT, entries, SURROUNDINGS).stage
