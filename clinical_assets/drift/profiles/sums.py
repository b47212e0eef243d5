"""Sums of numbers and of their squares, exactly, so that the order of adding never matters.

Floating-point sums depend on the order; here every value is cut into slices of a few bits, counted
in whole units, so that each product and each sum over a block of rows is a whole number below 2^53
and float64 holds it without error. Adding the blocks is integer arithmetic (the idea of
error-free slicing: Rump, Ogita and Oishi 2008, "Accurate floating-point summation"; Ozaki et al.
2012, "Error-free transformations of matrix multiplication").
"""

import itertools
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK = 8192  # 2^13 rows
_BLOCK_BITS = 13
_EXACT_BITS = 53
_LARGE, _LARGE_WEIGHTED = 2.0**16, 2.0**8  # below 2 to the least bits of a slice
_WIDEST = 400  # larger or smaller by 2^400 than 1, in wide columns: added as fractions
_HIGHEST = 1000
_USUAL = 4  # slices

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
        values: finite, 2^22 at most.
        weights: how often each occurs, from 1 to 2^22; once where None.

    >>> exact_sums(np.array([1e16, 1.0, -1e16])).first
    Fraction(1, 1)
    """
    if not len(values):
        return Sums()
    largest = max(-float(values.min()), float(values.max()))
    if largest <= (_LARGE if weights is None else _LARGE_WEIGHTED):
        return _sliced(values, weights, largest)
    size = np.abs(values)
    extreme = (size > 2.0**_WIDEST) | ((size < 2.0**-_WIDEST) & (size > 0))
    plain = ~extreme
    few, many = (
        (values[rows], None if weights is None else weights[rows]) for rows in (extreme, plain)
    )
    return _one_by_one(*few).plus(_sliced(*many, float(size[plain].max(initial=0.0))))


def _one_by_one(values: Vector, weights: Weights | None) -> Sums:
    each, index = np.unique(values, return_inverse=True)
    counts = np.zeros(len(each), dtype=np.int64)
    np.add.at(counts, index, 1 if weights is None else weights)
    found = Sums()
    for value, count in zip(each.tolist(), counts.tolist(), strict=True):
        exact = Fraction(value)
        found = found.plus(Sums(exact * count, exact * exact * count))
    return found


def _sliced(values: Vector, weights: Weights | None, largest: float) -> Sums:
    if largest == 0:
        return Sums()
    heaviest = 1 if weights is None else int(weights.max())
    bits = (_EXACT_BITS - _BLOCK_BITS - (heaviest - 1).bit_length()) // 2
    top = int(np.frexp(largest)[1])  # every value is below 2^top
    unit = Fraction(2) ** (top - bits)
    total = np.zeros((1, 2), dtype=np.int64)  # of products, and in the last column of slices
    for start in range(0, len(values), BLOCK):
        slices = _slices(values[start : start + BLOCK], bits - top, bits)
        loads = None if weights is None else weights[start : start + BLOCK].astype(np.float64)
        weighted = slices if loads is None else slices * loads
        k, known = len(slices), len(total)
        if k > known:
            larger = np.zeros((k, k + 1), dtype=np.int64)
            larger[:known, :known], larger[:known, -1] = total[:, :-1], total[:, -1]
            total = larger
        total[:k, :k] += (slices @ weighted.T).astype(np.int64)
        total[:k, -1] += weighted.sum(axis=1).astype(np.int64)
    return _joined(total.tolist(), bits, unit)


def _slices(block: Vector, power: int, bits: int) -> Vector:
    """Whole numbers s0, s1, … with block 2^power = s0 + s1 / 2^bits + …, shape (k, rows)."""
    rest = np.ldexp(block, power) if power > _HIGHEST else block * 2.0**power
    step, found = 2.0**bits, np.empty((_USUAL, len(block)))
    for k in itertools.count():
        if k == len(found):
            found = np.concatenate([found, np.empty_like(found)])
        np.rint(rest, out=found[k])
        rest -= found[k]
        if not rest.any():
            return found[: k + 1]
        rest *= step
    raise AssertionError("a float64 has an end")


def _joined(total: list[list[int]], bits: int, unit: Fraction) -> Sums:
    """Slices put together again, as Python's whole numbers, which have no end."""
    first = second = 0
    last = 2 * (len(total) - 1)
    for i, (*products, plain) in enumerate(total):
        first += plain << bits * (last - i)
        for j, product in enumerate(products):
            second += product << bits * (last - i - j)
    scale = Fraction(1, 1 << bits * last)
    return Sums(first * scale * unit, second * scale * unit * unit)
