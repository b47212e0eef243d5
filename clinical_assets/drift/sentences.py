"""A column's drift in words for a clinician: each number with what it means."""

from collections.abc import Callable, Mapping, Sequence

Statistic = float | int | None

_MISSING = "of its values are missing"
_MOST_DIGITS = 7


def digits(value: Statistic) -> str:
    """A statistic as it is shown: three decimals, or three digits from 10 up; – for none.

    >>> digits(0.2345), digits(0.00012), digits(1234.5), digits(None)
    ('0.234', '0.0001', '1,234', '–')
    """
    if value is None:
        return "–"
    if value and abs(value) < 0.0005:
        return f"{value:.1g}" if abs(value) < 1e-4 else f"{value:.4f}"
    if abs(value) >= 1e6:
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.{1 if abs(value) >= 10 else 3}f}"


def apart(before: float, after: float, least: int = 3) -> tuple[str, str]:
    """Both numbers with as many digits as it takes to tell them apart, of seven at most.

    >>> apart(36.94, 37.14), apart(37.08, 37.12), apart(1.0, 1.0)
    (('36.9', '37.1'), ('37.08', '37.12'), ('1', '1'))
    """
    return _told(before, after, least, lambda value, places: f"{value:.{places}g}")


def shares(before: float, after: float) -> tuple[str, str]:
    """Both shares in per cent, with as many digits as it takes to tell them apart, and from none
    and all.

    >>> shares(0.327, 0.0), shares(0.9995, 0.99996), shares(0.5, 0.5)
    (('32.7%', '0.0%'), ('99.950%', '99.996%'), ('50.0%', '50.0%'))
    """
    return _told(before, after, 1, lambda value, places: f"{value:.{places}%}", (0.0, 1.0))


def _told(
    before: float,
    after: float,
    least: int,
    shown: Callable[[float, int], str],
    others: Sequence[float] = (),
) -> tuple[str, str]:
    """Both with so many places that they look different, and different from the others, where they
    are; with the least where no number of places does it."""
    values = {before, after, *others}
    for places in range(least, _MOST_DIGITS + 1):
        if len({shown(value, places) for value in values}) == len(values):
            break
    else:
        places = least
    return shown(before, places), shown(after, places)


def of_missing(before: Statistic, after: Statistic) -> str:
    """That more or fewer values are missing, as a reason."""
    ours, theirs = shares(before or 0, after or 0)
    return f"{theirs} {_MISSING}, {ours} in the reference"


def change_of_missing(change: float, threshold: float) -> str:
    """That the share of missing values changed more than it does by itself, as a reason."""
    return (
        f"{100 * change:.1f} percentage points more or fewer {_MISSING} (threshold "
        f"{100 * threshold:.1f})"
    )


def only_missing(reasons: Sequence[str]) -> bool:
    """Whether nothing but the share of missing values speaks for drift.

    >>> only_missing([of_missing(0.1, 0.3)]), only_missing(["its distribution changed"])
    (True, False)
    """
    return bool(reasons) and all(_MISSING in r and "distribution" not in r for r in reasons)


def sentence(kind: str, statistics: Mapping[str, Statistic], reasons: Sequence[str]) -> str:
    """Why a column counts as drifted, and how large the change is in terms of its values, where it
    is they that changed.

    >>> sentence("boolean", {"total_variation": 0.25}, ["its distribution changed (PSI 0.3)"])
    'its distribution changed (PSI 0.3). 25.0% of the rows would need another level to match the
    reference.'
    """
    size = "" if only_missing(reasons) else "; ".join(magnitudes(kind, statistics))
    return " ".join([f"{'; '.join(reasons)}.", f"{size[:1].upper()}{size[1:]}."][: 1 + bool(size)])


def magnitudes(kind: str, statistics: Mapping[str, Statistic]) -> list[str]:
    """How far the two sides are apart, each number with its meaning.

    >>> magnitudes("numeric", {"ks": 0.5})
    ['the share of values below a limit differs by up to 50.0 percentage points (KS)']
    """
    ks, moved = statistics.get("ks"), statistics.get("wasserstein")
    varied = statistics.get("total_variation")
    found = []
    if ks:
        found.append(
            f"the share of values below a limit differs by up to {100 * ks:.1f} percentage points"
            " (KS)"
        )
    if moved and kind == "numeric":
        found.append(
            f"values have moved by {digits(moved)} on average, in the column's unit (Wasserstein)"
        )
    if varied and kind in ("category", "boolean"):
        found.append(f"{varied:.1%} of the rows would need another level to match the reference")
    return found
