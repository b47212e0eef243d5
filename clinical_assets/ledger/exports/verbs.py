"""What an action does to its subject, in the few words that foreign vocabularies have.

An action's verb never changes within a form's version, because exports are compared with it for
ever; a new action gets its verb when it is declared.
"""

from typing import Literal

Verb = Literal["create", "read", "update", "delete", "execute"]

_VERBS: dict[Verb, tuple[str, ...]] = {
    "create": (
        "ledger.created",
        "ledger.checkpointed",
        "partitions.added",
        "asset.materialized",
        "table.written",
        "snapshot.written",
        "source.added",
        "protocol.frozen",
        "package.built",
        "signature.given",
        "statement.accepted",
        "user.enrolled",
        "session.opened",
        "key.created",
        "backup.made",
    ),
    "read": (
        "ledger.verified",
        "ledger.exported",
        "asset.observed",
        "table.read",
        "snapshot.read",
        "testset.opened",
        "package.exported",
        "model.loaded",
        "access.reviewed",
        "backup.drilled",
    ),
    "update": (
        "ledger.migrated",
        "run.tagged",
        "backfill.changed",
        "history.rewritten",
        "history.migrated",
        "automation.switched",
        "automation.cursor_set",
        "pool.changed",
        "registry.changed",
        "stage.changed",
        "user.changed",
        "user.revoked",
        "user.locked",
        "user.tampered",
        "session.ended",
        "user.owner_confirmed",
        "key.retired",
        "key.withdrawn",
        "settings.changed",
        "retention.held",
        "backup.restored",
    ),
    "delete": (
        "ledger.lost",
        "run.deleted",
        "run.events_deleted",
        "history.wiped",
        "asset.wiped",
        "asset.partitions_wiped",
        "partitions.deleted",
        "retention.purged",
    ),
    "execute": (
        "ledger.witnessed",
        "ledger.contradicted",
        "ledger.clock_set_back",
        "ledger.reconciled",
        "run.requested",
        "run.started",
        "run.succeeded",
        "run.failed",
        "run.cancel_requested",
        "run.cancelled",
        "step.failed",
        "backfill.requested",
        "asset.failed",
        "gate.decided",
        "gate.undecided",
        "source.refused",
        "model.refused",
        "registry.contradicted",
        "stage.refused",
        "signature.refused",
        "login.succeeded",
        "login.refused",
        "logout",
        "user.refused",
        "user.authenticated",
        "session.refused",
        "retention.refused",
    ),
}
_OF = {action: verb for verb, actions in _VERBS.items() for action in actions}


def verb_of(action: str) -> Verb:
    """Whether the action creates, reads, updates or deletes its subject, or executes.

    >>> verb_of("table.read"), verb_of("run.started")
    ('read', 'execute')
    """
    return _OF.get(action, "execute")
