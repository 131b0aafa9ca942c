"""Adam for sparse gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from reference.adam import Adam
from reference.base import Array, Slots


@dataclass(frozen=True)
class SparseAdam(Adam):
    """Adam that leaves rows without a gradient untouched, parameter and moments alike.

    The rule is that of `Adam`, including symbols and slots, for the rows in the sparse gradient g; every other
    row of theta, m and v stays as it is, whereas `Adam` with a gradient of 0 would keep moving theta and let m and
    v decay. Rows with the same index are summed first. t, the slot "step", counts the gradients of the tensor,
    including those without any row, not those of each row.

    `grads` are `reference.rows.Rows` or None.

    Errors: ValueError for a hyperparameter outside of its interval.

    Source: PyTorch documentation, torch.optim.SparseAdam (steps 1 to 3: the mask, over moments and parameters),
    https://docs.pytorch.org/docs/stable/generated/torch.optim.SparseAdam.html;
    Kingma & Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, Algorithm 1 and Section 2,
    https://arxiv.org/abs/1412.6980
    """

    title: ClassVar[str] = "SparseAdam"
    source: ClassVar[str] = "PyTorch documentation, torch.optim.SparseAdam; Kingma & Ba 2015"
    elementwise: ClassVar[bool] = False  # the rows of a gradient belong to one tensor
    separable: ClassVar[bool] = False
    gradients: ClassVar[str] = "rows"

    stateful: ClassVar = {}
    combinations: ClassVar = {
        "no-momentum": {"beta_1": 0.0},
        "no-memory": {"beta_2": 0.0},
        "small-epsilon": {"epsilon": 2.0**-100},
    }

    def step(self, params: list[Array], grads: list[Array], slots: Slots) -> tuple[list[Array], Slots]:
        dense = [None if g is None else g.dense() for g in grads]
        moved, new = Adam.step(self, params, dense, slots)
        params = list(params)
        for i, g in enumerate(grads):
            if g is not None:
                params[i] = np.where(g.present, moved[i], params[i])
                for name in self.slot_names():
                    new[name][i] = np.where(g.present, new[name][i], slots[name][i])
        return params, new
