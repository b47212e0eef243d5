"""The header line of a delimited file against the declared columns, with every difference named.

What belongs here: comparing two lists of names and saying how they differ. What does not: rows.
A first line that holds none of the declared names may be a patient's row, so nothing of it is
quoted.
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from clinical_assets.errors import ClinicalError

_NAME = re.compile(r"[^\W\d_][\w .()/%#-]{0,39}")


def check_header(file: str, found: Sequence[str], expected: Sequence[str]) -> None:
    """Accept ``found`` only if it equals ``expected``, name by name and in the same order.

    Raises:
        ClinicalError: naming each missing, unexpected, renamed, repeated or reordered column.
    """
    if list(found) == list(expected):
        return
    if not {_folded(name) for name in found} & {_folded(name) for name in expected}:
        raise ClinicalError(
            "Line 1 holds none of the declared column names, so it may be a data row",
            where=f"{file}, line 1",
            repair=f"Put the header in the first line: {','.join(expected)}",
        )
    raise ClinicalError(
        "The header differs from the declared columns: "
        + "; ".join(differences(found, expected, place="position")),
        where=f"{file}, line 1",
        repair=f"The header must read {','.join(expected)}",
    )


def differences(found: Sequence[str], expected: Sequence[str], *, place: str = "") -> list[str]:
    """What is wrong with ``found``: one phrase a fault, empty if only the lists' order may differ.

    Args:
        found: the names as they are.
        expected: the declared names.
        place: where given, unexpected names carry it with their 1-based number, and a table whose
            names are right but in another order is a fault.
    """
    phrases = []
    missing = [name for name in expected if name not in found]
    extra = [(i, name) for i, name in enumerate(found, start=1) if name not in expected]
    for number, name in extra:
        shown = _shown(name) + (f" at {place} {number}" if place else "")
        original = _renamed(number - 1, name, missing, expected, len(found))
        if original:
            missing.remove(original)
            phrases.append(f"column {original!r} is missing; {shown} may be it under another name")
        else:
            hint = get_close_matches(name, expected, n=1)
            near = f" (nearest declared name: {hint[0]!r})" if hint else ""
            phrases.append(f"unexpected column {shown}{near}")
    phrases[:0] = [f"column {name!r} is missing" for name in missing]
    for name in dict.fromkeys(found):
        if name in expected and list(found).count(name) > 1:
            phrases.append(f"column {name!r} stands {list(found).count(name)} times")
    if place and not phrases:
        pairs = zip(found, expected, strict=True)
        number, (got, wanted) = next((i, p) for i, p in enumerate(pairs, start=1) if p[0] != p[1])
        phrases.append(
            f"the columns are in another order, first at {place} {number}:"
            f" {got!r} where {wanted!r} belongs"
        )
    return phrases


def _renamed(
    index: int, name: str, missing: Sequence[str], expected: Sequence[str], width: int
) -> str | None:
    """The missing column that ``name`` probably is: alike, or in its place in as wide a table."""
    folded = {_folded(m): m for m in missing}
    close = get_close_matches(_folded(name), folded, n=1, cutoff=0.75)
    if close:
        return folded[close[0]]
    in_place = index < len(expected) and width == len(expected) and expected[index] in missing
    return expected[index] if in_place else None


def _folded(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _shown(name: str) -> str:
    """``name`` quoted where it reads like a column's name; a value would start with a digit."""
    return repr(name) if _NAME.fullmatch(name) else "(name not shown)"
