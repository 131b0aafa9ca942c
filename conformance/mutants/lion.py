"""Mistakes planted in reference.lion: the name, the line, the mistake, in words, the real bug."""

from conformance.mutants import mutants

MUTANTS = mutants(
    "Lion",
    ("rate-of-decay", "param - self.learning_rate", "param - self.learning_rate * (1 + self.weight_decay)", "weight decay makes the step longer", ""),
    ("zero-moves", "np.sign(c)", "np.where(c >= 0, np.ones_like(c), -np.ones_like(c))", "sign(0) is 1", ""),
    ("size-counts", "np.sign(c)", "c", "the step scales with the average instead of its sign", ""),
    ("sign-of-momentum", "np.sign(c)", "np.sign(m)", "the sign is of the new momentum", ""),
    ("sign-of-gradient", "np.sign(c)", "np.sign(g)", "the sign is of the gradient alone", ""),
    ("betas-swapped", "c = average(self.beta_1, slot[\"m\"], g)\n    m = average(self.beta_2, slot[\"m\"], g)",
     "c = average(self.beta_2, slot[\"m\"], g)\n    m = average(self.beta_1, slot[\"m\"], g)",
     "beta_1 and beta_2 are swapped", ""),
    ("one-beta", "m = average(self.beta_2, slot[\"m\"], g)", "m = average(self.beta_1, slot[\"m\"], g)",
     "beta_2 is ignored", ""),
    ("momentum-summed", "m = average(self.beta_2, slot[\"m\"], g)", "m = self.beta_2 * slot[\"m\"] + g",
     "the momentum is a sum, not an average", "Paddle#1002"),
    ("momentum-of-signs", "m = average(self.beta_2, slot[\"m\"], g)", "m = average(self.beta_2, slot[\"m\"], np.sign(c))",
     "the momentum averages the signs", ""),
    ("momentum-first", "c = average(self.beta_1, slot[\"m\"], g)",
     "c = average(self.beta_1, average(self.beta_2, slot[\"m\"], g), g)", "the momentum is updated first", ""),
    ("momentum-not-kept", "{\"m\": m}", "{}", "the momentum is not kept", ""),
    ("momentum-weights", "average(self.beta_1, slot[\"m\"], g)", "average(1 - self.beta_1, slot[\"m\"], g)",
     "beta_1 weights the gradient", ""),
    ("sign-up", "param - self.learning_rate", "param + self.learning_rate", "the step goes uphill", "Paddle#4743"),
    ("decay-ignored", "param, g = directed(self, param, grad)", "g = -grad if self.maximize else grad",
     "weight decay is ignored", "nntrainer#3527"),
    ("decay-coupled", "param, g = directed(self, param, grad)",
     "param, g = directed(type(self)(**{**vars(self), 'decay': 'coupled'}), param, grad)",
     "the decay enters the gradient, before the sign", "bitsandbytes#1992"),
    ("decay-without-rate", "param, g = directed(self, param, grad)",
     "param, g = directed(self, param, grad)\n"
     "    if self.weight_decay != 0: param = param * (1 - self.weight_decay)",
     "the decay is applied without the learning rate too", "addons#2282"),
    ("betas-float32", "c = average(self.beta_1, slot[\"m\"], g)\n    m = average(self.beta_2, slot[\"m\"], g)",
     "f32 = lambda x: float(np.float32(getattr(x, 'value', x)))\n"
     "    c = average(f32(self.beta_1), slot[\"m\"], g)\n"
     "    m = average(f32(self.beta_2), slot[\"m\"], g)",
     "the betas are cast through float32, whatever the dtype", ""),
)  # fmt: skip
