"""Drives the torch optimizers whose step evaluates the objective itself: L-BFGS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.bindings.binding import State, UndeclaredSlot
from conformance.bindings.torch_driver import TorchDriver, as_array


class TorchClosureDriver(TorchDriver):
    """NumPy evaluates the objective in the parameters' dtype, so that only the optimizer is under test."""

    def step(self, grads: Callable[[np.ndarray], tuple[Any, np.ndarray]]) -> None:
        def closure() -> Any:
            x = np.concatenate([p.detach().numpy().reshape(-1) for p in self.params])
            loss, gradient = grads(x)
            at = 0
            for p in self.params:
                part = gradient[at : at + p.numel()].reshape(tuple(p.shape))
                p.grad = self.torch.tensor(part, dtype=self.dtype)
                at += p.numel()
            return self.torch.tensor(loss, dtype=self.dtype)

        with self._as_default():
            self.optimizer.step(closure)

    def read(self) -> State:
        """All state is global; torch keeps it with the first parameter, with lists for rows."""
        n = sum(p.numel() for p in self.params)
        slots: dict[str, list[np.ndarray | None]] = {}
        for name, value in self.optimizer.state.get(self.params[0], {}).items():
            if name in self.entry.scratch:
                continue
            if name not in self.entry.slots:
                raise UndeclaredSlot(f"{self.entry.path('torch.optim')} keeps {name!r}, which no binding declares")
            if value is None:
                continue
            if isinstance(value, list):
                rows = [as_array(v) for v in value if v is not None]
                vectors = name in ("old_dirs", "old_stps")
                array = np.array(rows, np.float64).reshape((len(rows), n) if vectors else (len(rows),))
            else:
                array = as_array(value)
            slots[self.entry.slots[name]] = [array]
        for param in self.params[1:]:
            if self.optimizer.state.get(param):
                raise UndeclaredSlot(f"{self.entry.path('torch.optim')} keeps state outside the first parameter")
        return State([as_array(p) for p in self.params], slots)
