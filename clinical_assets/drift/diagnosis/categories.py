"""Levels that appeared, vanished, were renamed, or are there in other proportions."""

import re
from collections.abc import Iterator, Mapping, Sequence

from clinical_assets.drift.diagnosis.cause import Aspect, Claim
from clinical_assets.drift.diagnosis.change import missing_change
from clinical_assets.drift.diagnosis.summaries import CategorySummary

Shares = Mapping[str, float]

_LEAST = 0.01
_ALIKE = 0.15  # of the larger share
_OTHER = "\0other"


def claims(reference: CategorySummary, current: CategorySummary) -> tuple[float, list[Claim]]:
    """The total variation distance, and what explains it; empty within chance."""
    before, after = _shares(reference), _shares(current)
    if not before or not after:
        return 0.0, []
    gap = _distance(before, after)
    if gap <= _chance(before, after, reference, current):
        return 0.0, []
    found = list(_styled(before, after, gap))
    if not found:
        pairs = _pairs(before, after)
        found = list(_renamed(before, after, gap, pairs))
        after = _back(after, pairs)
        found += _appeared(before, after, gap)
    found += _mixed(before, after, gap)
    return gap, found


def size(gap: float, reference: CategorySummary, current: CategorySummary) -> dict[Aspect, float]:
    """How large the change is in each respect."""
    return {"shape": gap, "missing": abs(missing_change(reference, current)), "precision": 0.0}


def _styled(before: Shares, after: Shares, gap: float) -> Iterator[Claim]:
    """Labels that are the same but for case, blanks and marks."""
    plain: dict[str, float] = {}
    for level, share in after.items():
        plain[_plain(level)] = plain.get(_plain(level), 0.0) + share
    were: dict[str, float] = {}
    for level, share in before.items():
        were[_plain(level)] = were.get(_plain(level), 0.0) + share
    new = [level for level in after if level not in before and _plain(level) in were]
    if not new:
        return
    explained = max(0.0, 1 - _distance(were, plain) / gap)
    yield Claim(
        "label_style",
        f"{len(new)} levels are written differently, such as {_old(new[0], before)!r} as {new[0]!r}"
        if len(new) > 1
        else f"{_old(new[0], before)!r} is written {new[0]!r}",
        {"shape": explained},
        0.99,
        {"levels": len(new), "explained": explained},
    )


def _pairs(before: Shares, after: Shares) -> list[tuple[str, str]]:
    """Vanished and new levels of about the same share, the largest first.

    None where either side is a single level, whose share says nothing.
    """
    if min(len(before), len(after)) < 2:
        return []
    gone = sorted(
        (lv for lv in before if lv not in after and lv != _OTHER), key=lambda x: -before[x]
    )
    new = [level for level in after if level not in before and level != _OTHER]
    pairs: list[tuple[str, str]] = []
    for old in gone:
        near = [
            n for n in new if abs(after[n] - before[old]) <= _ALIKE * max(after[n], before[old])
        ]
        if before[old] >= _LEAST and near:
            match = min(near, key=lambda n: abs(after[n] - before[old]))
            new.remove(match)
            pairs.append((old, match))
    return pairs


def _back(after: Shares, pairs: Sequence[tuple[str, str]]) -> Shares:
    """The shares under the names that the renamed levels had."""
    names = {new: old for old, new in pairs}
    return {names.get(level, level): share for level, share in after.items()}


def _renamed(
    before: Shares, after: Shares, gap: float, pairs: Sequence[tuple[str, str]]
) -> Iterator[Claim]:
    if not pairs:
        return
    explained = max(0.0, 1 - _distance(before, _back(after, pairs)) / gap)
    shown = ", ".join(
        f"{old!r} ({before[old]:.1%}) → {n!r} ({after[n]:.1%})" for old, n in pairs[:3]
    )
    more = f" and {len(pairs) - 3} more" if len(pairs) > 3 else ""
    yield Claim(
        "renamed_level",
        f"Levels vanished and others of the same share came: {shown}{more}",
        {"shape": explained},
        0.95,
        {"levels": len(pairs), "explained": explained},
    )


