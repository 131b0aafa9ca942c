"""The page about schedules, from the records alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from conformance.areas.schedules.bugs import BUGS
from conformance.judge.record import Outcome, Record
from conformance.report.pictures import STYLES, Figure, drawing

WARMUP = {  # id -> the name of its line
    "keras-warmupcosine-warmup-float32-optimizer": "conformance.WarmupCosine (written by hand)",
    "keras-cosinedecay-warmup-float32-optimizer": "Keras CosineDecay with warmup_target",
    "torch-sequentiallr-warmup-float32-stepped": "torch SequentialLR(LinearLR, CosineAnnealingLR)",
    "keras-cosinedecayrestarts-warmup-float32-optimizer": "Keras CosineDecayRestarts (no warmup)",
}
PAIRED = {  # id -> the name of its panel
    "both-reducelronplateau-paired-float64-paired": "patience=2, cooldown=0",
    "both-reducelronplateau-paired-cooldown-3-float64-paired": "patience=1, cooldown=3",
}
SAID = {
    Outcome.CONFORMS: "conforms",
    Outcome.DIVERGES_KNOWN: "known divergence",
    Outcome.UNSUPPORTED: "unsupported",
}


def figures(records: Sequence[Record]) -> list[Callable[[], Figure]]:
    """The functions that draw the pictures, without those a partial run did not measure."""
    records_of = {r.id: r for r in records}
    known = {i: r for i, r in records_of.items() if r.series.get("rate")}
    warmup = {name: known[i] for i, name in WARMUP.items() if i in known}
    base = [r for r in known.values() if r.case == "base"]
    both = [r for r in (records_of.get(i) for i in PAIRED) if r is not None and r.series.get("metric")]
    drawn = ((_warmup, warmup), (_every, base), (_on_a_plateau, both))
    return [partial(draw, found) for draw, found in drawn if found]


def _warmup(records: Mapping[str, Record]) -> Figure:
    with drawing(9.6, 3.6) as drawn:
        left, right = drawn.axes(1, 2)
        for n, (name, record) in enumerate(records.items()):
            style = {**STYLES[n % len(STYLES)], "linewidth": 1.2 + 1.0 * (len(records) - n)}  # thinner over thicker
            t, rate = _first(record, 60)
            left.plot(t, rate, label=name, **style)
            right.plot(t, rate, **style)
        left.set(title="The rate that SGD used", xlabel="update", ylabel="learning rate")
        right.set(title="The same on a log scale", xlabel="update", yscale="log")
        drawn.figure.legend(loc="outside lower center", ncols=2)
    return Figure(
        "Linear warmup, then half a cosine",
        drawn.svg,
        "From 1/32 to 1/2 in 8 updates, then to 1/32 in 24 more. Three of the four coincide up to the end, so each is "
        "drawn thinner than the one below it. Beyond the end Keras and the schedule written by hand stay constant, but "
        "torch's cosine rises again. CosineDecayRestarts has no warmup: it starts at the peak, and restarts every 24.",
    )


def _every(records: Sequence[Record]) -> Figure:
    chosen = sorted(records, key=lambda r: (r.framework != "keras", r.optimizer))
    columns = 5
    rows = -(-len(chosen) // columns)
    with drawing(9.6, 1.35 * rows + 0.3, (0.4, 0.1, 0.3, 0.25)) as drawn:
        panels = drawn.axes(rows, columns)
        for panel, record in zip(panels, chosen, strict=False):
            t, rate = _first(record, 64)
            style = STYLES[0] if record.framework == "keras" else STYLES[1]
            panel.plot(t, rate, drawstyle="steps-post", color=style["color"], linewidth=1.2)
            name = record.constructor.partition("(")[0].rpartition(".")[2]
            panel.set_title(f"{'Keras' if record.framework == 'keras' else 'torch'} {_broken(name)}", fontsize=7)
            panel.tick_params(labelsize=6)
            panel.set_ylim(bottom=0)
        for panel in panels[len(chosen) :]:
            panel.set_axis_off()
    return Figure(
        "Every schedule, at the base values of its options",
        drawn.svg,
        "The learning rate used, by update, in float32. Open a case below for the call.",
    )


def _on_a_plateau(records: Sequence[Record]) -> Figure:
    lines = {
        "torch": "torch",
        "keras": "Keras, patience and cooldown one higher",
        "keras naive": "Keras, the same values as torch",
    }
    with drawing(9.6, 4.2) as drawn:
        panels = drawn.axes(2, len(records), sharex=True, height_ratios=(2, 3))
        for column, record in enumerate(records):
            metric, rates = panels[column], panels[len(records) + column]
            metric.plot(
                range(1, len(record.series["metric"]) + 1), record.series["metric"], color="#444444", marker="."
            )
            for n, (name, says) in enumerate(lines.items()):
                style = {**STYLES[n], "linewidth": 1.2 + 1.2 * (len(lines) - n)}  # thinner over thicker
                rates.plot(record.series[name], drawstyle="steps-post", label=says, **style)
            metric.set_title(f"torch: {PAIRED[record.id]}", fontsize=8.5)
            rates.set(yscale="log", xlabel="epoch")
            rates.set_yscale("log", base=2)
        panels[0].set_ylabel("metric")
        panels[len(records)].set_ylabel("learning rate")
        drawn.figure.legend(*rates.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return Figure(
        "ReduceLROnPlateau in both, on the same sequence of metrics",
        drawn.svg,
        "Top: the metric. Bottom: the rate that SGD uses after each epoch. With the same values Keras reduces earlier, "
        "and then waits one epoch less; with patience and cooldown one higher the two coincide.",
    )


def _broken(name: str) -> str:
    return name if len(name) < 22 else f"{name[:15]}…{name[-5:]}"


def _first(record: Record, n: int) -> tuple[list[float], list[float]]:
    """The series up to its first gap."""
    pairs = [(t, r) for t, r in zip(record.series["t"], record.series["rate"], strict=True) if t < n]
    return [t for t, _ in pairs], [r for _, r in pairs]


def tables(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Which settings are equivalent, which bugs are caught, and what is computed in which precision."""
    known = {r.id: r for r in records}
    found = [_warmups(known), _plateau(records), _bugs(known), _mistakes(), PRECISION, CONTRADICTIONS]
    return [table for table in found if table["rows"]]


