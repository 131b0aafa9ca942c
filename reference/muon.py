"""Muon: momentum, orthogonalised by Newton-Schulz iterations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from reference.adam import beta
from reference.base import Array, PerTensor, Slots, counter, hyper, learning_rate, weight_decay
from reference.bounded import Bounded, accumulated, average
from reference.ensemble import statistical
from reference.formats import BFLOAT16

JORDAN = "Jordan et al. 2024 (kellerjordan.github.io/posts/muon)"
LIU = "Liu et al. 2025 (arXiv:2502.16982)"


def coefficient(default: float, probe: float, name: str, **needs: float) -> float:
    return hyper(default, within="(-inf, inf)", probe=probe, needs=needs, cite=f"{JORDAN}, newtonschulz5: {name}")


@dataclass(frozen=True)
class Muon(PerTensor):
    """Momentum orthogonalised by Newton-Schulz: the update's singular values are all near 1.

        sum:        M <- mu M + G                         U <- G + mu M
        average:    M <- mu M + (1 - mu) G                U <- (1 - mu) G + mu M
                                                          without Nesterov U <- M

        X <- U / (||U|| + epsilon)            Frobenius norm; transposed where there are more rows than columns
        k times:  A <- X X^T,   X <- a X + (b A + c A A) X

        Theta <- (1 - eta lambda) Theta - eta s X
        s = rms_rate sqrt(max(rows, columns)), or without a rate sqrt(max(1, rows / columns)) or 1, as
        `shape_factor` says

    with eta `learning_rate`, lambda `weight_decay`, mu `momentum`, k `ns_steps`, a, b and c the coefficients
    of the same names, G the gradient, Theta the parameter, M the slot "m", which starts at 0 and has the
    parameter's shape and the unit of G, as does epsilon. A missing gradient leaves its tensor alone.

    Tensors that are not matrices, and those that `excluded` and (with `exclude_embeddings`) `embeddings` name by
    position, take the step of Adam with its own decay lambda_A, `adam_weight_decay`:

        m <- beta_1 m + (1 - beta_1) g,  v <- beta_2 v + (1 - beta_2) g g,  eta_A = eta `adam_lr_ratio`
        theta <- (1 - eta lambda_A) theta - eta_A sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon_A)

    with v the slot "v", which matrices do not have, t the slot "step", epsilon_A `adam_epsilon`, beta_1 and beta_2
    `adam_beta_1` and `adam_beta_2`. With `others` "refused" there is no such path.

    The rounding of X is bounded by an ensemble of randomly rounded evaluations, not by running error analysis,
    in bfloat16 or in the parameter's precision, as `orthogonal_in` says.

    Errors: ValueError for a hyperparameter outside of its interval, and for a tensor that is not a matrix where
    such tensors are refused.

    Source: Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024, the algorithm
    and the listing of newtonschulz5, https://kellerjordan.github.io/posts/muon/;
    Liu et al., Muon is Scalable for LLM Training, 2025, equations 1, 3 and 4 (decay and rms_rate),
    https://arxiv.org/abs/2502.16982;
    Kingma & Ba 2015, end of Section 2 (epsilon hat), https://arxiv.org/abs/1412.6980;
    Loshchilov & Hutter 2019, Algorithm 2, line 12 (the decay is multiplied by the schedule eta, not by Adam's
    alpha), https://arxiv.org/abs/1711.05101;
    PyTorch documentation, torch.optim.Muon (shape_factor "original", others "refused"),
    https://docs.pytorch.org/docs/stable/generated/torch.optim.Muon.html;
    Keras documentation, Muon (the tensors that Adam updates, and its arguments),
    https://keras.io/api/optimizers/muon/
    """

    title: ClassVar[str] = "Muon"
    source: ClassVar[str] = JORDAN
    elementwise: ClassVar[bool] = False
    separable: ClassVar[bool] = False
    bound: ClassVar[str] = "statistical"

    learning_rate: float = learning_rate(0.02)
    momentum: float = hyper(0.95, within="[0, inf)", base=0.875, probe=0.5, cite=f"{JORDAN}, algorithm: mu")
    nesterov: bool = hyper(True, probe=False, one_of=(False, True), cite=f"{JORDAN}, Nesterov momentum")
    a: float = coefficient(3.4445, 2.0, "a", b=-1.5, c=0.5)
    b: float = coefficient(-4.7750, -4.75, "b")
    c: float = coefficient(2.0315, 2.0, "c")
    ns_steps: int = hyper(5, within="[0, 100)", base=2, probe=5, cite=f"{JORDAN}, newtonschulz5: steps")
    epsilon: float = hyper(
        1e-7,
        within="[0, inf)",
        probe=1.0,
        cite=f"{JORDAN}, newtonschulz5: X /= (X.norm() + eps); PyTorch documentation, torch.optim.Muon: term "
        "added to the denominator",
    )
    weight_decay: float = weight_decay(0.1, base=2.0**-5)
    rms_rate: float | None = hyper(
        None, within="(0, inf)", probe=0.2, cite=f"{LIU}, equation 4: 0.2 sqrt(max(A, B))"
    )
    shape_factor: str = hyper(
        "original",
        one_of=("original", "none"),
        cite="PyTorch documentation, torch.optim.Muon: sqrt(max(1, A / B)), Jordan's; against Keras "
        "documentation, Muon, rms_rate: None disables the feature",
    )
    buffer: str = hyper(
        "sum",
        one_of=("sum", "average"),
        cite=f"{JORDAN}: B <- mu B + G; against the same authors' program (github.com/KellerJordan/Muon, "
        "muon_update: momentum.lerp_(grad, 1 - beta))",
    )
    orthogonal_in: str = hyper(
        "bfloat16",
        one_of=("bfloat16", "parameter"),
        cite=f"{JORDAN}, newtonschulz5: X = G.bfloat16(); against {LIU}, equation 2, which names no precision",
    )
    others: str = hyper(
        "refused",
        one_of=("refused", "adam"),
        cite="PyTorch documentation, torch.optim.Muon: other parameters should be optimized by a standard method; "
        "against Keras documentation, Muon: for any variable that isn't 2D, the AdamW step will be used",
    )
    exclude_embeddings: bool = hyper(
        True, probe=False, one_of=(False, True), cite="Keras documentation, Muon: exclude_embeddings"
    )
    embeddings: tuple[int, ...] = hyper((), within="[0, inf)", cite="Keras documentation, Muon: exclude_embeddings")
    excluded: tuple[int, ...] = hyper(
        (), within="[0, inf)", probe=(2,), cite="Keras documentation, Muon: exclude_layers"
    )
    adam_lr_ratio: float = hyper(
        1.0, within="[0, inf)", probe=0.25, cite="Keras documentation, Muon: adam_lr_ratio"
    )
    adam_weight_decay: float = hyper(
        0.004, within="[0, inf)", base=2.0**-4, probe=0.25, cite="Keras documentation, Muon: adam_weight_decay"
    )
    adam_beta_1: float = beta(0.9, 0.875, 0.5, "Kingma & Ba 2015, Algorithm 1: beta_1")
    adam_beta_2: float = beta(0.999, 0.96875, 0.75, "Kingma & Ba 2015, Algorithm 1: beta_2")
    adam_epsilon: float = hyper(
        1e-7,
        within="[0, inf)",
        base=2.0**-10,
        probe=2.0**-4,
        cite="Keras documentation, Muon: epsilon (epsilon hat)",
    )
    counter: str = counter()

    combinations: ClassVar = {
        "no-momentum": {"momentum": 0.0},
        "momentum-plain": {"momentum": 0.5, "nesterov": False},
        "no-iterations": {"ns_steps": 0},
        "rms-decay": {"rms_rate": 0.2, "weight_decay": 0.25},
        "adam-ratio-decay": {"adam_lr_ratio": 0.25, "adam_weight_decay": 0.25},
    }

    def slot_names(self) -> tuple[str, ...]:
        return ("m", "v") if self.others == "adam" else ("m",)

    def init(self, params: list[Array]) -> Slots:
        slots = PerTensor.init(self, params)
        for i, param in enumerate(params):
            beside = i in self.excluded or (self.exclude_embeddings and i in self.embeddings)
            if param.ndim != 2 and self.others == "refused":
                raise ValueError(f"a tensor of shape {param.shape}: Muon takes matrices alone")
            if self.others == "adam" and param.ndim == 2 and not beside:
                slots["v"][i] = None  # a second moment is what tells Adam's tensors from Muon's
        return slots

    def update(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        if slot.get("v") is not None:
            return self.adam(t, param, grad, slot)
        if self.buffer == "average":
            m = average(self.momentum, slot["m"], grad)
            u = average(self.momentum, m, grad) if self.nesterov else m
        else:
            m = accumulated(self.momentum, slot["m"], grad)
            u = grad + self.momentum * m if self.nesterov else m
        x = self.orthogonalised(u)
        rows, columns = param.shape
        if self.rms_rate is not None:
            scale = self.rms_rate * math.sqrt(max(rows, columns))
        else:
            scale = math.sqrt(max(1, rows / columns)) if self.shape_factor == "original" else 1.0
        param = param * (1 - self.learning_rate * self.weight_decay)
        return param - self.learning_rate * scale * x, {"m": m}

    def adam(self, t: Array, param: Array, grad: Array, slot: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        """The step of a tensor that is not a matrix, or not in a hidden layer."""
        m = average(self.adam_beta_1, slot["m"], grad)
        v = average(self.adam_beta_2, slot["v"], grad * grad)
        eta = self.learning_rate * self.adam_lr_ratio
        alpha = eta * np.sqrt(1 - self.adam_beta_2**t) / (1 - self.adam_beta_1**t)
        param = param * (1 - self.learning_rate * self.adam_weight_decay)
        return param - alpha * m / (np.sqrt(v) + self.adam_epsilon), {"m": m, "v": v}

    def orthogonalised(self, u: Array) -> Array:
        """Newton-Schulz of a matrix; for a bounded one, with the bound of an ensemble."""
        scalars = (self.a, self.b, self.c, self.epsilon)
        if isinstance(u, Bounded):
            fmt = BFLOAT16 if self.orthogonal_in == "bfloat16" else u.fmt
            return statistical(self.newton_schulz, fmt, u, *scalars)
        return self.newton_schulz(u, *scalars)

    def newton_schulz(self, x: Any, a: Any, b: Any, c: Any, epsilon: Any) -> Any:
        tall = x.shape[0] > x.shape[1]
        x = x.T if tall else x
        x = x / (np.sqrt(np.sum(x * x)) + epsilon)
        for _ in range(self.ns_steps):
            gram = x @ x.T
            x = a * x + (b * gram + c * (gram @ gram)) @ x
        return x.T if tall else x
