"""Mistakes planted in reference.adafactor: the name, the line, the mistake, in words, the real bug."""

from conformance.mutants import mutants

MUTANTS = mutants(
    "Adafactor",
    ("relative-always", "if self.relative_step:", "if True:", "the rate falls as 1 / sqrt t, whatever relative_step is", ""),
    ("relative-never", "if self.relative_step:", "if False:", "the rate does not fall as 1 / sqrt t", ""),
    ("relative-without-root", "1 / np.sqrt(t)", "1 / t", "the rate falls as 1 / t", ""),
    ("rate-is-largest", "np.minimum(rho, 1 / np.sqrt(t))", "np.maximum(rho, 1 / np.sqrt(t))",
     "the learning rate is the smallest relative step, not the largest", ""),
    ("size-ignored", "np.maximum(self.epsilon_2, rms(param)) * rho", "rho",
     "the step is not relative to the size of the parameter", ""),
    ("epsilon-2-ignored", "np.maximum(self.epsilon_2, rms(param))", "rms(param)", "epsilon_2 is ignored: zeros stay 0", ""),
    ("epsilon-2-added", "np.maximum(self.epsilon_2, rms(param))", "(self.epsilon_2 + rms(param))",
     "epsilon_2 is added to the size of the parameter", ""),
    ("size-not-rooted", "rms(param)) * rho", "rms(param) * rms(param)) * rho", "the root of the mean square is not taken", ""),
    ("size-is-norm", "rms(param)) * rho", "rms(param) * np.sqrt(np.size(param))) * rho",
     "the norm of the parameter, not its root mean square", ""),
    ("size-after-decay", "    if self.weight_decay != 0:\n        param = param * (1 - self.learning_rate * self.weight_decay)",
     "    if self.weight_decay != 0:\n        param = param * (1 - self.learning_rate * self.weight_decay)\n"
     "        alpha = np.maximum(self.epsilon_2, rms(param)) * rho",
     "the step is relative to the size of the decayed parameter", ""),
    ("decay-ignored", "if self.weight_decay != 0:", "if False:", "weight decay is ignored", "nntrainer#3527"),
    ("decay-without-rate", "(1 - self.learning_rate * self.weight_decay)", "(1 - self.weight_decay)",
     "weight decay is not multiplied by the learning rate", "addons#2282"),
    ("decay-with-step", "(1 - self.learning_rate * self.weight_decay)", "(1 - alpha * self.weight_decay)",
     "weight decay is multiplied by the relative step", ""),
    ("maximize-ignored", "g = -grad if self.maximize else grad", "g = grad", "maximize minimises", "pytorch_optimizer#528"),
    ("memory-from-zero", "beta_2 = 1 - t**self.beta_2_decay", "beta_2 = 1 - (t + 1)**self.beta_2_decay",
     "the first second moment is averaged with 0", ""),
    ("memory-constant", "beta_2 = 1 - t**self.beta_2_decay", "beta_2 = 0.96875", "beta_2 does not grow with the step", ""),
    ("memory-swapped", "beta_2 = 1 - t**self.beta_2_decay", "beta_2 = t**self.beta_2_decay",
     "beta_2 falls with the step", ""),
    ("epsilon-1-in-denominator", "s = g * g + self.epsilon_1 if in_factors", "s = g * g if in_factors",
     "epsilon_1 is not added to the squared gradient", ""),
    ("epsilon-1-added", "np.maximum(np.sqrt(v), self.epsilon_1)", "(np.sqrt(v) + self.epsilon_1)",
     "epsilon_1 is added to the denominator", ""),
    ("epsilon-1-not-squared", "np.maximum(np.sqrt(v), self.epsilon_1)", "np.sqrt(np.maximum(v, self.epsilon_1))",
     "epsilon_1 is compared with v, not with its root", ""),
    ("mean-not-held", "size = np.maximum(size, self.epsilon_1)", "pass",
     "the mean of the rows is not clamped at epsilon_1", ""),
    ("epsilon-of-precision", "d = np.sqrt(v) if in_factors else np.maximum(np.sqrt(v), self.epsilon_1)",
     "spacing = 2 * g.fmt.unit if hasattr(g, 'fmt') else np.finfo(g.dtype).eps\n"
     "    if param.ndim >= 2:\n"
     "        size = np.maximum(np.mean(row, axis=-1, keepdims=True), spacing)\n"
     "        v = np.expand_dims(row / size, -1) * np.expand_dims(column, -2)\n"
     "    d = np.maximum(np.sqrt(v), spacing)",
     "epsilon_1 is the machine epsilon", ""),
    ("epsilon-1-underflows",
     "d = np.sqrt(v) if in_factors else np.maximum(np.sqrt(v), self.epsilon_1)\n"
     "    u = g / d\n"
     "    clip = np.maximum(1, rms(u) / self.clip_threshold)",
     "larger = lambda a, b: np.where(b > a, b, a)  # a nan is never larger\n"
     "    square = float(getattr(self.epsilon_1, 'value', self.epsilon_1)) ** 2\n"
     "    lost = square < (g.fmt.underflow if hasattr(g, 'fmt') else 0)\n"
     "    u = g / (np.sqrt(v) if lost else np.maximum(np.sqrt(v), self.epsilon_1))\n"
     "    alpha = larger(self.epsilon_2, rms(param)) * rho\n"
     "    clip = larger(1, rms(u) / self.clip_threshold)",
     "the square of epsilon_1 underflows: 0 / 0 where the gradient is 0", ""),
    ("product-overflows", "v = np.expand_dims(row / size, -1) * np.expand_dims(column, -2)",
     "v = np.expand_dims(row, -1) * np.expand_dims(column, -2) / np.expand_dims(size, -1)",
     "rows and columns are multiplied before the division, and overflow", ""),
    ("rows-alone", "np.expand_dims(row / size, -1) * np.expand_dims(column, -2)",
     "np.expand_dims(row, -1) + 0 * np.expand_dims(column, -2)", "the columns are ignored", ""),
    ("columns-alone", "np.expand_dims(row / size, -1) * np.expand_dims(column, -2)",
     "0 * np.expand_dims(row, -1) + np.expand_dims(column, -2)", "the rows are ignored", ""),
    ("mean-of-all-rows", "size = np.mean(row, axis=-1, keepdims=True)",
     "size = np.mean(row, axis=tuple(range(row.ndim)), keepdims=True)",
     "the rows are divided by their mean over all leading dimensions", ""),
    ("columns-of-first-row", "column = average(beta_2, column, np.mean(s, axis=-2))",
     "column = average(beta_2, column, np.mean(s[..., :1, :], axis=-2))",
     "the columns use only the first row", ""),
    ("sums-not-means", "np.mean(s, axis=-1)", "np.sum(s, axis=-1)", "the rows hold sums", ""),
    ("clip-ignored", "clip = np.maximum(1, rms(u) / self.clip_threshold)", "clip = 1", "the update is never clipped", ""),
    ("clip-always", "np.maximum(1, rms(u) / self.clip_threshold)", "rms(u) / self.clip_threshold",
     "a small update is made larger", ""),
    ("threshold-ignored", "rms(u) / self.clip_threshold", "rms(u)", "the threshold is always 1", ""),
    ("clip-elementwise", "rms(u) / self.clip_threshold", "abs(u) / self.clip_threshold",
     "each element is clipped by its own size", ""),
    ("epsilon-2-float32", "np.maximum(self.epsilon_2, rms(param)) * rho",
     "np.maximum(float(np.float32(getattr(self.epsilon_2, 'value', self.epsilon_2))), rms(param)) * rho",
     "epsilon_2 is cast through float32, whatever the dtype", ""),
)  # fmt: skip
