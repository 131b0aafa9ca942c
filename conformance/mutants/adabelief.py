"""Mistakes planted in reference.adabelief: the name, the line, the mistake, in words, the real bug."""

from conformance.mutants import mutants

MUTANTS = mutants(
    "AdaBelief",
    ("second-moment-of-gradient", "away * away", "grad * grad", "the second moment averages the gradient, as in Adam", ""),
    ("old-average", "away = grad - m", "away = grad - slot[\"m\"]", "the distance is measured from the previous average", ""),
    ("distance-abs", "away * away", "abs(away)", "the second moment averages the distance, not its square", ""),
    ("epsilon-once", ") + self.epsilon\n", ")\n", "epsilon is not added to the second moment", ""),
    ("epsilon-not-kept", "{\"m\": m, \"s\": s}", "{\"m\": m, \"s\": s - self.epsilon}", "epsilon is used in the step but not kept", ""),
    ("epsilon-not-beside", "(np.sqrt(s_hat) + self.epsilon)", "np.sqrt(s_hat)", "epsilon is not added outside the root", ""),
    ("no-root", "(np.sqrt(s_hat) + self.epsilon)", "(s_hat + self.epsilon)", "the root of the second moment is not taken", ""),
    ("no-correction-1", "m / (1 - self.beta_1**t)", "m", "the first moment is not corrected", ""),
    ("no-correction-2", "s / (1 - self.beta_2**t)", "s", "the second moment is not corrected", ""),
    ("betas-swapped", "1 - self.beta_2**t", "1 - self.beta_1**t", "the second correction uses beta_1", ""),
    ("counter-from-zero", "1 - self.beta_1**t", "1 - self.beta_1**(t + 1)", "the counter is one ahead", "tensorflow#35444"),
)  # fmt: skip
