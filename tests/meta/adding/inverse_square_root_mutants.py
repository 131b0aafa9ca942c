"""Mistakes planted in reference.schedules.inverse_square_root."""

from conformance.mutants import mutants

MUTANTS = mutants(
    "InverseSquareRoot",
    ("step-late", "t + 1", "t", "one update late", ""),
    ("no-root", "np.sqrt(self.steps / update)", "self.steps / update", "falls with the update, not its root", ""),
    ("no-warmup", "np.minimum(update / self.steps, np.sqrt(self.steps / update))", "np.sqrt(self.steps / update)", "there is no warmup", ""),
    ("stays-at-peak", "np.sqrt(self.steps / update)", "1", "does not fall after the warmup", ""),
    ("rate-ignored", "self.rate * np", "np", "the rate is not used", ""),
    ("maximum", "np.minimum", "np.maximum", "the higher of the two", ""),
    method="at",
)  # fmt: skip
