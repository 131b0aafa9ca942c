"""Every number of a comparison in one JSON file, from which the pages can be rebuilt; the curves as CSV."""

from __future__ import annotations

import csv
import datetime
import io
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from conformance.errors import BadInput
from conformance.judge.record import decoded, encoded
from conformance.lab.fashion import net
from conformance.lab.fashion.compare import TrainingComparison, TrainingPlan
from conformance.lab.fashion.train import FORMAT

NAME = "results.json"


def circumstances(versions: Mapping[str, str], digest: str) -> dict[str, Any]:
    """When, where and with what: the part of the file that differs between runs."""
    return {
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), "numpy": np.__version__, **versions},
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "data": digest,
        "layers": [repr(layer) for layer in net.LAYERS],
        "parameters": net.parameters(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def dump(found: TrainingComparison, about: Mapping[str, Any]) -> str:
    """The text of results.json: one record per line."""
    grid = [{**r, "first_losses": []} for r in found.grid]
    head = {"format": FORMAT, **about, "plan": asdict(found.plan), "rates": dict(found.rates)}
    lines = [json.dumps({k: encoded(v)}, ensure_ascii=False, allow_nan=False)[1:-1] for k, v in head.items()]
    for name, records in (("grid", grid), ("records", found.records)):
        rows = ",\n".join(json.dumps(encoded(r), allow_nan=False) for r in records)
        lines.append(f'"{name}": [\n{rows}\n]')
    return "{" + ",\n".join(lines) + "}\n"


def load(path: Path) -> tuple[TrainingComparison, dict[str, Any]]:
    """The comparison in a file, with its circumstances."""
    try:
        content = decoded(json.loads(path.read_text(encoding="utf-8")))
        if content.pop("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        known = {f.name for f in fields(TrainingPlan)}
        given = {k: tuple(v) if isinstance(v, list) else v for k, v in content.pop("plan").items() if k in known}
        parts = {name: content.pop(name) for name in ("grid", "rates", "records")}
        return TrainingComparison(plan=TrainingPlan(**given), **parts), content
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{path}: cannot be read as the result of a comparison ({error}). "
            "`python -m conformance fashion-mnist` writes one."
        ) from error


def table(found: TrainingComparison) -> str:
    """The curves, one point per line."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(
        ("setting", "optimizer", "framework", "seed", "rate", "part", "epoch", "step", "loss", "accuracy")
    )
    for record in [*found.grid, *found.records]:
        job = record["job"]
        who = [job["setting"], job["optimizer"], job["framework"], job["seed"], _rate(job, found)]
        steps = record["epochs"][0]["step"] if record["epochs"] else 1
        points = [("training", p) for p in record["epochs"]] + [("validation", p) for p in record["validation"]]
        points += [("test", {"step": record["epochs"][-1]["step"], **record["test"]})] if "test" in record else []
        for part, p in points:
            epoch = f"{p['step'] / steps:.4g}"
            writer.writerow([*who, part, epoch, p["step"], f"{p['loss']:.6g}", f"{p['accuracy']:.6g}"])
    return buffer.getvalue()


def _rate(job: Mapping[str, Any], found: TrainingComparison) -> Any:
    if job["setting"] == "defaults":
        return "default"
    return job["rate"] if job["setting"] == "grid" else found.rates[job["optimizer"]]
