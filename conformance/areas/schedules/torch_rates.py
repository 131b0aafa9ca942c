"""Drives the schedulers of torch, and reads the rate that the optimizer actually used.

SGD moves a parameter of 0 with gradient 1 by exactly minus the rate. Where momentum is scheduled, a second
parameter with a momentum buffer of 1 and gradient 0 keeps the momentum in its buffer.
"""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from conformance.areas.schedules.rates import MOMENTUM, Precision, Seen
from conformance.areas.schedules.schedule_cases import ScheduleCase, ScheduleEntry, length, points, rate_of
from conformance.areas.schedules.torch_schedules import entries
from conformance.bindings.binding import Argument, Unsupported, class_of, defaults, departures, to_arguments
from reference.formats import FLOAT64, FORMATS
from reference.schedules import Schedule

# How a scheduler is used; each is a separate implementation.
MODES = {
    "stepped": "optimizer.step(), then scheduler.step()",
    "tensor": "as stepped, with a tensor as the learning rate",
    "indexed": "scheduler.step(epoch), in the order of the indices and back to the first",
    "resumed": "as stepped, and after every step both are rebuilt and load their state_dict",
    "constructed": "as resumed, but the scheduler gets last_epoch in its constructor",
}
GROUPS = 2
PLAIN = "stepped"
ELSEWHERE = ("ReduceLROnPlateau",)  # classes covered by other checks


def constructor(entry: ScheduleEntry) -> Callable[..., Any]:
    import torch

    return class_of(entry, torch.optim.lr_scheduler, f"torch {torch.__version__}")


def path(entry: ScheduleEntry) -> str:
    """The class as users write it."""
    return entry.path("torch.optim.lr_scheduler")


def classes() -> list[str]:
    """The schedulers of the installed framework."""
    import torch

    module = torch.optim.lr_scheduler
    base = getattr(module, "LRScheduler", None) or module._LRScheduler
    found = {n for n, c in vars(module).items() if isinstance(c, type) and issubclass(c, base)}
    return sorted({*found, "ReduceLROnPlateau", "SWALR"} - {"LRScheduler", "_LRScheduler"})


def precision(entry: ScheduleEntry, dtype: str, mode: str) -> Precision:
    """Python numbers, computed in float64; a tensor rate is rounded to its dtype every time."""
    fmt = FORMATS[dtype]
    tensor = fmt if mode == "tensor" else None
    return Precision(fmt, rate=tensor, said=tensor or FLOAT64, recursive=entry.recursive and mode != "indexed")


def arguments(entry: ScheduleEntry, references: Sequence[Schedule], case: ScheduleCase) -> dict[str, Any]:
    """The constructor arguments; a list if the groups differ in an argument that may be one."""
    each = [to_arguments(entry, r) for r in references]
    lists = {_name(entry, f) for f in entry.per_group}
    found = {k: [a[k] for a in each] if k in lists and _differ(each, k) else v for k, v in each[0].items()}
    found.pop("lr", None)
    return {**found, **case.given}


def _name(entry: ScheduleEntry, hyperparameter: str) -> str:
    argument = entry.arguments[hyperparameter]
    return argument.name if isinstance(argument, Argument) else argument


def _differ(each: Sequence[dict], name: str) -> bool:
    return any(a[name] != each[0][name] for a in each)


