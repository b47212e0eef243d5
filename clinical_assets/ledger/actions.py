"""Every kind of act that the ledger knows, and what may be said of each.

What belongs here: the controlled list of actions and, for each, the record of its details. What
does not: who did it and to what, which every entry has (:mod:`.entry`). Details are typed, so that
no free dictionary can carry a patient's value or a secret into the ledger: names, counts and
digests only (HIP-06, design trap 5). A new action is added here; none is ever removed or renamed,
because old entries are read for ever. Nor is a description reworded: views of old exports show it,
and are compared with it.
"""

from dataclasses import dataclass
from typing import Any

from clinical_assets.canonical import from_plain


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing is to be said beyond what every entry says."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table that were written or read: how many, which columns, what for."""

    rows: int
    columns: tuple[str, ...] = ()
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Bytes:
    """A file that was written or read."""

    bytes: int
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a gate decided, and whether a refusal blocks."""

    gate: str
    passed: bool
    blocking: bool = True


@dataclass(frozen=True, slots=True)
class Failing:
    """The kind of an error, never its words: they may quote a value."""

    kind: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """A gate that could not be decided, and the kind of the error."""

    gate: str
    kind: str


@dataclass(frozen=True, slots=True)
class Launch:
    """What a run or a backfill was asked to do.

    Attributes:
        job: its job; empty for a backfill of assets.
        assets, gates: those selected; empty where all of the job's are.
        partitions: how many a backfill covers; 0 where it does not say.
        asked_by: what asked in Dagster: ``sensor``, ``schedule``, ``automation``, ``backfill``,
            ``re-execution``; empty where a person, a script or another program did.
        parent: the run that is executed again.
        config_sha256: SHA-256 of the run's configuration as canonical JSON; empty where it has
            none.
    """

    job: str
    assets: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    partitions: int = 0
    asked_by: str = ""
    parent: str = ""
    config_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many records, tags or partitions an act is about."""

    count: int


