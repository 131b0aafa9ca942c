# Cells of the optimizer lab: `# %% [markdown]` begins text, `# %%` code; {{ … }} is filled in by build.py. Nothing
# imports this file.

# %% [markdown]
# ## 6. Fashion-MNIST, in both
#
# One small ConvNet with the same initial weights, the same batches in the same order and translated
# hyperparameters, trained for a few epochs on part of the training set. Four optimizers, two frameworks: a few
# minutes.

# %%
from conformance.lab import fashion_mnist
from conformance.lab.fashion import compare, train, training_calls

IMAGES, TRAINING_EPOCHS = 15_000, 4
data = fashion_mnist(IMAGES)
plan = compare.TrainingPlan(epochs=TRAINING_EPOCHS, evaluations=1, limit=IMAGES)
RATES = {"sgd": 0.03, "adam": 1e-3, "adamw": 1e-3, "rmsprop": 1e-3}

runs = {}
for name, rate in RATES.items():
    for framework, call in training_calls.translated(name, rate).calls.items():
        runs[name, framework] = train.train(compare.job_of(plan, "translated", call, seed=0), data)
        record = runs[name, framework]
        print(f"{name:8} {framework:6} test accuracy {record['test']['accuracy']:.4f}   {call.text}")

# %%
plt.figure(figsize=(7, 3))
for i, name in enumerate(RATES):
    for framework, style in (("torch", "-"), ("keras", "--")):
        curve = runs[name, framework]["first_losses"]
        plt.plot(curve, style, color=f"C{i}", lw=1, label=f"{name}, {framework}")
plt.yscale("log"), plt.xlabel("step"), plt.ylabel("training loss")
plt.legend(fontsize=7, ncol=4), plt.tight_layout()
plt.show()
for name in RATES:
    a, b = (np.array(runs[name, f]["first_losses"]) for f in ("torch", "keras"))
    apart = np.nonzero(np.abs(a - b) > 1e-3 * a)[0]
    print(f"{name:8} losses agree to 1e-3 for", f"{apart[0]} steps" if len(apart) else f"all {len(a)} steps")

# %% [markdown]
# That used only some of the images and epochs. This is the full result, published with the project:
#
# {{ published }}
#
# Before you pick a winner from such a table, ask:
#
# 1. **How large is chance?** An accuracy on 10,000 test images has a standard error of about 0.3 points: numbers
#    0.5 points apart do not show that the networks differ.
# 2. **Are the seeds paired?** Both frameworks get the same weights and batches, so they start as one training. The
#    steps above show how long they stay together; after that, rounding has split it into two.
# 3. **Whose learning rate?** It was chosen for each optimizer from a few values, on a validation set. A different
#    budget may give a different winner: this compares frameworks, not optimizers.
# 4. **Does "no difference shown" mean "the same"?** No. They are the same only if the interval of the difference is
#    within limits set in advance: here ±0.5 points.
#
# **Try it.** Change the seed in `compare.job_of` and run the training cell again. Is the difference between two
# seeds smaller or larger than that between the two frameworks?

# %%
for name in RATES:
    a, b = (runs[name, f]["test"]["accuracy"] for f in ("torch", "keras"))
    error = 100 * np.sqrt((a * (1 - a) + b * (1 - b)) / runs[name, "torch"]["test"]["images"])
    print(f"{name:8} Keras − PyTorch: {100 * (b - a):+.2f} points, and chance alone gives about ±{error:.2f}")

# %% [markdown]
# **What to remember.** Names translate; epsilons do not. An optimizer is correct if every slot is correct at every
# step, which a loss curve cannot show. A difference between frameworks counts only if it exceeds both rounding and
# chance, and both can be computed.
