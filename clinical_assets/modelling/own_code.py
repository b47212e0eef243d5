"""Calling a use case's own functions without letting a patient's value into an error.

``read`` and ``derive`` are written by users of any library, whose errors quote the values that they
stumble over. Orchestrator, logs and databases keep what an error says, so only its kind and place
may leave here (HIP-06).
"""

from collections.abc import Callable, Mapping

import polars as pl

from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.spec import ClinicalModel


def read_dataset(spec: ClinicalModel, files: Mapping[str, bytes]) -> pl.DataFrame:
    """The dataset that ``spec.read`` makes of the source's files (name → bytes).

    Raises:
        ClinicalError: the reader's own, or, for any other error, one with its type and line.
    """
    where = f"model {spec.name}; files {', '.join(files)}"
    return _frame(_called(lambda: spec.read(files), spec.read, where), spec.read, where)


def derive_features(spec: ClinicalModel, rows: pl.DataFrame) -> pl.DataFrame:
    """The features that ``spec.derive`` makes of dataset rows, of numbers and truth values.

    Raises:
        ClinicalError: the function's own; or, for any other error, one with its type and line; or
            it gives another number of rows, not every declared feature, or text for a number.
    """
    where = f"model {spec.name}"
    found = _frame(_called(lambda: spec.derive(rows), spec.derive, where), spec.derive, where)
    missing = [c.name for c in spec.features if c.name not in found.columns]
    if missing:
        raise ClinicalError(
            f"{_name(spec.derive)} does not give the declared feature {', '.join(missing)}",
            where=where,
            repair="Derive it, or take it out of the specification's features",
        )
    text = [
        f"{c.name} is {found.schema[c.name]}"
        for c in spec.features
        if not (found.schema[c.name].is_numeric() or found.schema[c.name] == pl.Boolean)
        and found.schema[c.name] != pl.Null
    ]
    if text:
        raise ClinicalError(
            f"{_name(spec.derive)} gives features that are no numbers: {', '.join(text)}",
            where=where,
            repair="Derive numbers; turn categories into columns of 0 and 1",
        )
    return found


def _called(call: Callable[[], object], function: Callable[..., object], where: str) -> object:
    try:
        return call()
    except ClinicalError:
        raise
    except Exception as error:
        kind, line = type(error).__name__, _line(error, function.__module__)
    raise ClinicalError(
        f"{_name(function)} stopped with {kind} in {line}; its message is withheld, because it "
        "may hold values",
        where=where,
        repair="Check the names and types of columns on that line; call the function by itself "
        "to see the message",
    )


def _frame(found: object, function: Callable[..., object], where: str) -> pl.DataFrame:
    if isinstance(found, pl.LazyFrame):
        found = _called(found.collect, function, where)
    if not isinstance(found, pl.DataFrame):
        raise ClinicalError(
            f"{_name(function)} gives a {type(found).__name__}, where a polars DataFrame is needed",
            where=where,
            repair="Return a polars DataFrame",
        )
    return found


def _name(function: Callable[..., object]) -> str:
    return f"{function.__module__}.{getattr(function, '__qualname__', 'function')}"


def _line(error: Exception, module: str) -> str:
    """Module and line of the innermost frame of the user's code; the module alone without one."""
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__") == module:
            line = trace.tb_lineno
        trace = trace.tb_next
    return module if line is None else f"{module} line {line}"
