"""Mistakes planted in reference.adagrad: the name, the line, the mistake, in words, the real bug."""

from conformance.mutants import mutants

MUTANTS = (
    *mutants(
        "Adagrad",
        ("epsilon-moved-in", "np.sqrt(s) + self.epsilon", "np.sqrt(s + self.epsilon)",
         "epsilon is inside the root where it belongs outside", "keras#17391"),
        ("epsilon-moved-out", "np.sqrt(s + self.epsilon)", "(np.sqrt(s) + self.epsilon)",
         "epsilon is outside the root where it belongs inside", "keras#17391"),
        ("epsilon-ignored", "d = np.sqrt(s + self.epsilon) if", "self = type(self)(**{**vars(self), 'epsilon': 0.0})\n"
         "    d = np.sqrt(s + self.epsilon) if", "epsilon is left out", ""),
        ("no-root", "return param - rate * g / d, {\"s\": s}", "return param - rate * g / (d * d), {\"s\": s}",
         "the root of the sum of squares is not taken", ""),
        ("sum-forgets", "s = slot[\"s\"] + g * g", "s = 0.875 * slot[\"s\"] + g * g", "old squares decay", ""),
        ("sum-late", "np.sqrt(s) + self.epsilon", "np.sqrt(slot[\"s\"]) + self.epsilon",
         "the step is divided by the sum without this gradient", ""),
        ("sum-late-inside", "np.sqrt(s + self.epsilon)", "np.sqrt(slot[\"s\"] + self.epsilon)",
         "the step is divided by the sum without this gradient (epsilon inside)", ""),
        ("sum-not-kept", "return param - rate * g / d, {\"s\": s}", "return param - rate * g / d, {}",
         "the sum of squares is used but not kept", ""),
        ("sign", "return param - rate * g / d", "return param + rate * g / d", "the step goes uphill", "Paddle#4743"),
        ("rate-decay-ignored", "(1 + (t - 1) * self.learning_rate_decay)", "(1 + 0 * t)",
         "the learning rate does not decay", "tensorflow_scala#55"),
        ("rate-decay-early", "(1 + (t - 1) * self.learning_rate_decay)", "(1 + t * self.learning_rate_decay)",
         "the learning rate decays one step too early", ""),
        ("rate-decay-exponential", "self.learning_rate / (1 + (t - 1) * self.learning_rate_decay)",
         "self.learning_rate * (1 - self.learning_rate_decay) ** (t - 1)", "the decay is exponential", ""),
        ("decay-ignored", "param, g = directed(self, param, grad)", "g = -grad if self.maximize else grad",
         "weight decay is ignored", "mxnet#5043"),
        ("decay-after-square", "s = slot[\"s\"] + g * g", "s = slot[\"s\"] + grad * grad",
         "weight decay enters the step but not the sum of squares", ""),
        ("maximize-ignored", "param, g = directed(self, param, grad)",
         "param, g = directed(self, param, -grad if self.maximize else grad)", "maximize minimises",
         "pytorch_optimizer#528"),
    ),
    *mutants(
        "Adagrad",
        ("accumulator-from-zero", "np.zeros_like(param) + self.initial_accumulator", "np.zeros_like(param)",
         "the initial accumulator is ignored", ""),
        ("accumulator-float32", "np.zeros_like(param) + self.initial_accumulator",
         "np.zeros_like(param) + float(np.float32(getattr(self.initial_accumulator, 'value', self.initial_accumulator)))",
         "the initial accumulator is rounded to float32, whatever the dtype", ""),
        method="start",
    ),
)  # fmt: skip
