"""Likely causes of a column's change, from profiles alone, ranked, with evidence and in words.

A cause is worth the share of the change that disappears once it is undone. What belongs here: one
file for each family of causes, the table of unit conversions, the ranking. What does not: whether
a column has drifted at all (:mod:`clinical_assets.drift.decide`), and profiles.
"""

from clinical_assets.drift.diagnosis.cause import Cause
from clinical_assets.drift.diagnosis.mixes import Parts
from clinical_assets.drift.diagnosis.ranking import Background, diagnose_levels, diagnose_numbers

__all__ = ["Background", "Cause", "Parts", "diagnose_levels", "diagnose_numbers"]
