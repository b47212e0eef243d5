"""What an action does to its subject, in the few words that foreign vocabularies have.

An action that is not in the list is an execution. The list may get new actions; an action's verb
never changes within a form's version, because exports are compared with it for ever.
"""

from typing import Literal

Verb = Literal["create", "read", "update", "delete", "execute"]

_VERBS: dict[Verb, tuple[str, ...]] = {
    "create": (
        "ledger.created",
        "asset.materialized",
        "table.written",
        "snapshot.written",
        "source.added",
        "protocol.frozen",
        "package.built",
        "signature.given",
        "user.enrolled",
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
    ),
    "update": (
        "ledger.migrated",
        "automation.switched",
        "registry.changed",
        "stage.changed",
        "user.changed",
        "user.revoked",
        "user.locked",
        "user.owner_confirmed",
        "key.retired",
        "settings.changed",
        "retention.held",
        "backup.restored",
    ),
    "delete": ("run.deleted", "asset.wiped", "retention.purged"),
}
_OF = {action: verb for verb, actions in _VERBS.items() for action in actions}


def verb_of(action: str) -> Verb:
    """Whether the action creates, reads, updates or deletes its subject, or executes.

    >>> verb_of("table.read"), verb_of("run.started")
    ('read', 'execute')
    """
    return _OF.get(action, "execute")
