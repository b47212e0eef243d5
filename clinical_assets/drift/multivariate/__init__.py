"""How two samples differ as a whole: what no column shows by itself, and what the mix explains.

What belongs here: detectors that look at several columns together, each in a file of its own, and
what they share. What does not: single columns (the package above), thresholds, alerts. Every
detector takes two frames, names the columns that it used and why it left others out, and gives a
frozen record with ``to_dict()`` and ``explain()``.
"""

from clinical_assets.drift.multivariate.conditioned import Conditioned, conditioned
from clinical_assets.drift.multivariate.correlation import (
    CorrelationDrift,
    correlation_drift,
    correlation_drift_of_moments,
)
from clinical_assets.drift.multivariate.domain_classifier import (
    DomainClassification,
    domain_classifier,
)
from clinical_assets.drift.multivariate.mmd import Discrepancy, mmd
from clinical_assets.drift.multivariate.moments import Moments
from clinical_assets.drift.multivariate.reconstruction import Level, Reconstruction, reconstruction

__all__ = [
    "Conditioned",
    "CorrelationDrift",
    "Discrepancy",
    "DomainClassification",
    "Level",
    "Moments",
    "Reconstruction",
    "conditioned",
    "correlation_drift",
    "correlation_drift_of_moments",
    "domain_classifier",
    "mmd",
    "reconstruction",
]