@dataclass(frozen=True, slots=True)
class Change:
    """A setting, state or right that changed: its name, the value before and the value after."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Frozen:
    """Acceptance criteria frozen, or a test set opened, for one candidate; the count so far."""

    candidate_sha256: str
    protocol_sha256: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to log in or to sign: by which method, and which factors were shown."""

    method: str
    factors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """A version of a model that entered a stage; ``before`` is empty for its first one.

    ``policy_sha256`` names the declaration of stages and approvals that was in force.
    """

    before: str
    after: str
    policy_sha256: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An act on the identity register that was refused: which, and the right that was lacking."""

    wanted: str
    lacking: str


@dataclass(frozen=True, slots=True)
class Verified:
    """An identity that was verified: by whom and how."""

    verified_by: str
    method: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A terminal session: whose, until when at most, after how many idle seconds it ends."""

    user: str
    expires_at: str
    idle_seconds: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A terminal session that ended by itself, or was not accepted: whose, and why."""

    user: str
    why: str


@dataclass(frozen=True, slots=True)
class Signed:
    """An electronic signature: what the entry around it does not say of the signed statement.

    Attributes:
        stage, meaning, role: what the signer declared, and as what.
        zone: IANA name or UTC offset of the signer's terminal; ``local_time`` is RFC 3339 there.
        policy_sha256: the declaration of stages and approvals that was in force.
        head_size, head_root: size and root (hexadecimal) of the ledger that the signer saw.
        factors: components that were shown for this signature; ``method``: how they were checked.
        demonstration: whether the signer is a generated person.
        revokes: ``signature_sha256`` of the signature that this one revokes; empty for all others.
        signature_sha256: SHA-256 of the statement in canonical JSON (``clinical-signature/1``).
    """

    stage: str
    meaning: str
    role: str
    zone: str
    local_time: str
    policy_sha256: str
    head_size: int
    head_root: str
    factors: tuple[str, ...]
    method: str
    demonstration: bool
    revokes: str
    signature_sha256: str


@dataclass(frozen=True, slots=True)
class Covering:
    """A part of the ledger that was checkpointed, verified, exported or published."""

    size: int
    root: str
    to: str = ""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """An act whose outcome was missing: what was found in the store when it was looked for."""

    found: str


@dataclass(frozen=True, slots=True)
class Lost:
    """Entries that are gone for good: the first ``kept`` are left, with this root.

    ``checkpoints`` are those of the lost state that are known, as ``size root`` (hexadecimal);
    ``until`` is the largest size among them.
    """

    kept: int
    root: str
    until: int
    checkpoints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drilled:
    """A restore drill: what came back, and the digest of all of it before and after."""

    size: int
    root: str
    files: int
    bytes: int
    snapshots: int
    packages: int
    table_versions: int
    databases: int
    before_sha256: str
    after_sha256: str
    milliseconds: int
    problems: int


@dataclass(frozen=True, slots=True)
class Action:
    """One kind of act: what its details are, and in words what it is."""

    details: type
    description: str


ACTIONS: dict[str, Action] = {
    "ledger.created": Action(Nothing, "The ledger was begun"),
    "ledger.migrated": Action(Change, "The ledger's storage changed its layout"),
    "ledger.checkpointed": Action(Covering, "A checkpoint was signed"),
    "ledger.witnessed": Action(Covering, "A checkpoint was published to a witness"),
    "ledger.contradicted": Action(Covering, "A witness holds another history than the ledger"),
    "ledger.verified": Action(Covering, "The ledger was verified"),
    "ledger.exported": Action(Covering, "A part of the ledger was exported"),
    "ledger.clock_set_back": Action(Change, "The clock showed an earlier time than before"),
    "ledger.reconciled": Action(Reconciled, "An interrupted act was found and looked into"),
    "run.requested": Action(Launch, "A run was asked for"),
    "run.started": Action(Nothing, "A run was started"),
    "run.succeeded": Action(Nothing, "A run succeeded"),
    "run.failed": Action(Failing, "A run failed"),
    "run.cancel_requested": Action(Nothing, "A run was asked to stop"),
    "run.cancelled": Action(Nothing, "A run was cancelled"),
    "run.tagged": Action(Counted, "Tags of a run were added or changed"),
    "run.deleted": Action(Nothing, "A run was deleted from Dagster"),
    "run.events_deleted": Action(Nothing, "A run's events were deleted from Dagster"),
    "step.failed": Action(Failing, "A step that makes no asset failed"),
    "backfill.requested": Action(Launch, "A backfill was asked for"),
    "backfill.changed": Action(Change, "A backfill was cancelled, ended or taken up again"),
    "history.wiped": Action(Counted, "All runs, events or switches were wiped from Dagster"),
    "history.rewritten": Action(Nothing, "A stored event of Dagster was replaced"),
    "history.migrated": Action(Nothing, "Dagster's tables were brought to another layout"),
    "asset.materialized": Action(Nothing, "An asset was materialized"),
    "asset.observed": Action(Nothing, "An asset was observed"),
    "asset.failed": Action(Failing, "An asset could not be materialized"),
    "asset.wiped": Action(Nothing, "An asset's history was wiped from Dagster"),
    "asset.partitions_wiped": Action(Counted, "Partitions' history was wiped from Dagster"),
    "gate.decided": Action(Decision, "A gate was decided"),
    "gate.undecided": Action(Undecided, "A gate could not be decided"),
    "automation.switched": Action(Change, "A schedule or sensor was switched"),
    "automation.cursor_set": Action(Nothing, "A sensor was told from where to go on"),
    "partitions.added": Action(Counted, "Partitions were added to a set"),
    "partitions.deleted": Action(Counted, "Partitions were deleted from a set"),
    "pool.changed": Action(Change, "A limit of concurrent steps was changed"),
    "table.written": Action(Rows, "A version of a table was written"),
    "table.read": Action(Rows, "A version of a table was read"),
    "snapshot.written": Action(Bytes, "A file was stored by its digest"),
    "snapshot.read": Action(Bytes, "A stored file was read"),
    "source.added": Action(Bytes, "A registered source file was added"),
    "source.refused": Action(Failing, "A file of a source was refused"),
    "protocol.frozen": Action(Frozen, "Acceptance criteria were frozen"),
    "testset.opened": Action(Frozen, "The test set was opened for a candidate"),
    "package.built": Action(Bytes, "A model package was built"),
    "package.exported": Action(Bytes, "A model package was handed out"),
    "model.loaded": Action(Nothing, "A released model was loaded"),
    "model.refused": Action(Failing, "A model was not loaded"),
    "registry.changed": Action(Change, "The registry's word about a model was changed"),
    "registry.contradicted": Action(Change, "The registry was found to contradict the ledger"),
    "stage.changed": Action(Moved, "A version of a model entered a stage"),
    "stage.refused": Action(Change, "A transition between stages was refused"),
    "signature.given": Action(Signed, "A record was signed"),
    "signature.refused": Action(Attempt, "A signature was refused"),
    "login.succeeded": Action(Attempt, "A person logged in"),
    "login.refused": Action(Attempt, "A log-in was refused"),
    "logout": Action(Nothing, "A person logged out"),
    "user.enrolled": Action(Change, "A person or service was enrolled"),
    "user.changed": Action(Change, "What is known of a person or service was changed"),
    "user.revoked": Action(Nothing, "A person's or service's access was revoked"),
    "user.locked": Action(Nothing, "Too many failed attempts locked an account"),
    "user.refused": Action(Refusal, "A change of the identity register was refused"),
    "user.tampered": Action(Nothing, "An account was found changed past the ledger"),
    "user.owner_confirmed": Action(Verified, "An account's owner was confirmed after a reset"),
    "user.authenticated": Action(Attempt, "A person proved who they are, for one act"),
    "statement.accepted": Action(Change, "The accountability statement was accepted"),
    "session.opened": Action(Opened, "A terminal session began"),
    "session.ended": Action(Ended, "A terminal session ended by itself"),
    "session.refused": Action(Ended, "A terminal session was not accepted"),
    "access.reviewed": Action(Rows, "Who has access was reviewed"),
    "key.created": Action(Change, "A key was created"),
    "key.withdrawn": Action(Change, "A key's signatures count no longer"),
    "key.retired": Action(Change, "A key was retired"),
    "settings.changed": Action(Change, "A setting was changed"),
    "retention.held": Action(Change, "A legal hold was set or lifted"),
    "retention.purged": Action(Nothing, "A record past its retention was purged"),
    "retention.refused": Action(Failing, "A purge before its time was refused"),
    "backup.made": Action(Covering, "The ledger was backed up"),
    "backup.restored": Action(Covering, "The ledger was restored"),
    "backup.drilled": Action(Drilled, "A backup was restored for trial and verified"),
    "ledger.lost": Action(Lost, "Entries were lost for good, and somebody answers for it"),
}


def details_of(action: str, plain: Any) -> Any:
    """The typed details of an action from plain JSON values.

    Raises:
        KeyError: the action is not known.
        pydantic.ValidationError: the values are not those of this action.
    """
    return from_plain(ACTIONS[action].details, plain)
