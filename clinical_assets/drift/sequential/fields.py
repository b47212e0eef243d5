"""What river's detectors hold between two values, as JSON values, and put back into new ones.

No pickle: reading one runs whatever its author wrote into it. Every field is named here and checked
when it is put back, so a state can be read by a person and cannot do more than set numbers.
Infinity, which JSON lacks, is null: the minimum of nothing yet.
"""

import math
import random
from collections import deque
from collections.abc import Mapping
from typing import Any

from clinical_assets.drift.sequential import adwin_fields
from clinical_assets.drift.sequential.spec import Detector

Fields = dict[str, Any]
_RNG_WORDS = 625


def made(detector: Detector) -> Any:
    """A new detector of river."""
    from river import drift

    kinds: dict[str, Any] = {
        "page_hinkley": drift.PageHinkley,
        "adwin": drift.ADWIN,
        "ddm": drift.binary.DDM,
        "kswin": drift.KSWIN,
    }
    seed = {"seed": detector.seed} if detector.kind == "kswin" else {}
    return kinds[detector.kind](**detector.parameters, **seed)


def fields_of(detector: Detector, running: Any) -> Fields:
    """What the detector holds.

    Raises:
        ValueError: river keeps it in another way than is known here.
    """
    return {"drift": bool(running.drift_detected)} | _READ[detector.kind](running)


def filled(detector: Detector, fields: Mapping[str, Any]) -> Any:
    """A detector of river that holds these fields.

    Raises:
        ValueError: a field is missing, unknown, or holds what it cannot.
    """
    running = made(detector)
    names = {"drift", *_READ[detector.kind](running)}
    if set(fields) != names:
        raise ValueError(f"fields are {', '.join(sorted(names))}")
    _FILL[detector.kind](running, fields, detector)
    running._drift_detected = _truth(fields["drift"])
    return running


def _page_hinkley(running: Any) -> Fields:
    return {
        "n": running._x_mean.n,
        "mean": running._x_mean._mean,
        "sum_increase": running._sum_increase,
        "sum_decrease": running._sum_decrease,
        "min_increase": _or_null(running._min_increase),
        "max_decrease": running._max_decrease,
    }


def _fill_page_hinkley(running: Any, fields: Mapping[str, Any], detector: Detector) -> None:
    running._x_mean.n, running._x_mean._mean = _size(fields["n"]), _number(fields["mean"])
    running._sum_increase = _number(fields["sum_increase"])
    running._sum_decrease = _number(fields["sum_decrease"])
    running._min_increase = _or_infinite(fields["min_increase"])
    running._max_decrease = _number(fields["max_decrease"])


def _ddm(running: Any) -> Fields:
    return {
        "n": running._p.n,
        "mean": running._p._mean,
        "p_min": running._p_min,
        "s_min": running._s_min,
        "ps_min": _or_null(running._ps_min),
        "warning": bool(running.warning_detected),
    }


def _fill_ddm(running: Any, fields: Mapping[str, Any], detector: Detector) -> None:
    running._p.n, running._p._mean = _size(fields["n"]), _share(fields["mean"])
    least = [fields[name] for name in ("p_min", "s_min", "ps_min")]
    # River sets them all when the warm start is over, and reads them from then on.
    if any(value is None for value in least) != (running._p.n <= running.warm_start):
        raise ValueError("the minima of ddm do not suit its count")
    if least[0] is not None:
        running._p_min, running._s_min = _share(least[0]), _share(least[1])
    running._ps_min = _or_infinite(least[2])
    running._warning_detected = _truth(fields["warning"])


def _kswin(running: Any) -> Fields:
    version, words, spare = running._rng.getstate()
    if version != 3 or spare is not None:
        raise ValueError("Python keeps its random numbers in another way")
    return {
        "n": running.n,
        "p": float(running.p_value),
        "window": [float(value) for value in running.window],
        "random": list(words),
    }


def _fill_kswin(running: Any, fields: Mapping[str, Any], detector: Detector) -> None:
    window, words = fields["window"], fields["random"]
    if not isinstance(window, list) or len(window) > running.window_size:
        raise ValueError("the window of kswin is too long")
    if not isinstance(words, list) or len(words) != _RNG_WORDS:
        raise ValueError("the state of the random numbers has another length")
    if any(type(word) is not int or not 0 <= word < 2**32 for word in words):
        raise ValueError("the state of the random numbers is none")
    if not 1 <= words[-1] <= _RNG_WORDS - 1:
        raise ValueError("the state of the random numbers is none")
    running.n, running.p_value = int(_size(fields["n"])), _share(fields["p"])
    running.window = deque(map(_number, window), maxlen=running.window_size)
    running._rng = random.Random(0)  # noqa: S311  the draws of a test, not a secret
    running._rng.setstate((3, tuple(words), None))


def _adwin(running: Any) -> Fields:
    return {"window": adwin_fields.read(running._helper.__getstate__())}


def _fill_adwin(running: Any, fields: Mapping[str, Any], detector: Detector) -> None:
    window = fields["window"]
    if not isinstance(window, dict):
        raise ValueError("the window of ADWIN is none")
    running._helper.__setstate__(adwin_fields.written(window, detector.parameters))


_READ = {"page_hinkley": _page_hinkley, "ddm": _ddm, "kswin": _kswin, "adwin": _adwin}
_FILL = {
    "page_hinkley": _fill_page_hinkley,
    "ddm": _fill_ddm,
    "kswin": _fill_kswin,
    "adwin": _fill_adwin,
}


def _number(value: object) -> float:
    return adwin_fields.bounded(value)


def _size(value: object) -> float:
    if (found := _number(value)) < 0 or found != int(found):
        raise ValueError("a count is none")
    return found


def _share(value: object) -> float:
    if not 0 <= (found := _number(value)) <= 1:
        raise ValueError("a share is none")
    return found


def _truth(value: object) -> bool:
    if type(value) is not bool:
        raise ValueError("a field is neither true nor false")
    return value


def _or_null(value: float) -> float | None:
    return None if value == math.inf else value


def _or_infinite(value: object) -> float:
    return math.inf if value is None else _number(value)
