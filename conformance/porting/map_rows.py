"""The rows of the map: the declared optimizers of torch and Keras, and derived rows for the others.

A declared row states its status, which a test compares with what is derived from the bindings and with the
measurements; if there is no equivalent, it says why and what to do instead. Undeclared optimizers get a row
derived from their entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conformance.bindings import BINDINGS
from conformance.bindings.binding import Entry
from conformance.porting.status import Status

EXACT, CONDITIONAL, NONE = Status.EXACT, Status.CONDITIONAL, Status.NONE


@dataclass(frozen=True)
class MapRow:
    """One rule: its class in each framework, and whether the steps are the same, each way."""

    torch: str  # the class; empty if there is none
    keras: str
    forward: Status | None  # torch -> Keras; None: not declared
    backward: Status | None  # Keras -> torch
    says: str  # the main thing to know, or why there is no equivalent
    instead: str = ""  # what to do if there is none

    @property
    def optimizer(self) -> str:
        return (self.torch or self.keras).lower()

    @property
    def title(self) -> str:
        return self.torch or self.keras

    def cls(self, framework: str) -> str:
        return self.torch if framework == "torch" else self.keras

    def status(self, source: str) -> Status | None:
        return self.forward if source == "torch" else self.backward

    def entry(self, framework: str) -> Entry | None:
        return BINDINGS[framework].entries.get(self.optimizer) if self.cls(framework) else None

    @property
    def paired(self) -> bool:
        """Both classes have an entry, so everything about the row can be derived and measured."""
        return self.entry("torch") is not None and self.entry("keras") is not None


def _only(torch: str, says: str, instead: str) -> MapRow:
    return MapRow(torch, "", NONE, NONE, says, instead)


def _only_keras(keras: str, says: str, instead: str) -> MapRow:
    return MapRow("", keras, NONE, NONE, says, instead)


DECLARED: tuple[MapRow, ...] = (
    MapRow("SGD", "SGD", EXACT, EXACT,
        "Plain steps are the same. torch keeps the learning rate outside the velocity, Keras inside: with momentum they "
        "drift apart when it changes. torch's weight_decay with momentum is a regularizer in Keras, not weight_decay."),
    MapRow("Adam", "Adam", CONDITIONAL, CONDITIONAL,
        "epsilon is added after the bias correction in torch and before it in Keras. torch's weight_decay is L2 in the "
        "gradient, Keras' weight_decay is AdamW's."),
    MapRow("AdamW", "AdamW", CONDITIONAL, CONDITIONAL,
        "Like Adam; the weight decay is the same in both, but its default is not."),
    MapRow("Adamax", "Adamax", CONDITIONAL, CONDITIONAL,
        "epsilon is added inside the maximum in torch and outside it in Keras."),
    MapRow("NAdam", "Nadam", CONDITIONAL, CONDITIONAL,
        "Keras' momentum schedule is torch's with momentum_decay = 1; the default in torch is 0.004."),
    MapRow("RMSprop", "RMSprop", CONDITIONAL, CONDITIONAL,
        "epsilon is outside the root in torch and inside it in Keras; with momentum, the learning rate is outside the "
        "buffer in torch and inside it in Keras. torch's alpha is Keras' rho."),
    MapRow("Adagrad", "Adagrad", CONDITIONAL, EXACT,
        "epsilon is outside the root in torch and inside it in Keras, where it folds into the initial accumulator: "
        "torch's initial_accumulator_value is Keras' plus epsilon, with eps = 0. lr_decay is a schedule in Keras."),
    MapRow("Adadelta", "Adadelta", EXACT, EXACT,
        "The same rule. All defaults differ: learning rate 1.0 and 0.001, rho 0.9 and 0.95, epsilon 1e-6 "
        "and 1e-7."),
    MapRow("Adafactor", "Adafactor", CONDITIONAL, CONDITIONAL,
        "The same if epsilon_1 is negligible: torch bounds the estimate from below, Keras adds epsilon_1 to the "
        "squared gradient. With weight_decay, torch scales by the parameters before the decay, Keras after it. Both "
        "factor the last two dimensions, so convolution kernels (HWIO, OIHW) come out different."),
    MapRow("Muon", "Muon", CONDITIONAL, CONDITIONAL,
        "torch orthogonalizes in bfloat16 and Keras in the variable's precision. Keras scales by rms_rate "
        "sqrt(max(rows, columns)): torch's adjust_lr_fn='match_rms_adamw' is rms_rate=0.2. Keras leaves other tensors "
        "than matrices to Adam; torch refuses them."),
    MapRow("RAdam", "RAdam", CONDITIONAL, CONDITIONAL,
        "Keras has no RAdam; conformance.RAdam takes torch's steps, with one counter for the optimizer where torch has "
        "one for each parameter."),
    _only("ASGD", "Keras cannot average the iterates with weights 1 / (t - t0) (its use_ema is exponential).",
          "For the parameters alone, which torch averages from step t0 = 1e6 on: SGD(learning_rate=schedule, "
          "weight_decay=lambd) with schedule(t) = lr / (1 + lambd lr t)**alpha takes the same steps."),
    _only("LBFGS", "Keras' apply_gradients gets gradients, but no closure that evaluates the loss again.",
          "tfp.optimizer.lbfgs_minimize, or scipy.optimize.minimize(method='L-BFGS-B'), outside of fit."),
    _only("Rprop", "Keras has no rule that uses the signs of successive gradients.",
          "Subclass keras.optimizers.Optimizer: two slots per variable, the previous gradient and the step size, and the "
          "rule of reference/rprop.py."),
    _only("SparseAdam", "Keras makes sparse gradients dense for Adam: the moments of rows without a gradient decay, and the "
          "rows move. SparseAdam leaves such rows alone.",
          "If every row has a gradient at each step, keras.optimizers.Adam takes the same steps (epsilon is before the "
          "bias correction in both). Otherwise subclass, with tf.scatter_nd on the slots."),
    _only_keras("Ftrl", "torch.optim has no rule with a proximal step.",
                "Without regularizers, learning_rate_power = -0.5 and weights that start at 0: torch.optim.Adagrad("
                "initial_accumulator_value=iav, eps=0). Otherwise subclass torch.optim.Optimizer with reference/ftrl.py."),
    _only_keras("Lion", "torch.optim has no rule that moves by the sign of an average.",
                "Subclass torch.optim.Optimizer: p -= lr sign(b1 m + (1 - b1) g), then m = b2 m + (1 - b2) g."),
    _only_keras("Lamb", "torch.optim has no rule with a trust ratio for each layer.",
                "Subclass torch.optim.Optimizer: Adam's direction u, times the norm of p over the norm of u."),
    _only_keras("ScheduleFreeAdamW", "torch.optim has no rule that averages without a schedule.",
                "The authors' package schedulefree (AdamWScheduleFree), which also switches to the averaged point for "
                "evaluation; unlike Keras, it weights the average by the squared learning rate."),
)  # fmt: skip


def _derived() -> Iterator[MapRow]:
    """Rows for the optimizers that have entries but are not declared."""
    declared = {row.optimizer for row in DECLARED}
    listed = dict.fromkeys(name for b in BINDINGS.values() for name in b.entries if name not in declared)
    for name in listed:
        entries = {framework: b.entries[name] for framework, b in BINDINGS.items() if name in b.entries}
        torch, keras = (entries[f].cls if f in entries else "" for f in ("torch", "keras"))
        if torch and keras and entries["torch"].reference is entries["keras"].reference:
            yield MapRow(torch, keras, None, None, "")
            continue
        rule = f"reference.{next(iter(entries.values())).reference.__name__}"
        for cls, make, other in ((torch, _only, "Keras"), (keras, _only_keras, "torch.optim")):
            if cls:
                base = f"{'keras.optimizers' if make is _only else 'torch.optim'}.Optimizer"
                yield make(
                    cls, f"{other} has no optimizer with this rule.", f"Subclass {base} with the rule of {rule}."
                )


ROWS = (*DECLARED, *_derived())
BY_OPTIMIZER: Mapping[str, MapRow] = {row.optimizer: row for row in ROWS}


def without_entry(name: str, framework: str) -> str:
    """The message for an optimizer that is on the map but in no binding; empty if it is not on the map."""
    row = BY_OPTIMIZER.get(name)
    if row is None or not row.cls(framework):
        return ""
    if row.torch and row.keras:
        return f"{row.cls(framework)}: its translation is not derived yet. {row.says}"
    return without_equivalent(name, framework)


def without_equivalent(optimizer: str, framework: str) -> str:
    """The message for an optimizer that the other framework lacks."""
    row = BY_OPTIMIZER.get(optimizer)
    other = "Keras" if framework == "torch" else "torch.optim"
    if row is None:
        return f"{framework} {optimizer}: nothing in {other} has its rule. See: python -m conformance map"
    return f"{row.cls(framework)}: there is no equivalent in {other}. {row.says} Instead: {row.instead}"
