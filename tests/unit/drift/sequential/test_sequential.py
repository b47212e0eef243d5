"""The detectors against river itself, and saved and restored against never interrupted."""

import json
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical_assets.drift.sequential import Detector, Running, restored
from clinical_assets.drift.sequential.spec import DEFAULTS
from clinical_assets.errors import ClinicalError

# Small enough that streams of a few hundred values hold several alarms.
QUICK = {
    "page_hinkley": Detector("page_hinkley", {"threshold": 4.0, "min_instances": 10}),
    "adwin": Detector("adwin", {"delta": 0.2, "clock": 4, "max_buckets": 3}),
    "ddm": Detector("ddm", {"warm_start": 10}),
    "kswin": Detector("kswin", {"alpha": 0.02, "window_size": 24, "stat_size": 8}, seed=7),
}


def stepping(seed: int = 3, length: int = 400) -> list[float]:
    """Zeros and ones whose share of ones steps up and down."""
    draw = random.Random(seed)
    return [float(draw.random() < (0.1, 0.8, 0.3, 0.9)[4 * i // length]) for i in range(length)]


def plain(detector: Detector, values: list[float]) -> list[int]:
    """River alone, as its pages show it."""
    from river import drift

    kinds = {"page_hinkley": drift.PageHinkley, "adwin": drift.ADWIN, "kswin": drift.KSWIN}
    kinds["ddm"] = drift.binary.DDM
    seeded = {"seed": detector.seed} if detector.kind == "kswin" else {}
    inner, found = kinds[detector.kind](**detector.parameters, **seeded), []
    for i, value in enumerate(values):
        inner.update(value)
        if inner.drift_detected:
            found.append(i)
    return found


def test_ddm_known_answer() -> None:
    draw = np.random.RandomState(12345)
    stream = [*draw.binomial(1, 0.2, 1000), *draw.binomial(1, 0.8, 1000)]
    assert [alarm.index for alarm in Running(Detector("ddm")).update(stream)] == [1049]


@pytest.mark.parametrize(
    ("detector", "place"),
    [
        (Detector("page_hinkley"), 1006),
        (Detector("adwin"), 1023),
        (Detector("kswin", {"alpha": 0.0001}, seed=42), 1016),
    ],
)
def test_known_answers_of_river(detector: Detector, place: int) -> None:
    draw = random.Random(12345)
    stream = draw.choices([0, 1], k=1000) + draw.choices(range(4, 8), k=1000)
    first = Running(detector)
    before = first.update(stream[:700])
    assert before == []
    assert [a.index for a in restored(first.state()).update(stream[700:1100])] == [place]


@pytest.mark.parametrize("kind", QUICK)
def test_same_alarms_as_river_alone(kind: str) -> None:
    found = [alarm.index for alarm in Running(QUICK[kind]).update(stepping())]
    assert found == plain(QUICK[kind], stepping())
    assert found


@pytest.mark.parametrize("kind", QUICK)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_split_gives_the_same_alarms(kind: str, data: st.DataObject) -> None:
    length = 100
    stream: list[float | None] = list(stepping(data.draw(st.integers(0, 5)), length))
    if kind != "ddm":
        scale = data.draw(st.sampled_from([1.0, 1e-3, 7.3, 1e8]))
        stream = [None if v is None else v * scale for v in stream]
    for place in data.draw(st.lists(st.integers(0, length - 1), max_size=5)):
        stream[place] = data.draw(st.sampled_from([None, math.nan]))
    whole = Running(QUICK[kind])
    at_once = whole.update(stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, length), max_size=6)))
    running, found = Running(QUICK[kind]), []
    for start, end in zip([0, *cuts], [*cuts, length], strict=True):
        running = restored(running.state(), QUICK[kind])
        found += running.update(stream[start:end])
    assert found == at_once
    assert running.state() == whole.state()


@pytest.mark.parametrize("kind", QUICK)
def test_saved_after_every_value(kind: str) -> None:
    running, found = Running(QUICK[kind]), []
    for value in stepping(length=200):
        running = restored(running.state())
        found += running.update([value])
    assert found == Running(QUICK[kind]).update(stepping(length=200))
    assert found


def test_defaults_are_those_of_river() -> None:
    import inspect

    from river import drift

    kinds = {"page_hinkley": drift.PageHinkley, "adwin": drift.ADWIN, "kswin": drift.KSWIN}
    for kind, of_river in (kinds | {"ddm": drift.binary.DDM}).items():
        signature = inspect.signature(of_river)
        for name, default in DEFAULTS[kind].items():
            assert signature.parameters[name].default == default, (kind, name)


