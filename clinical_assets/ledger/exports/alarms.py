"""Which actions somebody should be called for, whatever their outcome says."""

_ALARMS = frozenset(
    {
        "ledger.clock_set_back",
        "ledger.contradicted",
        "ledger.lost",
        "registry.contradicted",
        "run.deleted",
        "run.events_deleted",
        "history.wiped",
        "history.rewritten",
        "asset.wiped",
        "asset.partitions_wiped",
        "user.locked",
        "user.tampered",
        "key.withdrawn",
    }
)


def alarms(action: str) -> bool:
    """Whether the action tells of tampering, of history taken away or of an attack.

    >>> alarms("user.tampered"), alarms("table.read")
    (True, False)
    """
    return action in _ALARMS