def _warmups(known: Mapping[str, Record]) -> dict[str, Any]:
    first = known.get(next(iter(WARMUP)))
    rows = []
    for name, title in WARMUP.items():
        record = known.get(name)
        if record is None or first is None or not (record.series and first.series):
            continue
        mine, theirs = dict(zip(*_first(first, 33), strict=True)), dict(zip(*_first(record, 33), strict=True))
        apart = max(abs(mine[t] - theirs[t]) for t in mine if t in theirs)
        beyond = dict(zip(*_first(record, 60), strict=True))
        at = [f"{beyond[t]:.5f}" for t in (0, 8, 20, 32, 44) if t in beyond]
        rows.append((title, *at, f"{apart:.2g}"))
    return {
        "title": "Warmup and cosine, side by side",
        "says": "The rate used at five updates, and the largest difference from the schedule written by hand up to the "
        "end of the decay. Each is within the derived bound of its formula.",
        "head": ("schedule", "update 0", "update 8", "update 20", "update 32", "update 44", "apart up to 32"),
        "rows": rows,
    }


def _plateau(records: Sequence[Record]) -> dict[str, Any]:
    rows = []
    for r in sorted((r for r in records if r.mode == "paired" and r.series), key=lambda r: r.id):
        apart, epochs = r.series["apart"][0], r.series["epochs"][0]
        differs = f"{apart} of {epochs} epochs differ" if apart else "the same"
        rows.append((r.options["torch"], r.options["keras"], SAID.get(r.outcome, r.outcome.value.lower()), differs))
    return {
        "title": "ReduceLROnPlateau: equivalent settings",
        "says": "In Keras patience is one higher than in torch (Keras treats 0 and 1 alike), and so is a cooldown other "
        "than 0 (again, 0 and 1 are alike); torch needs threshold_mode='abs' and eps=0. Then both do the same on every "
        "finite sequence of metrics, and on those with an infinity or NaN after the first value. An infinity or NaN as "
        "the first value, and Keras' comparison in float32, have rows in the ledger. The last column: Keras with "
        "torch's values under the same names.",
        "head": ("torch", "Keras", "together", "with the same values"),
        "rows": rows,
    }


