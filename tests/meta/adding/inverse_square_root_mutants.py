"""Mistakes planted in reference.schedules.inverse_square_root: name, line, mistake, in words, the real bug."""

from conformance.mutants import mutants

FALL = "np.sqrt(self.steps / update)"

MUTANTS = mutants(
    "InverseSquareRoot",
    ("step-late", "t + 1", "t", "one update late", ""),
    ("no-root", FALL, "self.steps / update", "falls with the update, not with its root", ""),
    ("no-warmup", f"np.minimum(update / self.steps, {FALL})", FALL, "there is no warmup", ""),
    ("stays-at-peak", FALL, "1", "does not fall after the warmup", ""),
    ("rate-ignored", "self.rate * np", "np", "the rate is not used", ""),
    ("maximum", "np.minimum", "np.maximum", "the higher of the two", ""),
    method="at",
)
