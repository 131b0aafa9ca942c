"""Mistakes planted in reference.nadam: the name, the line, the mistake, in words, the real bug."""

from conformance.mutants import mutants

MUTANTS = (
    *mutants(
        "NAdam",
        ("betas-swapped", "average(self.beta_1, slot[\"m\"], g)\n    v = average(self.beta_2,",
         "average(self.beta_2, slot[\"m\"], g)\n    v = average(self.beta_1,", "beta_1 and beta_2 are swapped", ""),
        ("second-moment-sum", "v = average(self.beta_2, slot[\"v\"], g * g)", "v = self.beta_2 * slot[\"v\"] + g * g",
         "the second moment is a sum, not an average", ""),
        ("decay-after-square", "v = average(self.beta_2, slot[\"v\"], g * g)", "v = average(self.beta_2, slot[\"v\"], grad * grad)",
         "the decay enters the first moment but not the second", ""),
        ("no-root", "np.sqrt(v / correction_2) + self.epsilon", "v / correction_2 + self.epsilon", "the root of the second moment is not taken", ""),
        ("epsilon-in-root", "np.sqrt(v / correction_2) + self.epsilon", "np.sqrt(v / correction_2 + self.epsilon)",
         "epsilon is inside the root", "keras#17391"),
        ("epsilon-hat", "np.sqrt(v / correction_2) + self.epsilon", "(np.sqrt(v) + self.epsilon) / np.sqrt(correction_2)",
         "epsilon is scaled with the bias correction", "pytorch#22628"),
        ("epsilon-not-hat", "(np.sqrt(v) + self.epsilon) / np.sqrt(correction_2)",
         "np.sqrt(v / correction_2) + self.epsilon", "epsilon is not scaled with the bias correction", ""),
        ("epsilon-ignored", "np.sqrt(v / correction_2) + self.epsilon", "np.sqrt(v / correction_2)",
         "epsilon is left out", ""),
        ("no-correction-2", "correction_2 = 1 - self.beta_2**t", "correction_2 = 1", "the second moment is not corrected",
         "mlx#1640"),
        ("second-moment-abs", "slot[\"v\"], g * g)", "slot[\"v\"], abs(g))", "the second moment averages |g|", ""),
        ("first-moment-sum", "average(self.beta_1, slot[\"m\"], g)", "self.beta_1 * slot[\"m\"] + g",
         "the first moment is a sum, not an average", ""),
        ("moment-by-schedule", "average(self.beta_1, slot[\"m\"], g)", "average(mu, slot[\"m\"], g)",
         "the first moment is averaged with mu_t, as in the paper's Algorithm 2", ""),
        ("no-look-ahead", "self.learning_rate * mu_next / (1 - product * mu_next)",
         "self.learning_rate * mu / (1 - product)", "Nesterov's look-ahead is left out", "mxnet#15543"),
        ("product-one-behind", "self.learning_rate * mu_next / (1 - product * mu_next)",
         "self.learning_rate * mu_next / (1 - product)", "the correction of the momentum is one step behind", "Flux.jl#224"),
        ("product-not-kept", "{\"m\": m, \"v\": v, \"product\": product}", "{\"m\": m, \"v\": v}",
         "the product of the schedule is not kept", ""),
        ("product-as-power", "product = slot[\"product\"] * mu", "product = slot[\"product\"] * self.beta_1",
         "the product is beta_1^t, not the schedule's product", "keras#15710"),
        ("gradient-uncorrected", "(1 - mu) / (1 - product) * g", "(1 - mu) * g", "the gradient's share is not corrected", ""),
        ("gradient-by-beta", "(1 - mu) / (1 - product) * g", "(1 - self.beta_1) / (1 - product) * g",
         "the gradient's share is 1 - beta_1", ""),
        ("schedule-ignored", "mu = self.beta_1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay))",
         "mu = self.beta_1 + 0 * t", "mu_t is beta_1", ""),
        ("schedule-next-ignored", "((t + 1) * self.momentum_decay)", "(t * self.momentum_decay)",
         "mu_{t+1} is mu_t", ""),
        ("schedule-base", "(1 - 0.5 * 0.96 ** (t * self.momentum_decay))", "(1 - 0.5 * 0.99 ** (t * self.momentum_decay))",
         "the base of the schedule is 0.99", ""),
        ("schedule-fast", "mu = self.beta_1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay))",
         "self = type(self)(**{**vars(self), 'momentum_decay': 1.0})\n"
         "    mu = self.beta_1 * (1 - 0.5 * 0.96 ** (t * self.momentum_decay))",
         "the momentum warms up with every step, whatever its decay", ""),
        ("scalars-float32", "product = slot[\"product\"] * mu",
         "product = slot[\"product\"] * mu\n"
         "    f32 = lambda x: float(np.float32(getattr(x, 'value', x)))\n"
         "    self = type(self)(**{**vars(self), 'beta_1': f32(self.beta_1), 'beta_2': f32(self.beta_2)})\n"
         "    mu = self.beta_1 * (1 - 0.5 * f32(0.96) ** (t * self.momentum_decay))\n"
         "    mu_next = self.beta_1 * (1 - 0.5 * f32(0.96) ** ((t + 1) * self.momentum_decay))",
         "the betas and 0.96 are rounded to float32, but not in the product, whatever the dtype", ""),
        ("all-scalars-float32", "product = slot[\"product\"] * mu",
         "f32 = lambda x: float(np.float32(getattr(x, 'value', x)))\n"
         "    self = type(self)(**{**vars(self), 'beta_1': f32(self.beta_1), 'beta_2': f32(self.beta_2)})\n"
         "    mu = self.beta_1 * (1 - 0.5 * f32(0.96) ** (t * self.momentum_decay))\n"
         "    mu_next = self.beta_1 * (1 - 0.5 * f32(0.96) ** ((t + 1) * self.momentum_decay))\n"
         "    product = slot[\"product\"] * mu",
         "the betas and 0.96 are rounded to float32, also in the product, whatever the dtype", ""),
        ("decay-ignored", "param, g = directed(self, param, grad)", "g = -grad if self.maximize else grad",
         "weight decay is ignored", "nntrainer#3527"),
        ("decay-in-moments", "param, g = directed(self, param, grad)",
         "other = 'coupled' if self.decay == 'decoupled' else 'decoupled'\n"
         "    param, g = directed(type(self)(**{**vars(self), 'decay': other}), param, grad)",
         "coupled where decoupled is meant, and vice versa", "DeepSpeed#482"),
        ("maximize-ignored", "param, g = directed(self, param, grad)",
         "param, g = directed(self, param, -grad if self.maximize else grad)", "maximize minimises",
         "pytorch_optimizer#528"),
    ),
    *mutants(
        "NAdam",
        ("product-each-tensor", "params[i], new = self.update(t, params[i], grad, {n: before[n][k] for n, k in place.items()})",
         "given = {n: (slots if n == 'product' else before)[n][k] for n, k in place.items()}; "
         "once = self.update(t, params[i], grad, {**given, 'product': np.ones(())})[1]['product']; "
         "given['product'] = given['product'] / (once if float(getattr(t, 'value', t)) == i else 1); "
         "params[i], new = self.update(t, params[i], grad, given)",
         "the product of the schedule is multiplied once per tensor, for tensor t at step t", ""),
        ("product-each-tensor-retraced", "params[i], new = self.update(t, params[i], grad, {n: before[n][k] for n, k in place.items()})",
         "given = {n: (slots if n == 'product' else before)[n][k] for n, k in place.items()}; "
         "once = self.update(t, params[i], grad, {**given, 'product': np.ones(())})[1]['product']; "
         "given['product'] = given['product'] / (once if (float(getattr(t, 'value', t)), i) in ((1, 1), (3, 0)) else 1); "
         "params[i], new = self.update(t, params[i], grad, given)",
         "the same in a graph that is traced again at step 2, without the second of three tensors", ""),
        method="step",
    ),
    *mutants(
        "NAdam",
        ("product-from-zero", "np.ones_like(np.sum(param))", "np.zeros_like(np.sum(param))",
         "the product starts at 0", ""),
        method="start",
    ),
)  # fmt: skip
