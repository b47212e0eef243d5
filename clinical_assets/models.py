"""Which models this installation has."""

import importlib
from collections.abc import Sequence

from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.spec import ClinicalModel

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
        ClinicalError: the module or the attribute does not exist, or is not a spec.
    """
    module_name, _, attribute = entry_point.partition(":")
    repair = "Name an importable spec as module:ATTRIBUTE, for example my_model:MODEL"
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ClinicalError(
            f"The model specification {entry_point!r} cannot be imported ({error})", repair=repair
        ) from error
    if not isinstance(found, ClinicalModel):
        raise ClinicalError(f"{entry_point!r} is not a ClinicalModel", repair=repair)
    return found
