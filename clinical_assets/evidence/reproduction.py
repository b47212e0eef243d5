"""Whether a rebuilt model is the packaged one: a verdict in rows, one for each thing compared.

On the same platform (same interpreter, operating system, processor features and numeric
libraries) everything must be equal bit for bit. On another one, floating-point arithmetic may
round otherwise, so stated tolerances apply, and the verdict says that they did (AID-03, GML-02).
Building and running is the command's; nothing here starts a process.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from clinical_assets.canonical import sha256
from clinical_assets.evidence.manifest import PLATFORM
from clinical_assets.evidence.numeric_comparison import (
    FrameComparison,
    JsonComparison,
    compare_frames,
    compare_json,
)
from clinical_assets.modelling.records import Verdict

PROBABILITY_TOLERANCE = 1e-6
METRIC_TOLERANCE = 1e-4
FEATURE_TOLERANCE = 1e-9
INFORMATIVE = frozenset({"cpu_count", "cpu_model", "kernel"})
PACKAGED = {
    "spec.json": "spec.json",
    "dataset.parquet": "data/dataset.parquet",
    "split.parquet": "data/split.parquet",
    "features.parquet": "data/features.parquet",
    "candidate.json": "candidate.json",
    "model.onnx": "model/model.onnx",
    "model.skops": "model/model.skops",
    "protocol.json": "protocol.json",
    "test_predictions.parquet": "evaluation/test_predictions.parquet",
    "evaluation.json": "evaluation/evaluation.json",
}
"""What a rebuild makes again, and where it stands in the package."""

REBUILT = (*PACKAGED, "platform.json")

Rule = Literal["bit for bit", "tolerance"]


@dataclass(frozen=True, slots=True)
class Row:
    """One thing compared.

    Attributes:
        what: what was compared.
        expected, got: of the package and of the rebuild: digests or numbers as text.
        identical: equal bit for bit.
        difference: largest absolute difference of the numbers; None where there is none to take.
        tolerance: the largest that the rule permits; None where equality was demanded.
        passed: by the rule that was applied.
        note: why it passed or failed where that is not plain.
    """

    what: str
    expected: str
    got: str
    identical: bool
    difference: float | None
    tolerance: float | None
    passed: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Reproduction:
    """The verdict.

    Attributes:
        rule: ``bit for bit`` on the same platform, else ``tolerance``.
        platform_differences: in what the platforms differ; empty under ``bit for bit``.
        rows: everything compared.
    """

    rule: Rule
    platform_differences: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        """Every row passed, and there are rows."""
        return bool(self.rows) and all(row.passed for row in self.rows)

    def verdict(self) -> Verdict:
        """The verdict as the reproducibility gate shows it."""
        failed = [row for row in self.rows if not row.passed]
        named = "; ".join(f"{row.what}: {row.note or 'differs'}" for row in failed[:5])
        more = f"; and {len(failed) - 5} more" if len(failed) > 5 else ""
        gaps = [row.difference for row in self.rows if row.difference is not None]
        summary = (
            f"The rebuild equals the package in all {len(self.rows)} things compared ({self.rule})."
            if self.passed
            else f"The rebuild differs from the package ({self.rule}): {named}{more}."
        )
        measured: dict[str, float | str | None] = {
            "compared": float(len(self.rows)),
            "identical": float(sum(row.identical for row in self.rows)),
            "failed": float(len(failed)),
            "largest_difference": max(gaps, default=None),
            "rule": self.rule,
        }
        return Verdict("reproducibility", self.passed, summary, measured)


def compare(files: Mapping[str, bytes], rebuilt: Path) -> Reproduction:
    """Compare a verified package with what was rebuilt from it.

    Args:
        files: the package's files by path.
        rebuilt: folder with the files of :data:`REBUILT`; ``platform.json`` there tells of the
            machine and environment that rebuilt, and equality bit for bit is demanded without it.

    Returns:
        The verdict; a missing or unreadable file is a row that did not pass.
    """
    made = {name: _read(rebuilt / name) for name in REBUILT}
    differences = platform_differences(_object(files.get(PLATFORM)), _object(made["platform.json"]))
    exact = not differences

    def pair(name: str) -> tuple[bytes | None, bytes | None]:
        return files.get(PACKAGED[name]), made[name]

    def table(what: str, tolerance: float) -> Row:
        frames = compare_frames(*pair(f"{what.replace(' ', '_')}.parquet"))
        return _frame_row(what, frames, None if exact else tolerance)

    predictions = table("test predictions", PROBABILITY_TOLERANCE)
    rows = [
        _file_row("declaration", *pair("spec.json")),
        table("dataset", 0.0),
        table("split", 0.0),
        table("features", FEATURE_TOLERANCE),
        _model_row("model (ONNX bytes)", *pair("model.onnx"), predictions, exact),
        _model_row("model (skops bytes)", *pair("model.skops"), predictions, exact),
        _model_row("record of the candidate", *pair("candidate.json"), predictions, exact),
        _model_row("frozen protocol", *pair("protocol.json"), predictions, exact),
        predictions,
        *_evaluation_rows(compare_json(*pair("evaluation.json"), exact=exact), exact),
    ]
    return Reproduction("bit for bit" if exact else "tolerance", differences, tuple(rows))


def platform_differences(
    packaged: Mapping[str, Any] | None, here: Mapping[str, Any] | None
) -> tuple[str, ...]:
    """In what two platforms differ, as sentences; empty where results must be bit-identical.

    Every fact counts but those of :data:`INFORMATIVE`: kernel release, number and model name of
    the processors (its instruction sets and the arithmetic kernel chosen for it do count). Where
    either side is unknown nothing is a known difference: doubt never loosens the rule.
    """
    if not packaged or not here:
        return ()
    found = []
    for key in sorted((set(packaged) | set(here)) - INFORMATIVE):
        before, now = packaged.get(key), here.get(key)
        if before == now:
            continue
        if isinstance(before, dict) and isinstance(now, dict):
            found += [
                f"{key}.{name}: {before.get(name)} then, {now.get(name)} here"
                for name in sorted(set(before) | set(now))
                if before.get(name) != now.get(name)
            ]
        elif isinstance(before, list) and isinstance(now, list):
            then, there = set(map(_words, before)), set(map(_words, now))
            lost, new = sorted(then - there), sorted(there - then)
            found += [f"{key}: {', '.join(lost)} only then"] if lost else []
            found += [f"{key}: {', '.join(new)} only here"] if new else []
        else:
            found.append(f"{key}: {before} then, {now} here")
    return tuple(found)


def python_difference(packaged: str, here: str) -> str:
    """A sentence where two Python versions differ in major or minor version; empty otherwise.

    >>> python_difference("3.11.7", "3.11.9")
    ''
    """
    if packaged.split(".")[:2] == here.split(".")[:2]:
        return ""
    return (
        f"The package was made with Python {packaged}, the rebuild runs on {here}: another minor "
        "version, so equality bit for bit is not demanded"
    )


def _file_row(what: str, expected: bytes | None, got: bytes | None) -> Row:
    before, now = (None if data is None else sha256(data) for data in (expected, got))
    identical = before is not None and before == now
    return Row(what, before or "missing", now or "missing", identical, None, None, identical)


def _model_row(
    what: str, expected: bytes | None, got: bytes | None, predictions: Row, exact: bool
) -> Row:
    """What holds the model's weights or a digest of them: their last bits may be rounded apart."""
    row = _file_row(what, expected, got)
    if row.identical or exact or not got or not expected:
        return row
    return replace(
        row,
        difference=predictions.difference,
        tolerance=predictions.tolerance,
        passed=predictions.passed,
        note="judged by the test predictions",
    )


