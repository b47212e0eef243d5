"""How well a model performs: without labels, held against the labels when they come, and what of
its calibration and its predictions has changed.

What belongs here: estimates, intervals and what they mean, in words; all pure. What does not: when
a label counts as arrived, where results are kept, who is told.
"""

from clinical_assets.drift.performance.calibration import Calibration, calibration
from clinical_assets.drift.performance.calibration_drift import (
    CalibrationDrift,
    OneKind,
    calibration_drift,
)
from clinical_assets.drift.performance.cbpe import Estimated, by_window, estimated
from clinical_assets.drift.performance.prediction_drift import PredictionDrift, prediction_drift
from clinical_assets.drift.performance.reconcile import Reconciled, Track, reconciled, record
from clinical_assets.drift.performance.trust import Limits, Reference, reference

__all__ = [
    "Calibration",
    "CalibrationDrift",
    "Estimated",
    "Limits",
    "OneKind",
    "PredictionDrift",
    "Reconciled",
    "Reference",
    "Track",
    "by_window",
    "calibration",
    "calibration_drift",
    "estimated",
    "prediction_drift",
    "reconciled",
    "record",
    "reference",
]
