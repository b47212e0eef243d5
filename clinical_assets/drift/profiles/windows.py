"""Any window of days and any sites, as the sum of small daily profiles."""

from collections.abc import Callable, Hashable, Mapping

from clinical_assets.drift.profiles.profile import Profile, merged


def over(
    store: Mapping[tuple[Hashable, Hashable], Profile],
    *,
    days: Callable[[Hashable], bool] | None = None,
    sites: Callable[[Hashable], bool] | None = None,
) -> Profile:
    """The profile of all rows of these days and sites.

    Args:
        store: the profile of each (day, site), all on one grid.
        days, sites: which count; all where None.

    Raises:
        ClinicalError: none is chosen, or they are on different grids.
    """
    return merged(
        found
        for (day, site), found in store.items()
        if (days is None or days(day)) and (sites is None or sites(site))
    )
