"""Sums of numbers and of their squares, exactly, so that the order of adding never matters.

Floating-point sums depend on the order; here every value is cut into slices of a few bits, counted
in whole units, so that each product and each sum over a block of rows is a whole number below 2^53
and float64 holds it without error. Adding the blocks is integer arithmetic (the idea of
error-free slicing: Rump, Ogita and Oishi 2008, "Accurate floating-point summation"; Ozaki et al.
2012, "Error-free transformations of matrix multiplication").
"""

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK = 8192  # 2^13 rows
_BLOCK_BITS = 13
_EXACT_BITS = 53
_WIDEST = 400  # larger or smaller by 2^400 than 1: added as fractions

Vector = NDArray[np.float64]
Weights = NDArray[np.int64]


class Sums(NamedTuple):
    """Exact sums over finite values."""

    first: Fraction = Fraction(0)
    second: Fraction = Fraction(0)

    def plus(self, other: "Sums") -> "Sums":
        """Of both samples together."""
        return Sums(self.first + other.first, self.second + other.second)


def exact_sums(values: Vector, weights: Weights | None = None) -> Sums:
    """Sum and sum of squares, without any rounding.

    Args:
        values: finite.
        weights: how often each occurs, from 1 to 2^26; once where None.

    >>> exact_sums(np.array([1e16, 1.0, -1e16])).first
    Fraction(1, 1)
    """
    if not len(values):
        return Sums()
    size = np.abs(values)
    extreme = (size > 2.0**_WIDEST) | ((size < 2.0**-_WIDEST) & (size > 0))
    if not extreme.any():
        return _sliced(values, weights, float(size.max()))
    plain = ~extreme
    rest = _sliced(
        values[plain],
        None if weights is None else weights[plain],
        float(size[plain].max(initial=0.0)),
    )
    return rest.plus(_one_by_one(values[extreme], None if weights is None else weights[extreme]))


def _one_by_one(values: Vector, weights: Weights | None) -> Sums:
    each, index = np.unique(values, return_inverse=True)
    counts = np.zeros(len(each), dtype=np.int64)
    np.add.at(counts, index, 1 if weights is None else weights)
    terms = [
        (Fraction(float(value)), int(count)) for value, count in zip(each, counts, strict=True)
    ]
    return Sums(
        sum((v * n for v, n in terms), Fraction(0)), sum((v * v * n for v, n in terms), Fraction(0))
    )


def _sliced(values: Vector, weights: Weights | None, largest: float) -> Sums:
    if largest == 0:
        return Sums()
    heaviest = 1 if weights is None else int(weights.max())
    bits = (_EXACT_BITS - _BLOCK_BITS - (heaviest - 1).bit_length()) // 2
    top = int(np.frexp(largest)[1])  # every value is below 2^top
    unit = 2.0 ** (bits - top)
    first: list[int] = []
    second: dict[int, int] = {}
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        slices = _slices(block * unit, 2.0**bits)
        loads = None if weights is None else weights[start : start + BLOCK].astype(np.float64)
        weighted = slices if loads is None else slices * loads
        products = (slices @ weighted.T).astype(np.int64).tolist()
        sums = weighted.sum(axis=1).astype(np.int64).tolist()
        first.extend([0] * (len(sums) - len(first)))
        for i, total in enumerate(sums):
            first[i] += total
            for j, product in enumerate(products[i]):
                second[i + j] = second.get(i + j, 0) + product
    scale = Fraction(2) ** (top - bits)
    return Sums(
        _scaled(enumerate(first), bits) * scale, _scaled(second.items(), bits) * scale * scale
    )


def _slices(units: Vector, step: float) -> Vector:
    """Whole numbers s0, s1, … with units = s0 + s1 / step + s2 / step² + …, shape (k, rows)."""
    found = []
    rest = units
    while True:
        whole = np.rint(rest)
        found.append(whole)
        rest = rest - whole
        if not rest.any():
            return np.stack(found)
        rest *= step


def _scaled(terms: "enumerate[int] | object", bits: int) -> Fraction:
    total = Fraction(0)
    for place, value in terms:  # type: ignore[attr-defined]
        total += Fraction(value, 1 << (bits * place))
    return total
