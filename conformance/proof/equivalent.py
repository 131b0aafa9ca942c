"""Equivalent mistakes: planted in these optimizers they change nothing, so nothing can detect them.

Each has its proof in words, in `PROOFS` if it cannot be read from the rule. If some case detects one after all,
that is an error: see conformance/report/proof_page.py.
"""

from __future__ import annotations

from dataclasses import fields

from conformance.judge.equations import reads_step
from conformance.proof.trials import entries

# Optimizers, names of mistakes, and why the mistakes change nothing in them.
PROOFS: tuple[tuple[str, str, str], ...] = (
    (
        "rprop",
        "fault:rate-late fault:rate-frozen fault:rate-not-restored",
        "the learning rate is the first step size: it is read when the state is made and never again, and the step "
        "sizes themselves are restored",
    ),
    (
        "ftrl lamb lion schedulefreeadamw lbfgs",
        "fault:rate-leaks",
        "no framework that has the optimizer has parameter groups, so there is only one learning rate",
    ),
    (
        "rprop lbfgs sparseadam",
        "fault:decay-late",
        "no framework gives it a weight decay, so lambda is 0 and 1 - eta lambda is 1",
    ),
    (
        "asgd",
        "fault:decay-late",
        "only torch has it, with the decay in the gradient: there is no decoupled decay to come late",
    ),
    (
        "sparseadam",
        "amsgrad-ignored amsgrad-not-stored amsgrad-of-corrected amsgrad-of-gradient amsgrad-late",
        "only torch has it, without amsgrad: the line, inherited from Adam, is behind a false condition",
    ),
    (
        "sparseadam",
        "decay-ignored decay-float32 decay-in-moments decay-without-rate form:decay=decoupled",
        "only torch has it, without weight decay: lambda is 0, so all forms and places are the same",
    ),
    (
        "sparseadam",
        "epsilon-in-root epsilon-scaled no-root",
        "only torch has it, in the form epsilon hat: the line, inherited from Adam, belongs to the other form",
    ),
    (
        "adamw sparseadam",
        "decay-after-square",
        "no decay enters the gradient, so g is the gradient or its negative, and both have the same square",
    ),
    (
        "muon",
        "form:orthogonal_in=bfloat16 form:orthogonal_in=parameter",
        "it says in which precision a framework iterates: plain NumPy has no bfloat16 and iterates in the "
        "parameter's precision. Planted in live code it is detected: keras-muon-in-bfloat16",
    ),
    (
        "muon",
        "form:others=adam",
        "torch accepts matrices only, so there are no other tensors; Keras has this form",
    ),
    (
        "lbfgs",
        "fault:gradients-pile-up fault:missing-is-stale fault:missing-is-zero fault:zero-is-missing",
        "the rule evaluates the objective itself: it is given no gradients that could be missing, stale or summed",
    ),
    (
        "lbfgs",
        "fault:state-shared",
        "its state holds all tensors as one vector, so no two tensors have state of their own to share",
    ),
    (
        "lbfgs",
        "not-restored:loss",
        "every iteration writes the slot before reading it: its content before a step does not matter",
    ),
)


def proof(optimizer: str, name: str) -> str:
    """Why this mistake changes nothing in this optimizer; empty if it does."""
    for where, what, why in PROOFS:
        if optimizer in where.split() and name in what.split():
            return why
    rules = [e.reference for e in entries(optimizer)]
    if name == "fault:decay-late" and not any(f.name == "weight_decay" for r in rules for f in fields(r)):
        return "the rule has no weight decay that could come late"
    if name in ("fault:counter-ahead", "fault:counter-behind") and rules and not any(map(reads_step, rules)):
        return "the rule has no t: the counter is kept but not read"
    return ""


# Changes of one operation (operations.py) that nothing can detect: optimizers ("" for all), parts of the
# change's name, and why.
TERMS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "",
        ("weight_decay != 0", "'0' is '"),
        "a decay of 0 adds 0 or multiplies by 1, so it does not matter whether the branch is taken",
    ),
    ("", ("[0]", "'0' is '-1'"), "the list has one entry, which is both its first and its last"),
    ("", ("p * 1' is '(p)'",), "the product only makes a copy: the number is the same"),
    ("", (" * 1' is '((p", "/ (1))'"), "the product only makes a copy: divided by 1, the number is the same"),
    ("", ("'param * 1' is '(param)'",), "the product only makes a copy: the number is the same"),
    (
        "lamb schedulefreeadamw",
        ("'-grad' is '(grad)'",),
        "only Keras has it, without maximize: the gradient is never negated",
    ),
    (
        "sgd",
        ("self.dampening", "(self.learning_rate * grad)", "' is '"),
        "the learning rate is inside only in Keras, which has no dampening: it is 0 there",
    ),
    (
        "radam",
        ("'rho > self.threshold' is 'rho >= self.threshold'",),
        "rho is rounded: where it meets the threshold, rounding could flip the comparison, and both branches are "
        "right",
    ),
    (
        "muon",
        ("tall = x.shape[0] > x.shape[1]",),
        "the iterations of a matrix and of its transpose are transposes of each other: transposing saves work and "
        "changes only rounding",
    ),
    (
        "muon",
        ("fmt = BFLOAT16 if",),
        "it sets the precision of the bound: a run in plain NumPy has none, since only the judge has bounds",
    ),
    (
        "lbfgs",
        ("'curvature > 1e-10' is 'curvature >= 1e-10'",),
        "the curvature is rounded: where it meets the limit, rounding could flip the comparison, and both branches "
        "are right",
    ),
    (
        "rprop",
        ("np.sign(", "' is '("),
        "only the sign of the product of the two signs is read; with one sign left in it, it does not underflow",
    ),
    ("asgd", ("ASGD.start", "np.zeros(()) +"), "adding 0 only turns the number into an array"),
    ("adafactor", ("Adafactor.start", "np.zeros_like(param[..., 0]"), "only the shape of the slice matters"),
    (
        "schedulefreeadamw",
        ("self.warmup_steps == 0", "'0' is '"),
        "with T = 0 the other branch divides by 0, and the minimum of infinity and 1 is 1: no warm-up, as it "
        "should be; with T = 1 the rate is full from the first step either way",
    ),
    (
        "schedulefreeadamw",
        ("evaluation_point", "self.beta_1 == 0", "'0' is '"),
        "it refuses a call that never happens: the rule takes another branch where beta_1 is 0",
    ),
    (
        "sparseadam",
        ("_hat",),
        "only torch has it, in the form epsilon hat: the line, inherited from Adam, belongs to the other form",
    ),
    (
        "sparseadam",
        ("v_max",),
        "only torch has it, without amsgrad: the line, inherited from Adam, is never reached",
    ),
)


def proof_of_term(optimizer: str, change: str) -> str:
    """Why this change of one operation changes nothing in this optimizer; empty if it does."""
    for where, parts, why in TERMS:
        if (not where or optimizer in where.split()) and all(part in change for part in parts):
            return why
    return ""
