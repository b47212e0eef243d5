"""What ``clinical drift`` found: the whole comparison, and those of the parts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clinical_assets.drift.judging import Calibration
    from clinical_assets.drift.parts import Part
    from clinical_assets.drift.result import Comparison


@dataclass(frozen=True, slots=True)
class Found:
    """The whole comparison, and those of the parts.

    Attributes:
        calibration: what calibrated thresholds rest on; None where thresholds are constant.
    """

    whole: "Comparison"
    groups: "tuple[Part, ...]" = ()
    windows: "tuple[Part, ...]" = ()
    calibration: "Calibration | None" = None

    @property
    def drifted(self) -> bool:
        """Whether anything counts as drifted."""
        return self.whole.drifted or any(part.drifted for part in (*self.groups, *self.windows))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        from clinical_assets.drift.windows import first_drift

        plain = self.whole.to_dict()
        if self.groups:
            plain["groups"] = [part.to_dict() for part in self.groups]
        if self.windows:
            plain["windows"] = [part.to_dict() for part in self.windows]
            plain["first_drift"] = first_drift(self.windows)
        if self.calibration:
            plain["calibration"] = self.calibration.to_dict()
        plain["drifted"] = self.drifted
        return plain
