"""Which detector with which parameters: stated, checked and frozen before a stream is watched.

- ``page_hinkley``: cumulated deviation from the running mean (Page 1954, Biometrika 41:100).
- ``adwin``: a window that shrinks where two of its parts differ in mean (Bifet and Gavaldà 2007,
  SIAM International Conference on Data Mining).
- ``ddm``: an error rate above its own minimum; takes 0 and 1, 1 being an error (Gama et al. 2004,
  SBIA, LNCS 3171:286).
- ``kswin``: Kolmogorov–Smirnov test of the newest values against a random part of the older ones in
  a window (Raab, Heusinger and Schleif 2020, Neurocomputing 416:340).

The defaults are those of river 0.26. They stand here so that another river does not change them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

from clinical_assets.errors import ClinicalError

Kind = Literal["page_hinkley", "adwin", "ddm", "kswin"]
Parameter = float | int | str
MODES = ("both", "down", "up")
# More would be a slip of the keyboard, and a state of that size.
LARGEST_COUNT = 1_000_000

_SHARE = "a number above 0 and below 1"
_COUNT = f"a whole number from 1 to {LARGEST_COUNT:,}"
_SIZE = "a number from 0 to 1e100"

DEFAULTS: Mapping[str, Mapping[str, Parameter]] = MappingProxyType(
    {
        "page_hinkley": {
            "min_instances": 30,
            "delta": 0.005,
            "threshold": 50.0,
            "alpha": 0.9999,
            "mode": "both",
        },
        "adwin": {
            "delta": 0.002,
            "clock": 32,
            "max_buckets": 5,
            "min_window_length": 5,
            "grace_period": 10,
        },
        "ddm": {"warm_start": 30, "warning_threshold": 2.0, "drift_threshold": 3.0},
        "kswin": {"alpha": 0.005, "window_size": 100, "stat_size": 30},
    }
)


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector before it has seen anything.

    Attributes:
        kind: ``page_hinkley``, ``adwin``, ``ddm`` or ``kswin``.
        parameters: by river's names; those left out take the defaults and then stand here too.
        seed: of the draws; only ``kswin`` makes any.

    Raises:
        ClinicalError: no such detector, no such parameter, or a value that makes no sense.

    >>> Detector("ddm", {"warm_start": 50}).to_dict()["parameters"]["warm_start"]
    50
    """

    kind: Kind
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        """Fills in the defaults and checks."""
        if self.kind not in get_args(Kind):
            raise _refused(f"There is no detector {self.kind!r}", ", ".join(get_args(Kind)))
        known = DEFAULTS[self.kind]
        if unknown := [name for name in self.parameters if name not in known]:
            raise _refused(f"{self.kind} has no parameter {unknown[0]!r}", ", ".join(known))
        if type(self.seed) is not int or not 0 <= self.seed < 2**64:
            raise _refused("The seed of a detector is no seed", "a whole number from 0 to 2^64 - 1")
        full = {name: self.parameters.get(name, default) for name, default in known.items()}
        for name, value in full.items():
            if wanted := _wanted(self.kind, name, value):
                raise _refused(f"{name!r} of {self.kind} is {value!r}", wanted)
        _check_together(self.kind, full)
        object.__setattr__(self, "parameters", MappingProxyType(full))

    def __hash__(self) -> int:
        """Equal detectors have one hash."""
        return hash((self.kind, tuple(self.parameters.items()), self.seed))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``Detector(**values)`` gives the detector back."""
        return {"kind": self.kind, "parameters": dict(self.parameters), "seed": self.seed}


def _wanted(kind: str, name: str, value: object) -> str:
    """What the parameter must be; empty where it is."""
    if name == "mode":
        return "" if value in MODES else f"one of {', '.join(MODES)}"
    if type(DEFAULTS[kind][name]) is int:
        return "" if type(value) is int and 1 <= value <= LARGEST_COUNT else _COUNT
    number = type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
    if name in ("alpha", "delta") and (kind, name) != ("page_hinkley", "delta"):
        top = kind == "page_hinkley"  # where a forgetting factor of 1 forgets nothing
        return "" if (number and 0 < value < 1) or (top and value == 1) else _SHARE  # type: ignore[operator]
    return "" if number and 0 <= value <= 1e100 else _SIZE  # type: ignore[operator]


def _check_together(kind: str, full: Mapping[str, Any]) -> None:
    if kind == "kswin" and full["window_size"] < 2 * full["stat_size"]:
        raise _refused(
            "The window of kswin has no room for two samples",
            "a 'window_size' of at least twice 'stat_size'",
        )
    if kind == "ddm" and full["drift_threshold"] < full["warning_threshold"]:
        raise _refused(
            "ddm would raise the alarm before it warns",
            "a 'drift_threshold' of at least 'warning_threshold'",
        )


def _refused(what: str, wanted: str) -> ClinicalError:
    return ClinicalError(what, where="detector", repair=f"Give {wanted}")
