# Cells of the optimizer lab: `# %% [markdown]` begins text, `# %%` code; {{ … }} is filled in by build.py. Nothing
# imports this file.

# %% [markdown]
# ## 5. Parity
#
# Adam with `lr=1e-3` and betas `(0.9, 0.999)` in both, and nothing else set. After 300 steps the losses must agree
# to within 1e-4.

# %%
BETAS = {"beta_1": 0.9, "beta_2": 0.999}
torch_losses, _ = train_torch(lambda p: torch.optim.Adam(p, lr=1e-3, betas=(0.9, 0.999)), 300)
pairs = {
    "own epsilon (1e-8 and 1e-7)": (
        torch_losses,
        train_keras(lambda: tf.keras.optimizers.Adam(1e-3, **BETAS), 300)[0],
    ),
}
for epsilon in (1e-7, 1e-12):
    pairs[f"epsilon {epsilon:g} in both"] = (
        train_torch(lambda p, e=epsilon: torch.optim.Adam(p, lr=1e-3, eps=e), 300)[0],
        train_keras(lambda e=epsilon: tf.keras.optimizers.Adam(1e-3, epsilon=e, **BETAS), 300)[0],
    )

plt.figure(figsize=(7, 3))
for name, (in_torch, in_keras) in pairs.items():
    difference = np.abs(in_torch - in_keras)
    print(f"{name:28} last losses {in_torch[-1]:.6f} {in_keras[-1]:.6f}, difference {difference[-1]:.1e}")
    plt.semilogy(np.maximum(difference, 1e-9), label=name)
    assert difference[-1] < 1e-4
plt.axhline(1e-4, color="grey", lw=1)
plt.xlabel("step"), plt.ylabel("difference of the losses"), plt.legend(fontsize=8), plt.tight_layout()
plt.show()

# %% [markdown]
# All differences are far below 1e-4, but none is 0. Why? Keras adds epsilon before the second moment is corrected,
# PyTorch after, so the same number means different things; and in float32 the two sum in different orders.
# The reference has both forms, so the first effect can be computed without a framework:


# %%
def train_reference(rule, steps):
    w, losses = [FIRST.astype(np.float64)], []
    slots = rule.init(w)
    for step in range(steps):
        x, y = batch(step)
        residual = x @ w[0] - y
        losses.append(float((residual**2).mean()))
        w, slots = rule.step(w, [2 * x.T @ residual / len(y)], slots)
    return np.array(losses)


place = {"torch": ("corrected", 1e-8), "keras": ("hat", 1e-7)}
rules = {name: reference.Adam(epsilon_place=form, epsilon=epsilon) for name, (form, epsilon) in place.items()}
exact = {name: train_reference(rule, 300) for name, rule in rules.items()}
measured, by_epsilon = pairs["own epsilon (1e-8 and 1e-7)"], np.abs(exact["torch"] - exact["keras"])
print(f"measured, float32:             {np.abs(measured[0] - measured[1]).max():.1e}")
print(f"from epsilon alone, float64:   {by_epsilon.max():.1e}")
print(f"PyTorch and its own reference: {np.abs(measured[0] - exact['torch']).max():.1e}")
print(f"Keras and its own reference:   {np.abs(measured[1] - exact['keras']).max():.1e}")

# %% [markdown]
# Epsilon explains a tenth of the difference here. The rest comes from Keras: it computes the correction 1 − β₂ᵗ in
# float32, which leaves it few digits in the first steps; PyTorch uses float64. Both are Adam, and neither is wrong:
# `reports/parity.html` shows the same with a rounding bound for every step, in float64 too.
#
# **Try it.** Scale `Y` and `FIRST` by 1e-6 and run this part again: now the gradients are as small as epsilon.
