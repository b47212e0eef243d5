"""How two samples of the same columns differ: exact statistics, what they mean, and why.

What belongs here: statistics, decisions over them, diagnosis, all pure; it can be used without the
rest. What does not: reading files, assets, commands.
"""

from clinical_assets.drift.compare import compare
from clinical_assets.drift.plan import Plan
from clinical_assets.drift.profiles import Grid, Profile, merged, profile
from clinical_assets.drift.result import ColumnDrift, Comparison

__all__ = [
    "ColumnDrift",
    "Comparison",
    "Grid",
    "Plan",
    "Profile",
    "compare",
    "merged",
    "profile",
]