class SchedulerDriver:
    """An optimizer and a scheduler of torch."""

    def __init__(
        self, entry: ScheduleEntry, references: Sequence[Schedule], case: ScheduleCase, dtype: str, tensor: bool
    ):
        import torch

        self.torch, self.entry, self.references, self.case = torch, entry, references, case
        self.name, self.dtype, self.tensor = dtype, getattr(torch, dtype), tensor
        self.says = True
        self.given = None if hasattr(references[0], "parts") else self._given()
        self.momenta = entry.reference.momenta
        self._make_optimizer()
        self.scheduler = self._make_scheduler()

    def _make_optimizer(self) -> None:
        torch = self.torch
        self.params, groups = [], []
        for reference in self.references:
            pair = [torch.nn.Parameter(torch.zeros(1, dtype=self.dtype)) for _ in range(2)]
            for param, gradient in zip(pair, (1.0, 0.0), strict=True):
                param.grad = torch.full((1,), gradient, dtype=self.dtype)
            self.params.append(pair)
            rate = getattr(reference, "rate", None)
            rate = 0.25 if not self.entry.argument("rate") and rate is None else self._rate(reference)
            groups.append({"params": pair, "lr": rate})
        momentum: dict[str, Any] = {"momentum": MOMENTUM if self.momenta else 0.0}
        if self.case.optimizer == "Adam":
            momentum = {"betas": (MOMENTUM, 0.0), "eps": 0.0}
        self.optimizer = getattr(torch.optim, self.case.optimizer)(groups, lr=1.0, foreach=False, **momentum)

    def _rate(self, reference: Schedule) -> Any:
        rate = rate_of(reference)
        return self.torch.tensor(rate, dtype=self.dtype) if self.tensor else rate

    def _make_scheduler(self, last_epoch: int | None = None) -> Any:
        more = {} if last_epoch is None else {"last_epoch": last_epoch}
        if hasattr(self.references[0], "parts"):
            return self._composed(self.references[0], self.optimizer, more)
        return constructor(self.entry)(self.optimizer, **self.given, **more)

    def _given(self) -> dict[str, Any]:
        cls = constructor(self.entry)
        found = departures(cls, arguments(self.entry, self.references, self.case))
        return {k: v for k, v in found.items() if v is not None or defaults(cls).get(k) is not None}

    def _composed(self, schedule: Schedule, optimizer: Any, more: dict[str, Any]) -> Any:
        """A scheduler of schedulers: the inner ones are made first, on the same optimizer."""
        entry = entry_of(schedule)
        if not hasattr(schedule, "parts"):
            given = to_arguments(entry, schedule)
            given.pop("lr")
            return constructor(entry)(optimizer, **given, **more)
        parts = [self._composed(part, optimizer, more) for part in schedule.parts]
        if entry.cls == "ChainedScheduler":
            return constructor(entry)(parts, **({"optimizer": optimizer} if self.case.given else {}))
        return constructor(entry)(optimizer, parts, list(schedule.milestones), **more)

    def use(self) -> dict[str, float]:
        """One step of the optimizer: the rate and momentum it used, and the rate that the scheduler reports."""
        self.optimizer.state.clear()
        for pair in self.params:
            for param in pair:
                param.data.zero_()
            if self.momenta:
                self._prepare(pair)
        self.optimizer.step()
        seen: dict[str, float] = {}
        for i, (pair, said) in enumerate(zip(self.params, self.scheduler.get_last_lr(), strict=True)):
            seen[f"rate[{i}]"] = 0.0 - pair[0].item()
            # The reported rate is judged too, if it differs in any bit from the one used.
            same = float(np.asarray(float(said), self.name)) == seen[f"rate[{i}]"]
            if self.says and not same:
                seen[f"said[{i}]"] = float(said)
            if self.momenta:
                seen[f"momentum[{i}]"] = self.optimizer.state[pair[1]][self.buffer].item()
        return seen

    @property
    def buffer(self) -> str:
        """The slot in which 1, with a gradient of 0, becomes the momentum."""
        return "exp_avg" if self.case.optimizer == "Adam" else "momentum_buffer"

    def _prepare(self, pair: Sequence[Any]) -> None:
        """The state before the step: a buffer of 1 for the second parameter.

        Adam has made so many steps that no correction is left, and has moments of 1: with a gradient of 1 its
        step is exactly the rate.
        """
        ones = self.torch.ones(1, dtype=self.dtype)
        if self.case.optimizer != "Adam":
            self.optimizer.state[pair[1]]["momentum_buffer"] = ones
            return
        for param in pair:
            state = {"step": self.torch.tensor(2.0**20), "exp_avg": ones.clone(), "exp_avg_sq": ones.clone()}
            self.optimizer.state[param].update(state)

    def resume(self) -> None:
        """A new optimizer and a new scheduler, with the state of the old ones."""
        self.optimizer.state.clear()
        optimizer, scheduler = (copy.deepcopy(x.state_dict()) for x in (self.optimizer, self.scheduler))
        self._make_optimizer()
        self.scheduler = self._make_scheduler()
        self.optimizer.load_state_dict(optimizer)
        self.scheduler.load_state_dict(scheduler)

    def resume_at(self, t: int) -> None:
        """As documented: the scheduler is made with the last epoch, then the optimizer is loaded.

        The constructor reads the initial rates from the optimizer, which is therefore also loaded before.
        """
        self.optimizer.state.clear()
        state = copy.deepcopy(self.optimizer.state_dict())
        self._make_optimizer()
        self.optimizer.load_state_dict(copy.deepcopy(state))
        self.scheduler = self._make_scheduler(t)
        self.optimizer.load_state_dict(state)
        self.says = False  # it reports the rate from before the optimizer was loaded, as documented


