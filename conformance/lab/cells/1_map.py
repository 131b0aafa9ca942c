# Cells of the optimizer lab: `# %% [markdown]` begins text, `# %%` code; {{ … }} is filled in by build.py. Nothing
# imports this file.

# %% [markdown]
# ## 1. The map
#
# `translate` goes through the reference: a call in PyTorch → the rule with its hyperparameters → the call in Keras.
# It says under which **conditions** the steps are the same, and what is **lost** anyway.

# %%
there = translate("RMSprop", {"lr": 0.01, "alpha": 0.95, "momentum": 0.9})
print(there.status, "  ", there.call)
for condition in there.conditions:
    print("  holds if: ", condition.says)
for loss in there.losses:
    print("  lost:     ", loss.says)

# %% [markdown]
# `lr` became `learning_rate`, and `alpha` became `rho`. The names are the harmless part: PyTorch divides by √v + ε
# and Keras by √(v + ε), so a copied epsilon means something else. How far off does that lead in 100 steps?

# %%
_, in_torch = train_torch(lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.95, momentum=0.9))
_, copied = train_keras(lambda: tf.keras.optimizers.RMSprop(0.01, rho=0.95, momentum=0.9))
_, translated = train_keras(lambda: tf.keras.optimizers.RMSprop(**there.arguments))
print(f"names copied   largest difference of a weight {np.abs(copied - in_torch).max():.1e}")
print(f"translated     largest difference of a weight {np.abs(translated - in_torch).max():.1e}")

# %% [markdown]
# Here epsilon is so small that copying it does little harm. That is the treacherous case: it works in the test, but
# not on data with small gradients. Make epsilon large enough to matter:

# %%
there = translate("RMSprop", {"lr": 0.01, "alpha": 0.95, "eps": 0.1})
print(there.status, "  ", there.call)
_, in_torch = train_torch(lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.95, eps=0.1))
_, copied = train_keras(lambda: tf.keras.optimizers.RMSprop(0.01, rho=0.95, epsilon=0.1))
print(f"names copied   largest difference of a weight {np.abs(copied - in_torch).max():.1e}")
for loss in there.losses:
    print("  lost:     ", loss.says)

# %% [markdown]
# Such a large epsilon cannot be translated: the two rules really differ, and `translate` says by how much.
# The whole map, for the default arguments of each class in `torch.optim`:

# %%
NAMES = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "Rprop", "LBFGS"]
for name in NAMES:
    try:
        found = translate(name)
        print(f"{name:9} {found.status:12} {found.call}")
    except ValueError as error:
        print(f"{name:9} {'NONE':12} {str(error).splitlines()[0][:100]}")

# %% [markdown]
# **Try it.** Translate `SGD` with `{"lr": 0.1, "momentum": 0.9, "dampening": 0.5}`, and in the other direction:
# `translate("Nadam", source="keras", target="torch")`. For the full measured table: `python -m conformance map`.
