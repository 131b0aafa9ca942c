"""A sparse gradient: some rows of a tensor, as embeddings produce it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Array = Any  # np.ndarray or Bounded


@dataclass(frozen=True)
class Rows:
    """The gradient of the rows `indices` (first dimension) of a tensor of `shape`; the other rows have none.

    `values` holds one row for each index. An index may occur more than once: its rows are summed. A row that is
    present may be 0, which is not the same as absent.
    """

    indices: np.ndarray
    values: Array
    shape: tuple[int, ...]

    @property
    def present(self) -> np.ndarray:
        """True for the rows that have a gradient, in a shape that broadcasts with the tensor's."""
        found = np.isin(np.arange(self.shape[0]), self.indices)
        return found.reshape(-1, *(1 for _ in self.shape[1:]))

    def dense(self) -> Array:
        """The tensor with 0 where there is no gradient."""
        rows = [np.sum(self.values[self.indices == i], axis=0, keepdims=True) for i in range(self.shape[0])]
        return np.concatenate(rows)

    def over(self, convert: Any) -> Rows:
        """The same rows with converted values."""
        return replace(self, values=convert(self.values))
