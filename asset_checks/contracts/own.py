"""Which model brings checks of its own to its dataset's contract.

A use case adds one file beside this one and one line here; a model without a line has none.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from asset_checks.contracts.diabetes import diabetes_checks

if TYPE_CHECKING:
    import pandera.polars as pa

OWN_CHECKS: "Mapping[str, Callable[[], Sequence[pa.Check]]]" = {"diabetes": diabetes_checks}


def own_checks(model: str) -> "Callable[[], Sequence[pa.Check]]":
    """What makes the checks of ``model``, for ``contract_gate(checks=...)``."""
    return OWN_CHECKS.get(model, tuple)
