"""One training, from a job to its record. Everything in the record except the seconds follows from the job."""

from __future__ import annotations

import hashlib
import importlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np

from conformance.bindings import BINDINGS
from conformance.lab.fashion import net
from conformance.lab.fashion.data import Data, Part

FORMAT = 1  # of a record, and of training itself: a new number retrains everything
FIRST = 429  # the loss of this many steps is recorded: one epoch of the whole set
AT_ONCE = 1000  # images evaluated at once


@dataclass(frozen=True)
class Job:
    """One training."""

    setting: str  # "grid", "translated", "defaults", "reversed", "float64" or "rounded"
    optimizer: str
    framework: str
    seed: int
    call: str  # the constructor call as a user writes it
    arguments: Mapping[str, Any]  # of the call
    epochs: int
    batch: int
    evaluations: int  # on the validation set, per epoch
    threads: int
    dtype: str = "float32"
    turned: bool = False  # reverse the images of each batch: the same step, summed in a different order
    steps: int | None = None  # stop after this many, without using the test set
    limit: int | None = None  # number of training images
    rate: float | None = None  # from the grid

    @property
    def name(self) -> str:
        rate = f"-rate{self.rate:g}" if self.rate is not None else ""
        return f"{self.setting}-{self.optimizer}-{self.framework}{rate}-seed{self.seed}"

    def total(self, images: int) -> int:
        """The number of steps."""
        whole = self.epochs * (images // self.batch)
        return whole if self.steps is None else min(self.steps, whole)


def key(job: Job, digest: str) -> str:
    """A key of everything the result depends on: a record with this key is the record of this job."""
    known = {
        "format": FORMAT,
        "job": asdict(job),
        "data": digest,
        "layers": repr(net.LAYERS),
        "versions": BINDINGS[job.framework].versions(),
    }
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:12]


class Net(Protocol):
    """The interface of TorchNet and KerasNet."""

    def step(self, images: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]: ...

    def logits(self, images: np.ndarray) -> np.ndarray: ...

    def weights(self) -> list[np.ndarray]: ...


# Framework -> the module of its network, which imports the framework, and the class.
NETS = {
    "torch": ("conformance.lab.fashion.torch_net", "TorchNet"),
    "keras": ("conformance.lab.fashion.keras_net", "KerasNet"),
}


def network(job: Job) -> Net:
    """The job's network with its initial weights and optimizer."""
    module, cls = NETS[job.framework]
    return getattr(importlib.import_module(module), cls)(
        net.first_weights(job.seed), job.optimizer, job.arguments, job.dtype
    )


@dataclass
class Epoch:
    """The metrics of an epoch's steps, each of its batch before the step."""

    losses: list[float] = field(default_factory=list)
    right: int = 0
    images: int = 0


def train(job: Job, data: Data, progress: Callable[[int], None] = lambda step: None) -> dict[str, Any]:
    """Train, evaluate, and return the record; `progress` is called after each step with its number."""
    model, step = network(job), 0
    validation = Part(data.validation.images.astype(job.dtype), data.validation.labels)
    total = job.total(len(data.train))
    record: dict[str, Any] = {
        "format": FORMAT,
        "name": job.name,
        "key": key(job, data.digest),
        "job": asdict(job),
        "versions": BINDINGS[job.framework].versions(),
        "images": len(data.train),
        "steps": total,
        "first_losses": [],
        "epochs": [],
        "validation": [],
        "seconds": [],
    }
    for number in range(job.epochs):
        epoch, seconds, after = Epoch(), np.zeros(2), step
        places = net.batches(job.seed, number, len(data.train), job.batch)[: total - step]
        for part in np.array_split(places, job.evaluations if job.steps is None else 1):
            start = np.array([time.perf_counter(), time.process_time()])
            step = train_some(model, job, data.train, part, epoch, progress, step)
            seconds += np.array([time.perf_counter(), time.process_time()]) - start
            if job.steps is None:
                loss, right = evaluate(model, validation)
                record["validation"].append({"step": step, "loss": loss, "accuracy": float(right.mean())})
        record["seconds"].append([round(float(s), 3) for s in seconds])
        record["first_losses"] += epoch.losses[: max(0, FIRST - after)]
        record["epochs"].append(
            {"step": step, "loss": float(np.mean(epoch.losses)), "accuracy": epoch.right / max(1, epoch.images)}
        )
        if step >= total or not np.isfinite(epoch.losses[-1]):
            break
    record["finite"] = bool(np.isfinite(epoch.losses[-1]))
    if job.steps is None and job.setting != "grid":
        loss, right = evaluate(model, Part(data.test.images.astype(job.dtype), data.test.labels))
        record["test"] = {
            "loss": loss,
            "accuracy": float(right.mean()),
            "images": len(right),
            "right": np.packbits(right).tobytes().hex(),
        }
    return record


def train_some(
    model: Net, job: Job, data: Part, places: np.ndarray, epoch: Epoch, progress: Callable[[int], None], step: int
) -> int:
    """The training loop: step over these batches; return the number of the last step."""
    cast, turn = job.dtype != "float32", slice(None, None, -1)
    for batch in places:
        if job.turned:
            batch = batch[turn]
        images, labels = data.images[batch], data.labels[batch]
        loss, logits = model.step(images.astype(job.dtype) if cast else images, labels)
        epoch.losses.append(loss if cast else float(str(np.float32(loss))))
        epoch.right += int(np.count_nonzero(logits.argmax(1) == labels))
        epoch.images += len(labels)
        step += 1
        progress(step)
    return step


def evaluate(model: Net, part: Part) -> tuple[float, np.ndarray]:
    """The mean cross-entropy, and for each image whether it is classified correctly."""
    losses, right = [], []
    for start in range(0, len(part), AT_ONCE):
        labels = part.labels[start : start + AT_ONCE]
        logits = model.logits(part.images[start : start + AT_ONCE]).astype(np.float64)
        top = logits.max(1)
        losses.append(np.log(np.exp(logits - top[:, None]).sum(1)) + top - logits[np.arange(len(labels)), labels])
        right.append(logits.argmax(1) == labels)
    return float(np.concatenate(losses).mean()), np.concatenate(right)