def entry_of(schedule: Schedule) -> ScheduleEntry:
    """The entry of a part of a composition."""
    for entry in entries.values():
        fixed = entry.dialect.items()
        if entry.reference is type(schedule) and all(getattr(schedule, k) == v for k, v in fixed):
            return entry
    raise KeyError(schedule)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings that step(epoch) is deprecated, and that a scheduler comes before any step."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def drive(entry: ScheduleEntry, references: Sequence[Schedule], case: ScheduleCase, dtype: str, mode: str) -> Seen:
    """Every rate used, by update."""
    if mode == "indexed" and entry.indexed:
        raise Unsupported(entry.indexed)
    if mode in entry.lacks:
        raise Unsupported(entry.lacks[mode])
    if mode == "constructed" and "last_epoch" not in defaults(constructor(entry)):
        raise Unsupported(f"{entry.cls} has no argument last_epoch")
    with quiet():
        driver = SchedulerDriver(entry, references, case, dtype, mode == "tensor")
        if mode == "indexed":
            return _indexed(driver, points(references[0], case))
        seen: Seen = []
        n = length(references[0], case)
        for t in range(n):
            seen.append((t, driver.use()))
            if t + 1 < n:
                driver.scheduler.step()
                if mode == "resumed":
                    driver.resume()
                elif mode == "constructed":
                    driver.resume_at(t)
    return seen


def _indexed(driver: SchedulerDriver, indices: Sequence[float]) -> Seen:
    seen: Seen = []
    for t in [*indices, indices[1], indices[-1], 0]:
        driver.scheduler.step(t)
        seen.append((t, driver.use()))
    if driver.entry.recursive:  # a step after an index would start from that index's rate
        return seen
    for t in [t for t in indices if t == int(t)][-4:-1]:  # by index, then stepping on from there
        driver.scheduler.step(t)
        driver.scheduler.step()
        seen.append((t + 1, driver.use()))
    return seen


def describe(
    entry: ScheduleEntry, references: Sequence[Schedule], case: ScheduleCase, mode: str
) -> tuple[str, dict[str, str]]:
    """The call that a user would write, and the options in it that are not the default."""
    if hasattr(references[0], "parts"):
        found = _written(references[0])
        options = {"schedulers": "...", **{k: repr(getattr(references[0], k)) for k in references[0].turns}}
        options |= {"optimizer": "optimizer"} if case.given else {}
    else:
        given = departures(constructor(entry), arguments(entry, references, case))
        options = {k: repr(v) for k, v in given.items() if v is not None}
        found = f"{path(entry)}(optimizer, {', '.join(f'{k}={v}' for k, v in options.items())})"
    if mode == "constructed":
        options["last_epoch"] = "t"
    if entry.argument("rate") and entry.argument("rate").name == "lr":
        found += f"  # lr {' and '.join(repr(rate_of(r)) for r in references)}"
    return found, options


def _written(schedule: Schedule) -> str:
    entry = entry_of(schedule)
    if not hasattr(schedule, "parts"):
        given = to_arguments(entry, schedule)
        given.pop("lr")
        return f"{entry.cls}(optimizer, {', '.join(f'{k}={v!r}' for k, v in given.items())})"
    parts = ", ".join(_written(p) for p in schedule.parts)
    if entry.cls == "ChainedScheduler":
        return f"{path(entry)}([{parts}])"
    return f"{path(entry)}(optimizer, [{parts}], {list(schedule.milestones)!r})"


def signature(entry: ScheduleEntry) -> list[str]:
    """The arguments of the installed constructor."""
    optional = {"optimizer"} if entry.cls == "ChainedScheduler" else set()  # optional there
    return sorted(set(defaults(constructor(entry))) - {"optimizer"} | optional)