def test_missing_values_have_a_place_and_tell_nothing() -> None:
    stream = stepping()
    gaps = [x for value in stream for x in (None, value)]
    running = Running(QUICK["ddm"])
    alarms = running.update(gaps)
    without = Running(QUICK["ddm"]).update(stream)
    assert [(a.index, a.seen) for a in alarms] == [(2 * a.index + 1, a.seen) for a in without]
    assert (running.position, running.missing) == (800, 400)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, 1e101, 10**400, "x", 0.5])
def test_what_cannot_be_taken_in_leaves_it_as_it_was(bad: object) -> None:
    running = Running(QUICK["ddm"])
    running.update(stepping(length=50))
    before = running.state()
    with pytest.raises(ClinicalError, match="place 51"):
        running.update([1.0, bad])  # type: ignore[list-item]
    assert running.state() == before


@pytest.mark.parametrize("kind", ["page_hinkley", "adwin", "kswin"])
@pytest.mark.parametrize("value", [0.0, 1e100, -1e100, 5e-324, 2.0**60])
def test_large_and_small_values_can_be_saved(kind: str, value: float) -> None:
    running = Running(QUICK[kind])
    running.update([value, -value] * 60)
    assert restored(running.state()).state() == running.state()


def test_empty_stream() -> None:
    for detector in QUICK.values():
        running = Running(detector)
        assert running.update([]) == running.update([None]) == []
        assert restored(running.state()).position == 1


def test_warning_survives() -> None:
    running = Running(Detector("ddm"))
    draw = random.Random(1)
    while not running.warning:
        running.update([float(draw.random() < (0.1 if running.position < 300 else 0.3))])
    assert restored(running.state()).warning


@pytest.mark.parametrize("kind", QUICK)
def test_no_hostile_state_is_taken_up(kind: str) -> None:
    """Each part of a state replaced by what does not belong: refused in words, or a number like any
    other, with which the detector goes on."""
    running = Running(QUICK[kind])
    running.update(stepping(length=60))
    good = json.loads(running.state())
    for path in leaves(good):
        for bad in ("x", None, -1, 2**70, 1e308, [], {}, True, 3):
            changed = json.loads(running.state())
            place = changed
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = bad
            try:
                taken = restored(json.dumps(changed))
            except ClinicalError:
                continue
            taken.update(stepping(length=20))
            taken.state()


def leaves(value: object, path: tuple = ()) -> list[tuple]:
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in [(*path, k), *leaves(v, (*path, k))]]
    if isinstance(value, list):
        return [p for i in (0, len(value) - 1) if value for p in leaves(value[i], (*path, i))]
    return [path]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "another format"),
        ({"river": "0.21.0"}, "written with river 0.21.0, and this is river"),
        ({"more": 1}, "one too many"),
        ({"position": 3, "missing": 3, "since": 1}, "contradict"),
        ({"fields": {}}, "fields are"),
    ],
)
def test_states_that_are_refused(change: dict, words: str) -> None:
    state = json.loads(Running(QUICK["ddm"]).state()) | change
    with pytest.raises(ClinicalError, match=words):
        restored(json.dumps(state))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", "[" * 100_000])
def test_what_is_no_state(text: str) -> None:
    with pytest.raises(ClinicalError, match="not taken up"):
        restored(text)


def test_state_of_another_detector_is_refused() -> None:
    with pytest.raises(ClinicalError, match="other parameters"):
        restored(Running(QUICK["ddm"]).state(), expected=Detector("ddm"))


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("nothing", {}),
        ("ddm", {"clock": 1}),
        ("ddm", {"warm_start": 0}),
        ("ddm", {"warm_start": True}),
        ("ddm", {"drift_threshold": math.nan}),
        ("ddm", {"drift_threshold": 1.0}),
        ("adwin", {"delta": 0.0}),
        ("adwin", {"delta": "0.1"}),
        ("adwin", {"max_buckets": 10**9}),
        ("kswin", {"window_size": 50}),
        ("kswin", {"alpha": 1.0}),
        ("page_hinkley", {"mode": "sideways"}),
        ("page_hinkley", {"alpha": 1.5}),
    ],
)
def test_senseless_detectors(kind: str, parameters: dict) -> None:
    with pytest.raises(ClinicalError):
        Detector(kind, parameters)  # type: ignore[arg-type]


def test_a_detector_is_a_value() -> None:
    one = Detector("kswin", {"alpha": 0.01}, seed=1)
    assert one == Detector(**one.to_dict())
    assert hash(one) == hash(Detector(**one.to_dict()))
    assert one != Detector("kswin", {"alpha": 0.01}, seed=2)
    assert Detector("page_hinkley", {"alpha": 1}).parameters["alpha"] == 1


def test_importing_does_not_import_river() -> None:
    import subprocess
    import sys

    code = "import sys, clinical_assets.drift.sequential; print('river' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
