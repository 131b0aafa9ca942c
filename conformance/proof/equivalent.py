"""Mistakes that are none: planted in these optimizers they change nothing, so that nothing can see them.

Each has its proof in words. One that some case sees after all is an error: see conformance/report/proof_page.py.
"""

from __future__ import annotations

from dataclasses import fields

from conformance.proof.trials import entries

# Optimizers, names of mistakes, and why these change nothing in those.
PROOFS: tuple[tuple[str, str, str], ...] = (
    (
        "sgd rmsprop rprop ftrl adadelta lion",
        "fault:counter-ahead fault:counter-behind",
        "the rule has no t: the counter is kept and not read",
    ),
    (
        "rprop",
        "fault:rate-late fault:rate-frozen fault:rate-not-restored",
        "the learning rate is the first step size: it is read when the state is made and never again, and the step "
        "sizes themselves are restored",
    ),
    (
        "ftrl lamb lion schedulefreeadamw lbfgs",
        "fault:rate-leaks",
        "no framework that has the optimizer has parameter groups, so there is one learning rate",
    ),
    (
        "rprop lbfgs sparseadam",
        "fault:decay-late",
        "no framework has a weight decay in it, so lambda is 0 and 1 - eta lambda is 1",
    ),
    (
        "asgd",
        "fault:decay-late",
        "torch alone has it, with the decay in the gradient: there is no decoupled one to come late",
    ),
    (
        "sparseadam",
        "amsgrad-ignored amsgrad-not-stored amsgrad-of-corrected amsgrad-of-gradient amsgrad-late",
        "torch alone has it, without amsgrad: the line, inherited from Adam, is behind a condition that is false",
    ),
    (
        "sparseadam",
        "decay-ignored decay-float32 decay-in-moments decay-without-rate form:decay=decoupled",
        "torch alone has it, without weight decay: lambda is 0, and then all forms and places are the same",
    ),
    (
        "sparseadam",
        "epsilon-in-root epsilon-scaled no-root",
        "torch alone has it, in the form epsilon hat: the line, inherited from Adam, is of the other form",
    ),
    (
        "adamw sparseadam",
        "decay-after-square",
        "no decay enters the gradient, so that g is the gradient or its negative, and both have the same square",
    ),
    (
        "muon",
        "form:orthogonal_in=bfloat16 form:orthogonal_in=parameter",
        "it says in which precision a framework iterates: plain NumPy has no bfloat16 and iterates in the "
        "parameter's. Planted in live code the precision is seen: keras-muon-in-bfloat16",
    ),
    (
        "muon",
        "form:others=adam",
        "torch refuses what is no matrix, so that there is no other tensor; Keras has this form",
    ),
    (
        "lbfgs",
        "fault:gradients-pile-up fault:missing-is-stale fault:missing-is-zero fault:zero-is-missing",
        "the rule evaluates the objective itself: it is given no gradients that could be missing, left or summed",
    ),
    (
        "lbfgs",
        "fault:state-shared",
        "its state is of all tensors as one vector, so that two tensors have none of their own to share",
    ),
    (
        "lbfgs",
        "not-restored:loss",
        "every iteration writes the slot before it reads it: what was there before a step says nothing",
    ),
)


def proof(optimizer: str, name: str) -> str:
    """Why this mistake changes nothing in this optimizer; nothing where it does."""
    for where, what, why in PROOFS:
        if optimizer in where.split() and name in what.split():
            return why
    return NO_DECAY if name == "fault:decay-late" and not _decays(optimizer) else ""


NO_DECAY = "the rule has no weight decay that could come late"


def _decays(optimizer: str) -> bool:
    return any(f.name == "weight_decay" for e in entries(optimizer) for f in fields(e.reference))


# Changes of one operation (operations.py) that nothing can see: optimizers ("" for all), what the name of
# the change has in it, and why.
TERMS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "",
        ("weight_decay != 0", "'0' is '"),
        "a decay of 0 adds 0, or multiplies by 1: whether the branch is taken then says nothing",
    ),
    ("", ("[0]", "'0' is '-1'"), "the list has one entry, which is its first and its last"),
    ("", ("p * 1' is '(p)'",), "the product makes a copy, and the number is the same"),
    ("", (" * 1' is '((p", "/ (1))'"), "the product makes a copy, and divided by 1 the number is the same"),
    ("", ("'param * 1' is '(param)'",), "the product makes a copy, and the number is the same"),
    (
        "lamb schedulefreeadamw",
        ("'-grad' is '(grad)'",),
        "Keras alone has it, without maximize: the gradient is never turned around",
    ),
    (
        "sgd",
        ("self.dampening", "(self.learning_rate * grad)", "' is '"),
        "the learning rate stands inside in Keras alone, which has no dampening: it is 0 there",
    ),
    (
        "radam",
        ("'rho > self.threshold' is 'rho >= self.threshold'",),
        "rho is rounded: where it meets the threshold, rounding could turn the comparison, and both branches are "
        "right",
    ),
    (
        "muon",
        ("tall = x.shape[0] > x.shape[1]",),
        "the iteration of a matrix and of its transpose are the transposes of each other: to transpose saves work, "
        "and changes rounding alone",
    ),
    (
        "muon",
        ("fmt = BFLOAT16 if",),
        "it says in which precision the bound is: a run in plain NumPy has none, as the judge alone has bounds",
    ),
    (
        "lbfgs",
        ("'curvature > 1e-10' is 'curvature >= 1e-10'",),
        "the curvature is rounded: where it meets the limit, rounding could turn the comparison, and both branches "
        "are right",
    ),
    (
        "rprop",
        ("np.sign(", "' is '("),
        "only the sign of the product of the two signs is read; with one sign left in it, it does not underflow",
    ),
    ("asgd", ("ASGD.start", "np.zeros(()) +"), "0 is added to make an array of the number, which stays the same"),
    ("adafactor", ("Adafactor.start", "np.zeros_like(param[..., 0]"), "only the shape of the slice is used"),
    (
        "schedulefreeadamw",
        ("self.warmup_steps == 0", "'0' is '"),
        "with T = 0 the other branch divides by 0, and the minimum of infinity and 1 is 1: no warm-up, as it has "
        "to be; with T = 1 the rate is full from the first step on either way",
    ),
    (
        "schedulefreeadamw",
        ("evaluation_point", "self.beta_1 == 0", "'0' is '"),
        "it refuses what nobody asks: the rule takes another branch where beta_1 is 0",
    ),
    (
        "sparseadam",
        ("_hat",),
        "torch alone has it, in the form epsilon hat: the line, inherited from Adam, is of the other form",
    ),
    (
        "sparseadam",
        ("v_max",),
        "torch alone has it, without amsgrad: the line, inherited from Adam, is never reached",
    ),
)


def proof_of_term(optimizer: str, change: str) -> str:
    """Why this change of one operation changes nothing in this optimizer; nothing where it does."""
    for where, parts, why in TERMS:
        if (not where or optimizer in where.split()) and all(part in change for part in parts):
            return why
    return ""
