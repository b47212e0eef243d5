"""Detectors that watch a stream value by value and go on where the last run stopped.

What belongs here: four detectors of river behind one interface, and their state as JSON. What does
not: where the state is kept, who is told of an alarm, and how a performance is computed.
"""

from clinical_assets.drift.sequential.running import Alarm, Running, restored
from clinical_assets.drift.sequential.spec import Detector, Kind

__all__ = ["Alarm", "Detector", "Kind", "Running", "restored"]
