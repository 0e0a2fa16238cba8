"""COPY text built from numpy arrays, without touching a row in Python.

A column becomes a matrix of bytes with one row per value, padded with zero bytes. The text is the columns side by side,
with tabs between them, a newline at the end and the padding removed.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from generators.draw import Bools, Ints
from storeline.stores import copy_format

Cells = npt.NDArray[np.uint8]

DAY = 86_400_000_000  # microseconds
FOUR_DIGITS = np.array([f"{n:04}".encode() for n in range(10_000)], "S4").view(np.uint8).reshape(-1, 4)


def rows_of(columns: Sequence[Cells]) -> bytes:
    """Return the rows as COPY reads them."""
    count = len(columns[0])
    parts = [part for column in columns for part in (column, same(b"\t", count))]
    cells = np.hstack((*parts[:-1], same(b"\n", count)))
    return bytes(cells[cells != 0].tobytes())


def texts(values: Sequence[str]) -> Cells:
    """Return texts as UTF-8, escaped for COPY."""
    encoded = [escaped(value) for value in values]
    width = max(map(len, encoded), default=0) or 1
    return np.array(encoded, f"S{width}").view(np.uint8).reshape(len(encoded), width)


def escaped(text: str) -> bytes:
    """Return a text escaped for COPY. Raises ValueError for a zero byte, which PostgreSQL cannot store."""
    if "\0" in text:
        raise ValueError("a text holds a zero byte")
    return copy_format.escaped(text).encode()


def whole(values: Ints) -> Cells:
    """Return integers without leading zeros."""
    sizes = np.abs(values)
    width = len(str(int(sizes.max(initial=0))))
    # A digit is shown once the value reaches its power of ten; the last digit always.
    shown_from = np.array([10**k if k else 0 for k in range(width - 1, -1, -1)], np.int64)
    digits = np.where(sizes[:, None] < shown_from, np.uint8(0), digits_of(sizes, width))
    if not (values < 0).any():
        return digits
    return np.hstack((np.where(values < 0, ord("-"), 0).astype(np.uint8)[:, None], digits))


def moments(micros: Ints) -> Cells:
    """Return microseconds since 1970 as ISO text with offset UTC."""
    count = len(micros)
    days, rest = micros // DAY, micros % DAY
    seconds = rest // 1_000_000
    parts = (
        dates(days),
        same(b" ", count),
        digits_of(seconds // 3600, 2),
        same(b":", count),
        digits_of(seconds // 60 % 60, 2),
        same(b":", count),
        digits_of(seconds % 60, 2),
        same(b".", count),
        digits_of(rest % 1_000_000, 6),
        same(b"+00", count),
    )
    return np.hstack(parts)


def dates(days: Ints) -> Cells:
    """Return days since 1970 as ISO dates."""
    first, last = int(days.min(initial=0)), int(days.max(initial=0))
    iso = np.datetime_as_string(np.arange(first, last + 1).astype("datetime64[D]"))
    return iso.astype("S10").view(np.uint8).reshape(-1, 10)[days - first]


def digits_of(values: Ints, width: int) -> Cells:
    """Return the last `width` decimal digits of non-negative values."""
    groups = [FOUR_DIGITS[values // 10_000**k % 10_000] for k in range((width + 3) // 4)]
    return np.hstack(groups[::-1])[:, -width:]


def same(text: bytes, count: int) -> Cells:
    """Return the same text for every row."""
    return np.broadcast_to(np.frombuffer(text, np.uint8), (count, len(text)))


def nulled(cells: Cells, is_known: Bools | None) -> Cells:
    """Return the cells with COPY's null where a value is unknown."""
    if is_known is None:
        return cells
    null = np.zeros(max(2, cells.shape[1]), np.uint8)
    null[:2] = list(rb"\N")
    padded = np.pad(cells, ((0, 0), (0, len(null) - cells.shape[1])))
    return np.where(is_known[:, None], padded, null)
