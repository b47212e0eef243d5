"""Numbers and records in words, the same in every form of every document.

A suppressed cell reads "suppressed (n<11)", an uncomputed number carries its reason, a negative
number its true minus sign. Rounding happens here and nowhere else; records keep full precision.
"""

from collections.abc import Iterable, Mapping

from clinical_assets.modelling.records import Estimate
from clinical_assets.visible import visible

SUPPRESSED = "suppressed (n<11)"
MINUS = "−"
NBSP = "\N{NO-BREAK SPACE}"


def number(value: float | None, digits: int = 3, *, signed: bool = False) -> str:
    """A number with fixed digits; "–" for None. ``signed`` writes the plus too.

    >>> number(0.83915), number(-0.0123, 2), number(0.02, 2, signed=True), number(None)
    ('0.839', '−0.01', '+0.02', '–')
    """
    if value is None:
        return "–"
    text = f"{abs(value):.{digits}f}"
    if value < 0 and float(text) != 0.0:
        return MINUS + text
    return "+" + text if signed and float(text) != 0.0 else text


def compact(value: float | None) -> str:
    """A parameter or limit in its shortest exact form, integers without a decimal point.

    >>> compact(200.0), compact(0.05), compact(-3.5), compact(None)
    ('200', '0.05', '−3.5', '–')
    """
    if value is None:
        return "–"
    text = str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)
    return text.replace("-", MINUS, 1) if text.startswith("-") else text


def opened(times: int) -> str:
    """How often a test set was opened: once for each candidate and protocol that met it.

    >>> opened(1), opened(3)
    ('1 time', '3 times, for different candidates or protocols')
    """
    return "1 time" if times == 1 else f"{times} times, for different candidates or protocols"


def count(value: int | None) -> str:
    """A count with thousands separated by a thin comma; a suppressed one says so.

    >>> count(1234), count(None)
    ('1,234', 'suppressed (n<11)')
    """
    return SUPPRESSED if value is None else f"{value:,}"


def interval(estimate: Estimate, digits: int = 3, *, signed: bool = False) -> str:
    """The ends of an interval, "lower to upper", on one line; "–" where there is none."""
    if estimate.lower is None or estimate.upper is None:
        return "–"
    ends = (number(v, digits, signed=signed) for v in (estimate.lower, estimate.upper))
    return f"{NBSP}to{NBSP}".join(ends)


def estimate_text(estimate: Estimate, digits: int = 3, *, signed: bool = False) -> str:
    r"""An estimate with its interval, or why it is not there.

    >>> estimate_text(Estimate(0.8391, 0.795, 0.8812, 332, 109))
    '0.839 (0.795\xa0to\xa00.881)'
    >>> estimate_text(Estimate(None, None, None, None, None, "suppressed"))
    'suppressed (n<11)'
    >>> estimate_text(Estimate(None, None, None, 40, 0, "no positives"))
    'not computed: no positives'
    """
    if estimate.value is None:
        if estimate.n is None and estimate.events is None:
            return SUPPRESSED
        return "not computed: " + (estimate.reason or "no reason recorded")
    value = number(estimate.value, digits, signed=signed)
    if estimate.lower is None or estimate.upper is None:
        return f"{value} (no interval)"
    return f"{value} ({interval(estimate, digits, signed=signed)})"


def parameters_text(parameters: Mapping[str, float]) -> str:
    """Parameters as ``name = value``, in the order of their names."""
    return ", ".join(f"{k} = {compact(v)}" for k, v in sorted(parameters.items()))


def plural(count_: int, noun: str, plural_noun: str = "") -> str:
    """A count with its noun.

    >>> plural(1, "criterion", "criteria"), plural(2, "gate")
    ('1 criterion', '2 gates')
    """
    return f"{count_:,} {noun if count_ == 1 else plural_noun or noun + 's'}"


def sentences(items: Iterable[str]) -> str:
    """Items as sentences, each with one full stop; empty ones left out.

    >>> sentences(("Men", "Children.", ""))
    'Men. Children.'
    """
    return " ".join(item.rstrip(".") + "." for item in items if item.strip())


def one_line(text: str) -> str:
    r"""Text on one line whose control and direction marks are shown instead of obeyed.

    A name or comment cannot so reorder, hide or break what stands beside it.

    >>> one_line("a\nb\x1b[31m\u202ec")
    'a b\\u001b[31m\\u202ec'
    """
    return visible(" ".join(text.split()))
