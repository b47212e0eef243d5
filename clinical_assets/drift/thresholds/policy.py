"""Which thresholds a plan asks for, as it writes them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from clinical_assets.drift.thresholds.persistence import Persistence
from clinical_assets.errors import ClinicalError

_DAYS = {"d": 1.0, "w": 7.0, "y": 365.25}
_EACH = Persistence()
_NAMES = ("kind", "one_false_alarm_in", "persistence", "statistics")
_TITLES = {
    "psi": "PSI",
    "chi2": "χ²",
    "ks": "KS",
    "hellinger": "Hellinger",
    "total_variation": "total variation",
    "jensen_shannon": "Jensen–Shannon",
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Constant, as the plan's own numbers say, or calibrated on the reference.

    Attributes:
        kind: which.
        days: a false alarm of any column is to be expected in so many days; only where calibrated.
        persistence: how many windows of the last ones must cross.
        statistics: of each column's distribution, which share the budget; only where calibrated.
            KS is of columns that have an order only.
    """

    kind: Literal["constant", "calibrated"] = "constant"
    days: float = 90.0
    persistence: Persistence = _EACH
    statistics: tuple[str, ...] = ("psi",)

    def windows(self, days_per_window: float) -> float:
        """The run between false alarms, in windows.

        Raises:
            ClinicalError: a window is longer than the run.
        """
        if not 0 < days_per_window < self.days:
            raise ClinicalError(
                f"One false alarm in {self.days:g} days cannot be kept by windows of "
                f"{days_per_window:g} days",
                repair="Give shorter windows or a longer `one_false_alarm_in`",
                where="plan",
            )
        return self.days / days_per_window

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as a plan writes them."""
        plain: dict[str, Any] = {"kind": self.kind, "persistence": str(self.persistence)}
        if self.kind == "calibrated":
            plain["one_false_alarm_in"] = f"{self.days:g}d"
            plain["statistics"] = list(self.statistics)
        return plain


def read_thresholds(table: Mapping[str, Any], where: str = "plan") -> Thresholds:
    """From a plan's ``[thresholds]``.

    >>> read_thresholds({"kind": "calibrated", "one_false_alarm_in": "90d"}).days
    90.0

    Raises:
        ClinicalError: it holds a name or a value that it cannot have.
    """
    if unknown := [name for name in table if name not in _NAMES]:
        raise ClinicalError(
            f"A plan's thresholds have nothing named {unknown[0]!r}",
            where=where,
            repair=f"Choose among {', '.join(_NAMES)}",
        )
    kind = table.get("kind", "constant")
    if kind not in ("constant", "calibrated"):
        raise _senseless("kind", kind, "`constant` or `calibrated`", where)
    if kind == "constant" and "one_false_alarm_in" in table:
        raise ClinicalError(
            "A plan with constant thresholds cannot promise how rare false alarms are",
            where=where,
            repair='Give `kind = "calibrated"`, or leave `one_false_alarm_in` out',
        )
    if kind == "constant" and "statistics" in table:
        raise ClinicalError(
            "Constant thresholds are of PSI",
            where=where,
            repair='Give `kind = "calibrated"`, or leave `statistics` out',
        )
    statistics = table.get("statistics", ["psi"])
    named = isinstance(statistics, list) and len(statistics) > 0
    if not named or any(name not in _TITLES for name in statistics):
        raise _senseless("statistics", statistics, f"a list of some of {', '.join(_TITLES)}", where)
    persistence = table.get("persistence", "1 of 1")
    if not isinstance(persistence, str):
        raise _senseless("persistence", persistence, "`k of n`, such as `2 of 3`", where)
    days = _days(table.get("one_false_alarm_in", "90d"), where)
    return Thresholds(kind, days, Persistence.read(persistence), tuple(dict.fromkeys(statistics)))


def title(statistic: str) -> str:
    """A statistic's name for people.

    >>> title("chi2")
    'χ²'
    """
    return _TITLES[statistic]


def _days(text: object, where: str) -> float:
    found = re.fullmatch(r"\s*(\d{1,6}(?:\.\d{1,6})?)\s*([dwy])\s*", str(text))
    days = float(found[1]) * _DAYS[found[2]] if found else 0.0
    if days <= 0:
        raise _senseless("one_false_alarm_in", text, "days, weeks or years, such as `90d`", where)
    return days


def _senseless(name: str, value: object, wanted: str, where: str) -> ClinicalError:
    return ClinicalError(f"The plan's {name!r} is {value!r}", repair=f"Give {wanted}", where=where)
