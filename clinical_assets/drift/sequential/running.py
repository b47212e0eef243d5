"""A detector at work: values in, alarms out, its state as JSON between two runs.

A missing value (None or NaN) has a place in the stream but tells a detector nothing: it is counted
and passed over. An infinite one, or one beyond 1e100, would leave every later sum meaningless: it
is refused, together with the values given with it.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from clinical_assets.drift.sequential.fields import fields_of, filled, made
from clinical_assets.drift.sequential.spec import Detector
from clinical_assets.errors import ClinicalError

FORMAT = 1
LARGEST = 1e100  # its square, a thousand million times, is still a number
_NAMES = {"format", "river", "detector", "position", "missing", "since", "fields"}
_COUNTS = ("position", "missing", "since")


@dataclass(frozen=True, slots=True)
class Alarm:
    """A change that a detector saw; it then begins anew.

    Attributes:
        index: place in the whole stream of the value at which it was seen, the first being 0.
        seen: values it took in since it began or began anew.
    """

    index: int
    seen: int

    def to_dict(self) -> dict[str, int]:
        """Plain values for JSON."""
        return asdict(self)

    def explain(self) -> str:
        """One sentence."""
        return f"A change was seen at place {self.index}, after {self.seen} values."


class Running:
    """A detector that watches one stream.

    >>> running = Running(Detector("page_hinkley", {"threshold": 5.0}))
    >>> running.update([0.0] * 50)
    []
    >>> resumed = restored(running.state())
    >>> resumed.update([1.0] * 50)
    [Alarm(index=55, seen=56)]
    """

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.position = self.missing = self._since = 0
        self._inner = made(detector)

    @property
    def warning(self) -> bool:
        """Whether it is in the zone before an alarm; only ``ddm`` has one."""
        return bool(getattr(self._inner, "warning_detected", False))

    def update(self, values: Iterable[float | None]) -> list[Alarm]:
        """Takes in the next values of the stream, all or none.

        Raises:
            ClinicalError: a value is no number that this detector can take.
        """
        alarms = []
        for value in [self._checked(i, value) for i, value in enumerate(values)]:
            if value is None:
                self.missing += 1
            else:
                self._inner.update(value)
                self._since += 1
                if self._inner.drift_detected:
                    alarms.append(Alarm(self.position, self._since))
                    self._since = 0
            self.position += 1
        return alarms

    def state(self) -> str:
        """Everything it needs to go on, as JSON.

        Raises:
            ClinicalError: this version of river keeps it in a way that is not known here.
        """
        try:
            return self._written()
        except (ValueError, AttributeError) as error:
            raise ClinicalError(
                f"The state of {self.detector.kind} cannot be read from river {version('river')}:"
                f" {error}",
                repair="Install the river of requirements.lock",
            ) from error

    def _written(self) -> str:
        found = {
            "format": FORMAT,
            "river": version("river"),
            "detector": self.detector.to_dict(),
            "position": self.position,
            "missing": self.missing,
            "since": self._since,
            "fields": fields_of(self.detector, self._inner),
        }
        return json.dumps(found, allow_nan=False, separators=(",", ":"))

    def _checked(self, offset: int, value: Any) -> float | None:
        try:
            found = None if value is None else float(value)
        except (TypeError, ValueError, OverflowError):
            found = math.inf
        if found is None or math.isnan(found):
            return None
        wanted = ""
        if self.detector.kind == "ddm" and found not in (0.0, 1.0):
            wanted = "ddm takes 0 (right) and 1 (wrong)"
        elif abs(found) > LARGEST:
            wanted = "a detector takes numbers up to 1e100 in size"
        if wanted:
            raise ClinicalError(
                f"A value of the stream cannot be taken in: {wanted}",
                where=f"place {self.position + offset}",
                repair="Correct it, or give None where it is missing; nothing was taken in",
            )
        return found


def restored(state: str, expected: Detector | None = None) -> Running:
    """A detector that goes on where :meth:`Running.state` was called.

    Args:
        state: what that call gave.
        expected: refuse the state of any other detector.

    Raises:
        ClinicalError: it is no such state, of another format, another river, another detector, or
            holds what a detector cannot hold.
    """
    found = _read(state)
    detector = _detector(found["detector"])
    if expected is not None and detector != expected:
        raise _refused("It is of a detector with other parameters than are asked for")
    counts = [found[name] for name in _COUNTS]
    if any(type(count) is not int or count < 0 for count in counts):
        raise _refused("A count of it is none")
    if found["missing"] + found["since"] > found["position"]:
        raise _refused("Its counts contradict each other")
    running = Running(detector)
    running.position, running.missing, running._since = counts
    try:
        running._inner = filled(detector, found["fields"])
    except (ValueError, TypeError, OverflowError) as error:
        raise _refused(f"Its fields are not those of {detector.kind}: {error}") from error
    return running


def _read(state: str) -> dict[str, Any]:
    try:
        found = json.loads(state)
    except (ValueError, TypeError, RecursionError) as error:
        raise _refused("It is no JSON") from error
    if not isinstance(found, dict) or "format" not in found:
        raise _refused("It is none")
    if type(found["format"]) is not int or found["format"] != FORMAT:
        raise _refused(f"It is of another format than {FORMAT}, the one that is known here")
    if set(found) != _NAMES:
        raise _refused("It lacks a part, or has one too many")
    if found["river"] != (here := version("river")):
        raise _refused(
            f"It was written with river {str(found['river'])[:20]}, and this is river {here};"
            " whether both would go on alike is not known"
        )
    return found


def _detector(values: Any) -> Detector:
    if not isinstance(values, dict) or set(values) != {"kind", "parameters", "seed"}:
        raise _refused("It does not say of which detector")
    if not isinstance(values["parameters"], dict) or not isinstance(values["kind"], str):
        raise _refused("It does not say of which detector")
    return Detector(**values)


def _refused(why: str) -> ClinicalError:
    return ClinicalError(
        f"The saved state of a detector is not taken up. {why}",
        where="state",
        repair="Begin the detector anew and let it see the stream again from its stable part",
    )
