"""The network in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from conformance.bindings import torch as binding
from conformance.lab.fashion.net import LAYERS, Conv


class TorchNet:
    """The network with its optimizer. Images have the shape (n, height, width, 1) and set the dtype."""

    def __init__(self, weights: Sequence[np.ndarray], optimizer: str, arguments: Mapping[str, Any], dtype: str):
        import torch
        from torch import nn

        self.torch = torch
        modules: list[Any] = []
        for i, layer in enumerate(LAYERS):
            kernel, bias = weights[2 * i], weights[2 * i + 1]
            if isinstance(layer, Conv):
                module = nn.Conv2d(kernel.shape[2], layer.channels, layer.kernel, layer.stride)
                kernel = kernel.transpose(3, 2, 0, 1)
            else:
                if modules and not any(isinstance(m, nn.Flatten) for m in modules):
                    modules.append(nn.Flatten())
                module = nn.Linear(kernel.shape[0], layer.units)
                kernel = kernel.T
            with torch.no_grad():
                module.weight.copy_(torch.from_numpy(kernel.copy()))
                module.bias.copy_(torch.from_numpy(bias))
            modules += [module, nn.ReLU()]
        split = next(i for i, m in enumerate(modules) if isinstance(m, nn.Flatten))
        # Channels last, as in Keras, and faster on a CPU.
        self.features = nn.Sequential(*modules[:split]).to(getattr(torch, dtype), memory_format=torch.channels_last)
        self.head = nn.Sequential(*modules[split:-1]).to(getattr(torch, dtype))
        self.parameters = [*self.features.parameters(), *self.head.parameters()]
        self.optimizer = binding.constructor(binding.entries[optimizer])(self.parameters, **arguments)
        self.loss = nn.functional.cross_entropy

    def _forward(self, images: np.ndarray) -> Any:
        maps = self.features(self.torch.from_numpy(images).permute(0, 3, 1, 2))
        return self.head(maps.permute(0, 2, 3, 1))  # flattened in Keras' order

    def step(self, images: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
        """One training step; returns the loss before it, and the logits."""
        self.optimizer.zero_grad()
        logits = self._forward(images)
        loss = self.loss(logits, self.torch.from_numpy(labels))
        loss.backward()
        self.optimizer.step()
        return loss.item(), logits.detach().numpy()

    def logits(self, images: np.ndarray) -> np.ndarray:
        with self.torch.no_grad():
            return self._forward(images).numpy()

    def weights(self) -> list[np.ndarray]:
        """In Keras' layout."""
        found = []
        for value in (p.detach().numpy() for p in self.parameters):
            found.append(value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T)
        return found


def prepare(threads: int) -> None:
    """Set up the process: the number of threads, and deterministic results."""
    import torch

    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
