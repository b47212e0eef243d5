"""Values written with fewer or more decimals."""

import numpy as np

from clinical_assets.drift.diagnosis.cause import Claim
from clinical_assets.drift.diagnosis.change import Change

_MANY = 15


def claims(change: Change) -> list[Claim]:
    """The change of decimals, where both sides have a number of them or one lost it."""
    before, after = change.reference.decimals, change.current.decimals
    if before == after:
        return []
    coarser = after is not None and (before is None or after < before)
    if coarser:
        explained = change.foretold(np.round(change.before, after or 0))
    else:
        explained = change.undone(change.after)
    return [
        Claim(
            "precision",
            f"Values have {_words(after)}, {_words(before)} in the reference: "
            + ("they are rounded" if coarser else "they are no longer rounded, or are computed"),
            {"shape": explained, "precision": 1.0},
            0.98,
            {
                "decimals_reference": _MANY if before is None else before,
                "decimals_current": _MANY if after is None else after,
                "explained": explained,
            },
        )
    ]


def _words(decimals: int | None) -> str:
    if decimals is None:
        return "many decimals"
    return "1 decimal" if decimals == 1 else f"{decimals} decimals"
