"""How a torch optimizer is built, and driven one step at a time."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from conformance.bindings.binding import (
    Entry,
    Group,
    State,
    UndeclaredSlot,
    Unsupported,
    class_of,
    defaults,
    departures,
    to_arguments,
)
from reference.base import Reference
from reference.rows import Rows

modes = ("forloop", "foreach", "fused", "differentiable", "capturable")
AS_IT_IS = "as-it-is"  # the default mode, of a custom optimizer


def constructor(entry: Entry) -> Callable[..., Any]:
    """The class, or the maker of a custom optimizer; Unsupported if the installed version lacks the class."""
    if entry.build is not None:
        return entry.build
    import torch

    return class_of(entry, torch.optim, f"torch {torch.__version__}")


def arguments(entry: Entry, reference: Reference, mode: str) -> dict[str, Any]:
    """The constructor arguments, including those that choose the implementation."""
    chosen = {"foreach": False} if mode == "forloop" else {mode: True}
    if mode == AS_IT_IS or (mode == "forloop" and "foreach" not in defaults(constructor(entry))):
        chosen = {}  # there is only the loop
    return {**to_arguments(entry, reference), **chosen}


class TorchDriver:
    """A torch optimizer and its parameters."""

    def __init__(self, entry: Entry, groups: Sequence[Group], params: Sequence[np.ndarray], dtype: str, mode: str):
        import torch

        self.torch, self.entry = torch, entry
        self._begun = entry, groups, params, dtype, mode
        self.dtype = getattr(torch, dtype)
        tensors = [torch.tensor(np.asarray(p, dtype)) for p in params]
        # differentiable=True does not work on leaf tensors that require a gradient.
        self.params = tensors if mode == "differentiable" else [torch.nn.Parameter(p) for p in tensors]
        cls = constructor(entry)
        described = []
        for group in groups:
            given = departures(cls, arguments(entry, group.reference, mode))
            described.append({"params": [self.params[i] for i in group.tensors], **given})
        with self._as_default():
            if len(described) == 1:
                self.optimizer = cls(**described[0])
            else:
                self.optimizer = cls(described, **{k: described[0][k] for k in _mode_keys(described[0])})

    @contextlib.contextmanager
    def _as_default(self) -> Iterator[None]:
        """Counters and the like have torch's default dtype, so training in float64 has to set it."""
        before = self.torch.get_default_dtype()
        self.torch.set_default_dtype(self.dtype)
        try:
            yield
        finally:
            self.torch.set_default_dtype(before)

    def step(self, grads: Sequence[np.ndarray | Rows | None]) -> None:
        for param, grad in zip(self.params, grads, strict=True):
            param.grad = self._gradient(grad)
        with self._as_default():
            self.optimizer.step()

    def _gradient(self, grad: np.ndarray | Rows | None) -> Any:
        if isinstance(grad, Rows):  # uncoalesced: in any order, duplicate indices not summed
            indices, values = self.torch.tensor(grad.indices[None].copy()), self.torch.tensor(grad.values)
            return self.torch.sparse_coo_tensor(
                indices, values, grad.shape, dtype=self.dtype, check_invariants=True
            )
        return None if grad is None else self.torch.tensor(grad, dtype=self.dtype)

    def set_learning_rate(self, value: float) -> None:
        argument = self.entry.argument("learning_rate")
        name = argument.name if argument else "lr"
        for group in self.optimizer.param_groups:
            if name not in group:
                raise Unsupported(f"{self.entry.cls} has no {name!r} in its parameter groups")
            group[name] = value

    def resumed(self) -> TorchDriver:
        found = type(self)(*self._begun)
        with self.torch.no_grad():
            for new, old in zip(found.params, self.params, strict=True):
                new.copy_(old)
        with self._as_default():
            found.optimizer.load_state_dict(copy.deepcopy(self.optimizer.state_dict()))
        return found

    def read(self) -> State:
        slots: dict[str, list[np.ndarray | None]] = {}
        for i, param in enumerate(self.params):
            for name, value in self.optimizer.state.get(param, {}).items():
                if name not in self.entry.slots:
                    if self.entry.build is not None:
                        continue
                    raise UndeclaredSlot(
                        f"{self.entry.path('torch.optim')} keeps {name!r}, which no binding declares"
                    )
                if value is not None:
                    slot = self.entry.slot(name)
                    column = slots.setdefault(slot.name, [None] * len(self.params))
                    column[i] = slot.back(as_array(value))
        return State([as_array(p) for p in self.params], slots)

    def done(self) -> None:
        pass


def as_array(value: Any) -> np.ndarray:
    return np.array(value.detach().numpy() if hasattr(value, "detach") else value, np.float64)


def _mode_keys(described: Mapping[str, Any]) -> list[str]:
    return [k for k in described if k in modes]
