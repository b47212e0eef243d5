"""Every gate of a model and the asset that it guards; a release needs all of them."""

import re
from collections.abc import Mapping

GATES = {
    "dataset_contract": "dataset",
    "split_independence": "split",
    "features_contract": "features",
    "no_target_leakage": "features",
    "onnx_parity": "candidate",
    "protocol_unchanged": "evaluation",
    "performance": "evaluation",
    "calibration": "evaluation",
    "uncertainty": "evaluation",
    "subgroup_floor": "evaluation",
    "champion_regression": "evaluation",
    "card_complete": "model_card",
    "package_intact": "package",
    "reproducibility": "package",
}

LATER: Mapping[str, str] = {}
"""Gates that came after the first version of this software, and the version that they came with."""


def demanded(software: str | None = None) -> tuple[str, ...]:
    """The gates that a release needs, in their order.

    Args:
        software: that released, as entries of the ledger name it, so that a version that was
            released before a gate existed is not held against it. None for this software; where it
            cannot be read all are needed.

    >>> demanded("0.1.0 8d01301abcde") == demanded() == tuple(GATES)
    True
    """
    made = _number(software or "")
    return tuple(g for g in GATES if not made or g not in LATER or _number(LATER[g]) <= made)


def _number(software: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", software)
    return tuple(map(int, found[0].split("."))) if found else ()
