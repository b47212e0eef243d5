"""What counts as drift: the plan that a comparison follows, stated before it is made."""

import math
import tomllib
from dataclasses import dataclass, fields
from typing import Any

from clinical_assets.drift.thresholds.policy import Thresholds, read_thresholds
from clinical_assets.errors import ClinicalError

_TABLE = "thresholds"
_CONSTANT = Thresholds()
_CONSTANTS = {"psi", "missing", "levels"}
_WANTED = {int: "a whole number", float: "a number", tuple: "a list of names", str: "a name"}


@dataclass(frozen=True, slots=True)
class Plan:
    """Thresholds of a comparison.

    A column has drifted where a difference is both larger than chance explains, over all columns
    together, and large enough to matter. Neither alone will do: with a million rows every
    difference is significant, with fifty rows every PSI is large.

    Attributes:
        bins: equal-frequency bins of the reference for PSI and its like.
        rate: false discovery rate over the columns (Benjamini and Hochberg 1995).
        psi: least population stability index that matters.
        missing: least change of the share of missing values that matters.
        measured: how many times as often, or as seldom, what is missing in most rows must be
            measured that it matters.
        levels: least share of values that the reference cannot have: in levels that it does not
            have, outside its range, or by which infinite ones have grown.
        columns: what is compared, each once; every column where empty.
        context: columns that describe the patients (age, sex, ward), so that other patients are
            told from another measurement where a cause is looked for.
        unit: the column that tells which rows belong together, such as those of one patient
            (:mod:`.unit_codes`); each row is by itself where empty.
        thresholds: whether these numbers are the thresholds or are calibrated on the reference, and
            how many windows must cross them.
    """

    bins: int = 10
    rate: float = 0.05
    psi: float = 0.2
    missing: float = 0.1
    measured: float = 2.0
    levels: float = 0.01
    columns: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    unit: str = ""
    thresholds: Thresholds = _CONSTANT

    def __post_init__(self) -> None:
        """Raises :class:`ClinicalError` where a value makes no sense."""
        for name in ("rate", "missing", "levels"):
            if not 0 < getattr(self, name) < 1:
                raise _senseless(name, getattr(self, name), "a share between 0 and 1")
        if not 0 < self.psi < math.inf:
            raise _senseless("psi", self.psi, "a number above 0")
        if not 1 < self.measured < math.inf:
            raise _senseless("measured", self.measured, "a number above 1")
        if not 2 <= self.bins <= 1000:
            raise _senseless("bins", self.bins, "a whole number from 2 to 1000")
        for name in ("columns", "context"):
            names = getattr(self, name)
            if isinstance(names, str):
                raise _senseless(name, names, "a list of names")
            object.__setattr__(self, name, tuple(dict.fromkeys(names)))


def _senseless(name: str, value: object, wanted: str) -> ClinicalError:
    return ClinicalError(f"The plan's {name!r} is {value!r}", repair=f"Give {wanted}", where="plan")


def read_plan(text: str, where: str = "plan") -> Plan:
    """A plan from TOML: the names of :class:`Plan`'s attributes, each optional, and a table
    ``[thresholds]`` (:func:`.thresholds.read_thresholds`), which may hold the constants too.

    Raises:
        ClinicalError: it is no TOML, or holds a name or a value that a plan does not have.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ClinicalError(
            f"The plan is no TOML: {error}", where=where, repair="Write lines like `psi = 0.2`"
        ) from None
    try:
        return _of(found, where)
    except ClinicalError as error:
        # What a plan or its thresholds refuse themselves does not know the file.
        raise ClinicalError(error.what, where=where, repair=error.repair) from None


def _of(found: dict[str, Any], where: str) -> Plan:
    thresholds = _thresholds(found, where)
    known = {field.name: type(field.default) for field in fields(Plan) if field.name != _TABLE}
    for name, value in found.items():
        if name not in known:
            raise ClinicalError(
                f"A plan has nothing named {name!r}",
                where=where,
                repair=f"Choose among {', '.join([*known, f'[{_TABLE}]'])}",
            )
        if known[name] is tuple and isinstance(value, list) and all(type(v) is str for v in value):
            found[name] = tuple(value)
        elif type(value) is int and known[name] is float:
            found[name] = float(value)
        elif type(value) is not known[name]:
            raise _senseless(name, value, _WANTED[known[name]])
    return Plan(**found, thresholds=thresholds)


def _thresholds(found: dict[str, Any], where: str) -> Thresholds:
    """Takes the table out of what was found, and its constants up to the other names."""
    table = found.pop(_TABLE, {})
    if not isinstance(table, dict):
        raise _senseless(_TABLE, table, "a table `[thresholds]`")
    for name in _CONSTANTS & set(table):
        if name in found:
            raise ClinicalError(
                f"The plan says {name!r} twice", where=where, repair="Leave one of them out"
            )
        found[name] = table.pop(name)
    return read_thresholds(table, where)