def _bugs(known: Mapping[str, Record]) -> dict[str, Any]:
    rows = []
    for bug in BUGS:
        record = known.get(bug.case)
        outcome = (
            SAID.get(record.outcome, record.outcome.value.lower()) if record else "not run" if bug.case else ""
        )
        rows.append((bug.where, bug.says, bug.case or "none", outcome, bug.mutant, bug.reason))
    return {
        "title": "Real bugs of schedules, and the case that catches each",
        "says": "The mistake is planted in the reference, and the case tells the two apart. Ten of them correspond to "
        "lines of the installed frameworks; planted there too, they fail the case.",
        "head": ("bug", "what it is", "case", "here", "mistake", "note"),
        "rows": rows,
    }


def _mistakes() -> dict[str, Any]:
    from conformance.proof import schedule_mistakes

    kept, rows = schedule_mistakes.load(), []
    for name, kills in sorted(kept.items(), key=lambda pair: pair[0].lower()):
        options = {m for m in kills if m.startswith("ignored:")}
        measured = sorted((k[1], m, k[0]) for m, k in kills.items() if k and k[1] is not None)
        mildest = "all are exact: any difference counts"
        if measured:
            ratio, mistake, case = measured[0]
            mildest = f"{mistake}: {ratio:,.3g} × the bound, in {case}"
        own = _of(kills, options) if options else "covered by the mistakes"
        rows.append((name.replace("keras ", "Keras "), _of(kills, set(kills) - options), own, mildest))
    return {
        "title": "What the cases can detect: mistakes planted in every schedule",
        "says": "Each line, option and boundary of a schedule has mistakes of its own, and each option one that ignores it. "
        "A mistake is detected if it differs by more than 1.25 × the bound in some case of that schedule; one that the "
        "arguments of a schedule cannot show is tested where it can show.",
        "head": ("schedule", "mistakes detected", "ignored options detected", "hardest to detect"),
        "rows": rows,
    }


def _of(kills: Mapping[str, Sequence[Any]], names: set[str]) -> str:
    return f"{sum(bool(kills[m]) for m in names)} of {len(names)}"


PRECISION = {
    "title": "The precision a schedule is computed in",
    "says": "The bounds are derived for it.",
    "head": ("framework", "numbers", "consequence"),
    "rows": [
        (
            "Keras",
            "float32 tensors for all hyperparameters and the step, whatever floatx is",
            "float64 training has float32 rates; steps above 2^24 are rounded; the documentation says 'the same type as "
            "initial_learning_rate'",
        ),
        ("conformance.WarmupCosine", "floatx, as in any custom schedule", "float64 rates in float64"),
        (
            "torch, lr a number",
            "Python numbers (float64); recursive schedules start from the previous rate",
            "rounding errors accumulate over the updates, but nowhere else; the parameter rounds the rate once",
        ),
        ("torch, lr a tensor", "the dtype of the tensor, at every recursion", "float32 errors accumulate"),
        (
            "ReduceLROnPlateau",
            "torch: float64 numbers; Keras: a variable, rounded to floatx at every reduction; metrics "
            "compared in float32",
            "see the ledger",
        ),
    ],
}
CONTRADICTIONS = {
    "title": "Where the documentation contradicts itself",
    "says": "And which statement the references follow.",
    "head": ("class", "it says", "but also", "followed"),
    "rows": [
        (
            "Keras CosineDecay",
            "the warmup goes from initial_learning_rate to warmup_target",
            "its code example omits '+ initial_learning_rate'",
            "the sentence; Keras does",
        ),
        (
            "Keras CosineDecayRestarts",
            "each restart runs with m_mul times the initial rate",
            "with alpha it does not",
            "the sentence; a row of the ledger",
        ),
        (
            "torch LinearLR",
            "start_factor multiplies in the first epoch",
            "the example starts with the second epoch's value",
            "the sentence; torch does",
        ),
        (
            "torch PolynomialLR",
            "decays in total_iters steps",
            "the example has 0.0490 for epoch 0: that is epoch 1, with power 1 instead of 0.9",
            "the sentence; torch does",
        ),
        (
            "torch ChainedScheduler",
            "calls step() of each consecutively",
            "the example has 0.05 for epoch 0, where ConstantLR multiplies by 0.1",
            "the sentence; torch does",
        ),
        (
            "torch CyclicLR",
            "scale_mode 'iterations': since the start of the cycle",
            "the paper: since the start of the training",
            "a row of the ledger",
        ),
        (
            "torch SWALR",
            "arguments swa_lrs, annealing_epochs, annealing_strategy",
            "the arguments are swa_lr, anneal_epochs, anneal_strategy",
            "the signature",
        ),
    ],
}
