"""Provisional: replaced by the register."""

from pathlib import Path

from clinical_assets.ledger.entry import Actor


def service_of(ledger: object, keys: Path) -> Actor:
    return Actor("service", "local-installation", "This installation", "local-installation")


def require_right(settings: object, right: str) -> None:
    """Provisional: replaced by the register, which refuses who may not."""
