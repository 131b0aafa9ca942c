"""The verb `fashion-mnist`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from conformance.bindings import BINDINGS
from conformance.bindings.keras_versions import backend
from conformance.errors import BadInput, choose
from conformance.lab.fashion import compare, comparison_pages, data, pool, results, training_calls
from conformance.run.gate import GOOD

FOLDER = "fashion_mnist"  # in the reports folder
_PLAN = compare.TrainingPlan()


def options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--data",
        metavar="DIR",
        help=f"folder with the four files (default: {data.VARIABLE}, {data.DEBIAN}, "
        "Keras' cache, then a download by Keras)",
    )
    add(
        "--optimizer",
        action="append",
        default=[],
        metavar="NAME",
        help=f"only these, by name; repeat it, or use commas (default: {','.join(training_calls.DEFAULT)})",
    )
    add(
        "--framework",
        action="append",
        default=[],
        metavar="NAME",
        help="torch or keras (default: whatever is installed)",
    )
    add("--seeds", type=int, default=_PLAN.seeds, metavar="N", help="paired trainings (default: %(default)s)")
    add(
        "--default-seeds",
        type=int,
        default=_PLAN.default_seeds,
        metavar="N",
        help="trainings with each framework's defaults (default: %(default)s)",
    )
    add("--epochs", type=int, default=_PLAN.epochs, metavar="N", help="default: %(default)s")
    add("--limit", type=int, metavar="N", help="train with only N images (default: all 55,000)")
    add("--jobs", type=int, metavar="N", help="processes at a time (default: as many as the cores allow)")
    add(
        "--threads",
        type=int,
        default=_PLAN.threads,
        metavar="N",
        help="threads of each process (default: %(default)s)",
    )
    add(
        "--reports",
        type=Path,
        default=Path("reports"),
        metavar="DIR",
        help=f"writes DIR/{FOLDER}/, and keeps finished trainings in DIR/{FOLDER}/runs/ (default: reports)",
    )
    add("--note", default="", metavar="TEXT", help="a remark for the page, such as what else the machine was doing")
    add(
        "--render",
        action="store_true",
        help=f"train nothing: rebuild the pages from DIR/{FOLDER}/{results.NAME}",
    )
    parser.set_defaults(name="conformance")


def call(args: argparse.Namespace, digests: Mapping[str, str] = data.SHA256) -> int:
    """Train, resuming where a killed run stopped, and write the pages."""
    folder = Path(args.reports) / FOLDER
    if args.render:
        _say(comparison_pages.render(folder))
        return GOOD
    plan = plan_of(args)
    source = pool.Source(data.find(args.data), digests, args.limit)
    loaded = source.load()
    if len(loaded.train) < plan.batch:
        raise BadInput(
            f"--limit: {args.limit} images do not fill a batch of {plan.batch}. Allowed: at least {plan.batch}."
        )
    found = compare.run(plan, source, loaded, folder / "runs")
    versions = {k: v for f in plan.frameworks for k, v in BINDINGS[f].versions().items()}
    about = results.circumstances(versions, loaded.digest)
    if args.note:
        about["disturbed"] = args.note
    _say(comparison_pages.write(found, about, folder))
    return GOOD


def _say(paths: list[Path]) -> None:
    print(paths[0])


def plan_of(args: argparse.Namespace) -> compare.TrainingPlan:
    """The options, checked."""
    for name in ("seeds", "epochs", "threads", "jobs", "limit"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise BadInput(f"--{name}: {value} is too few. Allowed: 1 or more.")
    if args.default_seeds < 0:
        raise BadInput(f"--default-seeds: {args.default_seeds} is too few. Allowed: 0 or more.")
    wanted = [choose("--framework", f.lower(), BINDINGS) for f in _listed(args.framework)] or list(BINDINGS)
    there = compare.frameworks(wanted)
    missing = [f for f in wanted if f not in there]
    if missing and (args.framework or not there):
        raise BadInput(
            f"--framework: {missing[0]!r} is not installed. Install it: "
            f"pip install '.[{BINDINGS[missing[0]].extra}]'"
        )
    if "keras" in there and backend() != "tensorflow":
        raise BadInput(
            f"KERAS_BACKEND: {backend()!r} cannot run this training. Allowed: 'tensorflow', or --framework torch."
        )
    names = (
        tuple(dict.fromkeys(training_calls.entry_of(n)[1].optimizer for n in _listed(args.optimizer)))
        or training_calls.DEFAULT
    )
    for name in names:
        for rate in training_calls.grid(name)[:1] or (None,):
            training_calls.translated(name, rate)  # reports now, not after an hour, what cannot be translated
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return compare.TrainingPlan(
        optimizers=names,
        frameworks=there,
        seeds=args.seeds,
        default_seeds=args.default_seeds,
        epochs=args.epochs,
        processes=args.jobs or max(1, cores // args.threads),
        threads=args.threads,
        limit=args.limit,
    )


def _listed(given: list[str]) -> list[str]:
    return [part.strip() for value in given for part in value.split(",") if part.strip()]
