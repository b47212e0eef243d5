"""Which models this installation has."""

import importlib
import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path

from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.spec import ClinicalModel

_HERE = Path(__file__).resolve().parent
BUILT_IN = ("clinical_assets.diabetes.spec:MODEL",)


def models(extra: Sequence[str] = ()) -> tuple[ClinicalModel, ...]:
    """The built-in models, then those named as ``module:ATTRIBUTE`` in ``extra``.

    Raises:
        ClinicalError: a name cannot be imported, or two models have the same name.
    """
    found = tuple(load_spec(entry_point) for entry_point in (*BUILT_IN, *extra))
    names = [spec.name for spec in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ClinicalError(
            f"Two models are named {', '.join(twice)}",
            where="CLINICAL_MODELS",
            repair="Give each specification a name of its own",
        )
    return found


def load_spec(entry_point: str) -> ClinicalModel:
    """The spec that ``module:ATTRIBUTE`` names.

    Raises:
        ClinicalError: the module or the attribute does not exist, its code fails, or it is not a
            spec.
    """
    module_name, _, attribute = entry_point.partition(":")
    top = module_name.partition(".")[0]
    repair = "Name an importable spec as module:ATTRIBUTE, for example my_model:MODEL"
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except ModuleNotFoundError as error:
        if error.name == top:
            repair = f"Add the folder that holds {top} to PYTHONPATH, or correct CLINICAL_MODELS"
        raise _failed(entry_point, error, repair) from error
    except AttributeError as error:
        mend = f"{repair}, or mend the named line"
        raise _failed(entry_point, error, mend) from error
    except (Exception, SystemExit) as error:
        raise _failed(entry_point, error, "Mend the specification, then run again") from error
    if not isinstance(found, ClinicalModel):
        raise ClinicalError(f"{entry_point!r} is not a ClinicalModel", repair=repair)
    return found


def _failed(entry_point: str, error: BaseException, repair: str) -> ClinicalError:
    """The error's own words may be shown: a specification holds no patient's data."""
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    words = " ".join(f"{type(error).__name__}: {said}".split())
    return ClinicalError(
        f"The model specification {entry_point!r} cannot be imported ({words})",
        where=_line(error),
        repair=repair,
    )


def _is_library(file: Path) -> bool:
    names = ("purelib", "platlib", "stdlib", "platstdlib")
    return any(file.is_relative_to(sysconfig.get_path(name)) for name in names)


def _line(error: BaseException) -> str:
    """File and line of the user's code where the import stopped; empty if it never began."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename} line {error.lineno}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)[1:]
        if not frame.filename.startswith("<") and not _is_library(Path(frame.filename))
    ]
    own = [frame for frame in frames if not Path(frame.filename).is_relative_to(_HERE)] or frames
    return f"{own[-1].filename} line {own[-1].lineno}" if own else ""
