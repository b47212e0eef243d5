"""Arrays as text inside JSON: base64 of little-endian bytes, the same on every machine."""

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray


def packed(values: NDArray[Any]) -> str:
    """The array's eight-byte numbers as text.

    >>> packed(np.array([1.0]))
    'AAAAAAAA8D8='
    """
    kind = "<f8" if values.dtype.kind == "f" else "<i8"
    return base64.b64encode(values.astype(kind).tobytes()).decode("ascii")


def unpacked(text: str, dtype: Any) -> NDArray[Any]:
    """What :func:`packed` was given.

    Raises:
        ValueError: the text is not such an array.
    """
    kind = "<f8" if np.dtype(dtype).kind == "f" else "<i8"
    return np.frombuffer(base64.b64decode(text, validate=True), dtype=kind).astype(dtype)
