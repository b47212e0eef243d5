"""Calling a use case's own reader without letting a patient's value into an error.

Readers are written by users of any library, whose errors quote the values that they stumble over.
Orchestrator, logs and databases keep what an error says, so only its kind and place may leave here
(HIP-06).
"""

from collections.abc import Mapping

import polars as pl

from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.spec import ClinicalModel


def read_dataset(spec: ClinicalModel, files: Mapping[str, bytes]) -> pl.DataFrame:
    """The dataset that ``spec.read`` makes of the source's files (name → bytes).

    Raises:
        ClinicalError: the reader's own, or, for any other error, one with its type and line.
    """
    try:
        return spec.read(files)
    except ClinicalError:
        raise
    except Exception as error:
        kind, place = type(error).__name__, _line(error, spec.read.__module__)
    raise ClinicalError(
        f"The reader of the source stopped with {kind}; its message is withheld, because it may"
        " hold values",
        where=f"model {spec.name}, {place}; files {', '.join(files)}",
        repair="Run the reader on the files by itself to see the message, then mend file or reader",
    )


def _line(error: Exception, module: str) -> str:
    """Module and line of the reader's innermost frame; the module alone where it has none."""
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__") == module:
            line = trace.tb_lineno
        trace = trace.tb_next
    return module if line is None else f"{module} line {line}"
