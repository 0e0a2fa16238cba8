"""Random draws that are the same on every machine.

They use only PCG64's raw stream and exactly rounded arithmetic (+, -, ×, ÷), which numpy promises to keep stable. Its
distributions may change between versions, and the last digit of exp, log and pow differs between processors.
"""

from collections.abc import Sequence
from zlib import crc32

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Draws:
    """A stream of draws for a seed and a key, so that chunks can be generated in any order."""

    def __init__(self, seed: Sequence[int], name: str, chunk: int = 0) -> None:
        key = (crc32(name.encode()), chunk)
        self._bits = np.random.PCG64(np.random.SeedSequence(entropy=tuple(seed), spawn_key=key))

    def unit(self, count: int) -> Floats:
        """Return numbers from 0 (inclusive) to 1 (exclusive)."""
        return (self._bits.random_raw(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def below(self, bound: int | Ints, count: int) -> Ints:
        """Return integers from 0 to `bound` - 1; one bound for all, or one for each."""
        return (self.unit(count) * bound).astype(np.int64)

    def pick(self, shares: Sequence[int] | Ints, count: int) -> Ints:
        """Return positions in `shares`, each as often as its share."""
        cumulated = np.cumsum(np.asarray(shares, np.int64))
        return np.searchsorted(cumulated, self.below(int(cumulated[-1]), count), side="right")

    def sample(self, population: int, count: int) -> Ints:
        """Return `count` positions below `population` in ascending order, without repeats while there are enough."""
        shuffled = np.argsort(self._bits.random_raw(population), kind="stable")
        return np.sort(shuffled[np.arange(count) % population], kind="stable")


def skewed(units: Floats, flattening: float) -> Ints:
    """Return weights that follow Zipf's law: a few are large, most are small. Less flattening, more skew."""
    return (1000 / (units + flattening)).astype(np.int64)


def among_first(cumulated: Ints, available: Ints, units: Floats) -> Ints:
    """Return positions among the first `available` ones, each as often as its weight."""
    return np.searchsorted(cumulated, (units * cumulated[available - 1]).astype(np.int64), side="right")
