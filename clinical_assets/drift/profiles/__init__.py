"""Profiles: what is counted of a table once, so that it can be added and compared without it.

What belongs here: grids, counts over them, their sums, their file, and comparisons from them alone.
What does not: statistics from the values themselves (:mod:`clinical_assets.drift.measure`), reading
and writing files, decisions.
"""

from clinical_assets.drift.profiles.comparing import compare_profiles
from clinical_assets.drift.profiles.grid import Grid
from clinical_assets.drift.profiles.parted import profiles_by
from clinical_assets.drift.profiles.profile import Profile, merged
from clinical_assets.drift.profiles.profiling import profile
from clinical_assets.drift.profiles.windows import over

__all__ = ["Grid", "Profile", "compare_profiles", "merged", "over", "profile", "profiles_by"]
