"""From a statistic to an alarm: thresholds, how sure a statistic is, how often it must cross.

What belongs here: thresholds calibrated on the reference to a budget of false alarms, persistence,
intervals by bootstrap over days. What does not: statistics, and what a plan's constants are.
"""

from clinical_assets.drift.thresholds.bootstrap import Interval, block_bootstrap
from clinical_assets.drift.thresholds.budget import crossing_for, expected_run
from clinical_assets.drift.thresholds.calibrated import Calibrated, calibrate, calibrate_units
from clinical_assets.drift.thresholds.persistence import Persistence
from clinical_assets.drift.thresholds.policy import Thresholds, read_thresholds
from clinical_assets.drift.thresholds.rowwise import ROWWISE
from clinical_assets.drift.thresholds.windows import day_windows, unit_windows

__all__ = [
    "ROWWISE",
    "Calibrated",
    "Interval",
    "Persistence",
    "Thresholds",
    "block_bootstrap",
    "calibrate",
    "calibrate_units",
    "crossing_for",
    "day_windows",
    "expected_run",
    "read_thresholds",
    "unit_windows",
]
