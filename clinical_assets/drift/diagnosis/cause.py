"""A likely cause of a change, and the claim it is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "unit",
    "offset",
    "scale",
    "spread",
    "gain_and_offset",
    "precision",
    "missing",
    "infinite",
    "measured_less",
    "measured_more",
    "stuck",
    "placeholder",
    "out_of_range",
    "clipped",
    "cut_off",
    "new_level",
    "vanished_level",
    "renamed_level",
    "label_style",
    "level_mix",
    "site_mix",
    "case_mix",
    "context",
    "seasonal",
    "unexplained",
]
Aspect = Literal["shape", "missing", "infinite", "precision"]


@dataclass(frozen=True, slots=True)
class Cause:
    """One likely cause.

    Attributes:
        kind: what sort of cause.
        sentence: for people, with the numbers.
        weight: share of the whole change that disappears once this cause is undone, from 0 to 1,
            less a little for each number that had to be fitted.
        evidence: the numbers, by name.
    """

    kind: Kind
    sentence: str
    weight: float
    evidence: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "kind": self.kind,
            "sentence": self.sentence,
            "weight": round(self.weight, 4),
            "evidence": {name: float(value) for name, value in self.evidence.items()},
        }


@dataclass(frozen=True, slots=True)
class Claim:
    """What one family of causes says, before it is weighed against the others.

    Attributes:
        explains: share of each aspect of the change that disappears once it is undone.
        trust: what the claim is worth if it explains everything. Fitted numbers cost trust, so
            that of two claims which explain the same the more definite one is put first.
    """

    kind: Kind
    sentence: str
    explains: Mapping[Aspect, float]
    trust: float
    evidence: Mapping[str, float] = field(default_factory=dict)
