"""AdaBelief for torch, as an author would publish it: what the test of the README's section adds to the suite."""

from __future__ import annotations

from typing import Any

import torch


class AdaBelief(torch.optim.Optimizer):
    """Algorithm 2 of arXiv 2010.07468."""

    def __init__(self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8):
        if not (isinstance(lr, float | int) and lr >= 0):
            raise ValueError(f"lr={lr!r}: allowed is [0, inf)")
        if not all(isinstance(b, float | int) and 0 <= b < 1 for b in betas):
            raise ValueError(f"betas={betas!r}: allowed is [0, 1)")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            beta_1, beta_2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state.update(step=0, exp_avg=torch.zeros_like(p), exp_avg_var=torch.zeros_like(p))
                state["step"] += 1
                m, s, t = state["exp_avg"], state["exp_avg_var"], state["step"]
                m.mul_(beta_1).add_(p.grad, alpha=1 - beta_1)
                away = p.grad - m
                s.mul_(beta_2).addcmul_(away, away, value=1 - beta_2).add_(group["eps"])
                root = (s / (1 - beta_2**t)).sqrt_().add_(group["eps"])
                p.addcdiv_(m, root, value=-group["lr"] / (1 - beta_1**t))
