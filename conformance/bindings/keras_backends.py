"""Keras 3 on JAX and on torch, which have their own update code."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from conformance.bindings import keras_versions
from conformance.bindings.binding import Unsupported
from conformance.bindings.keras_driver import KerasDriver

# Mode graph is the step as fit runs it: tf.function on TensorFlow, compiled by XLA on JAX, eager on torch.
AS_FIT = {"jax": "xla", "torch": "eager"}
LACKING = {"torch": {"xla": "Keras on torch does not use XLA on a CPU"}}


def as_run(mode: str) -> str:
    """How Keras' backend runs the steps of this mode; Unsupported, with the reason, where it cannot."""
    backend = keras_versions.backend()
    if mode in LACKING.get(backend, {}):
        raise Unsupported(LACKING[backend][mode])
    return AS_FIT.get(backend, mode) if mode == "graph" else mode


def variable(value: Any, name: str, dtype: str) -> Any:
    """A Keras variable; Unsupported where it holds fewer bits than requested."""
    made = keras_versions.package().Variable(value, name=name, dtype=dtype)
    bits, wanted = _bits(made), np.dtype(dtype).itemsize * 8
    if bits != wanted:
        raise Unsupported(
            f"{keras_versions.described()} keeps a {dtype} variable in {bits} bits: "
            "set JAX_ENABLE_X64=1 before JAX is imported"
        )
    return made


def _bits(variable: Any) -> int:
    """The bits of an element as stored: the name of the dtype only says what was requested."""
    value = variable.value
    return 8 * (value.element_size() if hasattr(value, "element_size") else value.dtype.itemsize)


class BackendDriver(KerasDriver):
    """Drives a Keras optimizer on JAX, eagerly or compiled, or on torch, eagerly."""

    def _variable(self) -> Callable[..., Any]:
        as_run(self.mode)  # raises Unsupported before anything is built
        return variable

    def step(self, grads: Sequence[np.ndarray | None]) -> None:
        tensors = [None if g is None else self._tensor(g) for g in grads]
        with self._as_floatx(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*[Gg]radients do not exist.*")
            if as_run(self.mode) == "eager":
                self.optimizer.apply_gradients(list(zip(tensors, self.params, strict=True)))
            else:
                self._compiled(tensors)

    def _tensor(self, grad: np.ndarray) -> Any:
        return self.keras.ops.convert_to_tensor(np.asarray(grad, self.dtype), self.dtype)

    def _compiled(self, tensors: Sequence[Any]) -> None:
        """As fit does on JAX: a compiled pure function that takes the state and returns it."""
        import jax

        pattern = tuple(t is not None for t in tensors)
        if pattern not in self._graphs:

            def pure(state: list[Any], given: list[Any], params: list[Any]) -> Any:
                left = iter(given)
                return self.optimizer.stateless_apply(state, [next(left) if p else None for p in pattern], params)

            self._graphs[pattern] = jax.jit(pure)
        variables = self.optimizer.variables
        params, state = self._graphs[pattern](
            [v.value for v in variables], [t for t in tensors if t is not None], [p.value for p in self.params]
        )
        for variable, value in zip([*self.params, *variables], [*params, *state], strict=True):
            variable.assign(value)


os.environ.setdefault("JAX_PLATFORMS", "cpu")