def _frame_row(what: str, frames: FrameComparison, tolerance: float | None) -> Row:
    within = (
        tolerance is not None and frames.difference is not None and frames.difference <= tolerance
    )
    return Row(
        what=what,
        expected=frames.expected or "missing",
        got=frames.got or "missing",
        identical=frames.identical,
        difference=frames.difference,
        tolerance=tolerance,
        passed=frames.identical or within,
        note=frames.note,
    )


def _evaluation_rows(evaluation: JsonComparison, exact: bool) -> list[Row]:
    tolerance = None if exact else METRIC_TOLERANCE
    rows = [
        Row(
            what=f"evaluation: {part.name}",
            expected=part.expected,
            got=part.got,
            identical=part.identical,
            difference=part.difference,
            tolerance=tolerance,
            passed=part.identical
            or (tolerance is not None and part.comparable and part.difference <= tolerance),
            note=part.note,
        )
        for part in evaluation.parts
    ]
    if evaluation.problem or not rows:
        problem = evaluation.problem or "it holds nothing to compare"
        rows.append(
            Row("evaluation", "a JSON object", "unusable", False, None, tolerance, False, problem)
        )
    return rows


def _words(fact: Any) -> str:
    if isinstance(fact, dict):
        return " ".join(str(fact[key]) for key in sorted(fact, reverse=True))
    return str(fact)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _object(data: bytes | None) -> dict[str, Any] | None:
    try:
        plain = json.loads(data or b"")
    except (ValueError, RecursionError):
        return None
    return plain if isinstance(plain, dict) else None
