"""Which levels of a column may be named where a comparison is shown to people.

A level may be a patient. What belongs here: how a column of identifiers is told by its name and by
its counts, and which levels go into "other" because few rows have them (PRI-08). What does not: the
rule on small cells itself, which is in :mod:`clinical_assets.small_cells`.
"""

import re
from collections.abc import Sequence

import numpy as np
import polars as pl

from clinical_assets.small_cells import groups_to_withhold

LEVELS = 20
_NAMED = re.compile(
    r"(^|_)(id|ids|uuid|guid|mrn|nhs|nhs_number|ssn|name|surname|forename|firstname|lastname|"
    r"address|phone|email|identifier|postcode|zip|subject|patient)$"
)
_OF_PATIENTS = re.compile(
    r"(^|_)(((patient|pat|subject|person)(_?(id|uuid|guid|identifier|number|no|nr|key))?)|mrn|nhs|"
    r"nhs_?number|ssn)$"
)
_LEAST_SHARE = 0.2
_LONG = 60


def identifying(name: str, levels: pl.DataFrame) -> bool:
    """Whether a column's levels look like identifiers or free text.

    So its name says, or it has more than :data:`LEVELS` levels and either its most frequent ones
    hold under a fifth of a side's rows, or the sides share none of them, or they are long. A wrong
    yes costs a drawing, a wrong no a patient's name.

    Args:
        levels: names with their counts p and q, the largest shares first.

    >>> few = pl.DataFrame({"level": ["icu", "er"], "p": [30, 20], "q": [20, 30]})
    >>> identifying("ward", few), identifying("PatientID", few)
    (False, True)
    """
    if _NAMED.search(_snake(name)):
        return True
    if levels.height <= LEVELS:
        return False
    p, q = levels["p"].to_numpy(), levels["q"].to_numpy()
    for side in (p, q):
        if np.sort(side)[-LEVELS:].sum() < _LEAST_SHARE * side.sum():
            return True
    apart = p.any() and q.any() and not ((p > 0) & (q > 0)).any()
    return bool(apart) or bool((levels["level"].str.len_chars() > _LONG).any())


def names_patients(name: str) -> bool:
    """Whether a column's name says that it tells patients apart.

    >>> names_patients("PatientID"), names_patients("subject_id"), names_patients("order_id")
    (True, True, False)
    """
    return bool(_OF_PATIENTS.search(_snake(name)))


def _snake(name: str) -> str:
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name)
    return parted.lower().strip("_")


def without_a_name(counts: Sequence[tuple[int, int]]) -> frozenset[int]:
    """Positions of the levels that are put together: all after the first :data:`LEVELS`, those
    that 1–10 rows of a side have, and as many more as hide them.

    >>> sorted(without_a_name([(500, 400), (90, 100), (40, 35), (3, 60)]))
    [2, 3]
    """
    return groups_to_withhold(counts, range(LEVELS, len(counts)))