def _appeared(before: Shares, after: Shares, gap: float) -> Iterator[Claim]:
    """Levels that came or went, renamed ones under the name that they had."""
    new = {level: share for level, share in after.items() if level not in before}
    gone = {level: share for level, share in before.items() if level not in after}
    new.pop(_OTHER, None), gone.pop(_OTHER, None)
    left = _distance(before, after)
    if sum(new.values()) >= _LEAST:
        rest = _scaled({lv: s for lv, s in after.items() if lv not in new})
        explained = _part(left, before, rest, new) / gap
        yield Claim(
            "new_level",
            f"{sum(new.values()):.1%} of the values are levels that the reference does not have: "
            f"{_named(new)}",
            {"shape": explained},
            0.96,
            {"levels": len(new), "share": sum(new.values()), "explained": explained},
        )
    if sum(gone.values()) >= _LEAST:
        rest = _scaled({lv: s for lv, s in before.items() if lv not in gone})
        explained = _part(left, rest, after, gone) / gap
        yield Claim(
            "vanished_level",
            f"Levels that had {sum(gone.values()):.1%} of the reference are gone: {_named(gone)}",
            {"shape": explained},
            0.96,
            {"levels": len(gone), "share": sum(gone.values()), "explained": explained},
        )


def _part(left: float, before: Shares, after: Shares, levels: Shares) -> float:
    """How much less of the distance there is without these levels, or what of it they hold
    themselves: where one level takes another's place, each alone leaves all of it."""
    if not before or not after:
        return left
    return max(0.0, left - _distance(before, after), min(left, sum(levels.values())))


def _mixed(before: Shares, after: Shares, gap: float) -> Iterator[Claim]:
    """Other proportions of the levels that both have."""
    both = [level for level in before if level in after and level != _OTHER]
    if len(both) < 2:
        return
    alone = {level: before[level] for level in both}, {level: after[level] for level in both}
    moved = _distance(_scaled(alone[0]), _scaled(alone[1]))
    most = max(both, key=lambda level: abs(after[level] - before[level]))
    yield Claim(
        "level_mix",
        f"The levels' shares changed, {most!r} has {after[most]:.1%}, {before[most]:.1%} in the "
        "reference",
        {"shape": min(1.0, moved / gap)},
        0.9,
        {"share_reference": before[most], "share_current": after[most]},
    )


def _shares(summary: CategorySummary) -> Shares:
    counts = {**summary.levels, **summary.new_levels}
    if rest := summary.other - sum(summary.new_levels.values()):
        counts[_OTHER] = rest
    total = sum(counts.values())
    return {level: count / total for level, count in counts.items()} if total else {}


def _scaled(shares: Shares) -> Shares:
    total = sum(shares.values())
    return {level: share / total for level, share in shares.items()} if total else {}


def _distance(p: Shares, q: Shares) -> float:
    return sum(abs(p.get(level, 0.0) - q.get(level, 0.0)) for level in {*p, *q}) / 2


def _chance(p: Shares, q: Shares, reference: CategorySummary, current: CategorySummary) -> float:
    """What two samples of one distribution seldom pass: the expected distance (normal
    approximation), and as much again as few levels vary.
    """
    ours, theirs = reference.rows - reference.missing, current.rows - current.missing
    pooled = {level: (p.get(level, 0.0) + q.get(level, 0.0)) / 2 for level in {*p, *q}}
    spread = sum((s * (1 - s)) ** 0.5 for s in pooled.values())
    size = (1 / ours + 1 / theirs) ** 0.5
    return float((0.3989 * spread + 1.25) * size)


def _plain(level: str) -> str:
    return re.sub(r"[\W_]+", "", level).casefold() or level


def _old(new: str, before: Shares) -> str:
    return next(level for level in before if _plain(level) == _plain(new))


def _named(levels: Shares) -> str:
    first = sorted(levels, key=lambda level: -levels[level])[:3]
    more = f" and {len(levels) - 3} more" if len(levels) > 3 else ""
    return ", ".join(repr(level) for level in first) + more
