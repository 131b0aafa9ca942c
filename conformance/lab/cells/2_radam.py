# Cells of the optimizer lab: `# %% [markdown]` begins text, `# %%` code; {{ … }} is filled in by build.py. Nothing
# imports this file.

# %% [markdown]
# ## 2. RAdam, written out
#
# Keras has no RAdam. Its rule (Liu et al., ICLR 2020, Algorithm 2), for step t = 1, 2, … and gradient g:
#
#     m ← β₁ m + (1 − β₁) g              v ← β₂ v + (1 − β₂) g²            both start at 0: the two moment slots
#     ρ∞ = 2/(1 − β₂) − 1                ρ = ρ∞ − 2 t β₂ᵗ/(1 − β₂ᵗ)        how many gradients v averages
#     r = √((ρ − 4)(ρ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρ))
#     ρ > 5:      θ ← θ − α r √(1 − β₂ᵗ) / (√v + ε) · m/(1 − β₁ᵗ)
#     otherwise:  θ ← θ − α m/(1 − β₁ᵗ)                                    v is not trusted yet
#
# A Keras optimizer has to define three things: its slots (`build`), what a step does to one variable
# (`update_step`), and how to recreate it (`get_config`).


# %%
class MyRAdam(tf.keras.optimizers.Optimizer):
    def __init__(self, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-8, name="my_radam", **options):
        super().__init__(learning_rate=learning_rate, name=name, **options)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables):
        super().build(variables)  # the counter `iterations`, which is 0 in the first step
        self.ms = [self.add_variable_from_reference(v, "momentum") for v in variables]
        self.vs = [self.add_variable_from_reference(v, "velocity") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        at = self._get_variable_index(variable)
        m, v, dtype = self.ms[at], self.vs[at], variable.dtype
        m.assign(self.beta_1 * m + (1 - self.beta_1) * gradient)
        v.assign(self.beta_2 * v + (1 - self.beta_2) * gradient**2)

        # What depends on t alone is computed in float64: in float32 rounding would decide whether ρ > 5.
        t = tf.cast(self.iterations + 1, tf.float64)
        power = tf.constant(self.beta_2, tf.float64) ** t
        rho_inf = 2 / (1 - self.beta_2) - 1
        rho = rho_inf - 2 * t * power / (1 - power)
        root = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
        size = tf.cast(learning_rate, tf.float64) / (1 - tf.constant(self.beta_1, tf.float64) ** t)
        adapted = tf.cast(tf.sqrt(tf.maximum(root, 0.0) * (1 - power)), dtype) / self.denominator(v)
        step = tf.where(rho > 5, adapted, tf.ones_like(adapted))
        variable.assign_sub(tf.cast(size, dtype) * step * m)

    def denominator(self, v):
        return tf.sqrt(v) + self.epsilon

    def get_config(self):
        return super().get_config() | {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


# %% [markdown]
# Does it do what the paper says? `check` drives the class through cases designed to expose mistakes (tiny, huge,
# missing and vanishing gradients) and compares every slot at every step with the reference, within the rounding
# error of a correct implementation. `threshold=5.0` selects the form we mean: the paper has 4, PyTorch 5.

# %%
QUICK = {"only": ("probing", "missing", "rate-change"), "modes": ("eager",)}
print(check(MyRAdam, like=reference.RAdam(threshold=5.0), **QUICK))

# %% [markdown]
# Now a mistake that is easy to make and that no training curve would show: epsilon inside the root.


# %%
class EpsilonInside(MyRAdam):
    def denominator(self, v):
        return tf.sqrt(v + self.epsilon)


try:
    check(EpsilonInside, like=reference.RAdam(threshold=5.0), only=("probing",), modes=("eager",))
except DoesNotConform as finding:
    print(finding)

# %% [markdown]
# The finding names the step, the element, the line of the rule and the mistake. Now train the correct version
# beside `torch.optim.RAdam`:

# %%
in_keras, _ = train_keras(lambda: MyRAdam(0.05))
in_torch, _ = train_torch(lambda p: torch.optim.RAdam(p, lr=0.05))
print(f"loss after 100 steps: {in_keras[-1]:.6f} in Keras, {in_torch[-1]:.6f} in PyTorch")
print(f"largest difference of a loss on the way: {np.abs(in_keras - in_torch).max():.1e}")

# %% [markdown]
# **Try it.** Break something else (t starts at 0, one β for both moments, `rho > 4`), and see what `check` makes of
# it. A ready-made RAdam, with weight decay, sparse gradients and saved state: `from conformance import RAdam`.
