"""How every asset of a model is declared: key, group, owner, and inputs by name."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dagster import AssetIn, AssetKey, AssetsDefinition, asset

from clinical_assets.modelling.spec import ClinicalModel


def model_asset(
    spec: ClinicalModel,
    name: str,
    *,
    reads: Sequence[str] = (),
    after: Sequence[str] = (),
    kinds: Sequence[str],
    description: str,
    metadata: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], AssetsDefinition]:
    """Declares ``<model>/<name>``.

    Args:
        reads: names of the model's assets whose values the function takes, as parameters of the
            same names.
        after: names of the model's assets that come before it without handing it a value.
        kinds: technologies shown on the node in Dagster's UI.
        description: Markdown; says what the asset is and cites the requirements that it serves.
        metadata: what is known before any run, such as the schema of a table.
    """
    return asset(
        key=AssetKey([spec.name, name]),
        ins={parameter: AssetIn(AssetKey([spec.name, parameter])) for parameter in reads},
        deps=[AssetKey([spec.name, name]) for name in after],
        group_name=spec.name,
        owners=[spec.owner],
        kinds=set(kinds),
        description=description,
        metadata=dict(metadata or {}),
    )
