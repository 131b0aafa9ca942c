# Cells of the optimizer lab: `# %% [markdown]` begins text, `# %%` code; {{ … }} is filled in by build.py. Nothing
# imports this file.

# %% [markdown]
# # The optimizer lab: TensorFlow/Keras and PyTorch
#
# [Open in Colab]({{ colab }}){{ unpublished }} · needs Python 3.11, TensorFlow 2.16 and PyTorch 2, or newer; no GPU
#
# Is `Adam` in Keras the `Adam` in PyTorch? In 40 minutes you will move optimizers between the two frameworks, write
# one yourself and check it against its paper, schedule learning rates, and learn what a comparison shows.
#
# | | you will be able to | minutes |
# |---|---|---|
# | 1 | translate an optimizer, and say what does not carry over | 6 |
# | 2 | write RAdam for Keras, with its moment slots, and check it | 10 |
# | 3 | schedule the learning rate in three ways | 5 |
# | 4 | write a schedule: linear warmup, then cosine | 5 |
# | 5 | bring both frameworks to the same losses, and explain the remaining difference | 6 |
# | 6 | train Fashion-MNIST in both, and say what the comparison shows | 8 |
#
# Run the cells from top to bottom. Each part ends with something to try.

# %%
# Installs what is missing; where all is there, it does nothing. On Colab this project alone is missing.
import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

REPOSITORY = "{{ repository }}"
checkout = next((p for p in [Path.cwd(), *Path.cwd().parents] if (p / "conformance" / "lab").is_dir()), None)
WANTED = {
    "conformance": str(checkout or f"optimizer-conformance @ git+{REPOSITORY}"),
    "tensorflow": "tensorflow-cpu" if sys.platform == "linux" else "tensorflow",
    "torch": "torch",
}
missing = [package for module, package in WANTED.items() if importlib.util.find_spec(module) is None]
if any("<" in package for package in missing):
    raise RuntimeError("This notebook was made before its project had an address: set REPOSITORY to it.")
if missing:
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", *missing], check=True)
    importlib.invalidate_caches()

# %%
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
import torch

import reference  # every optimizer once, in NumPy, from its paper
from conformance import DoesNotConform, check, translate

print(f"TensorFlow {tf.__version__}, Keras {tf.keras.__version__}, PyTorch {torch.__version__}")

# %% [markdown]
# The first five parts share one small regression: 64 samples in batches of 16, with the same data, initial weights
# and order in both frameworks. Whatever differs afterwards is due to the optimizer.

# %%
rng = np.random.default_rng(0)
X = rng.normal(size=(64, 5)).astype("float32")
Y = (X @ np.array([[0.3], [-0.5], [0.1], [0.0], [0.4]]) + 0.1 * rng.normal(size=(64, 1))).astype("float32")
FIRST = (0.1 * rng.normal(size=(5, 1))).astype("float32")


def batch(step):
    rows = slice(16 * (step % 4), 16 * (step % 4) + 16)
    return X[rows], Y[rows]


def train_torch(make, steps=100):
    """The loss of every step and the last weights; `make` is given the parameters."""
    w = torch.nn.Parameter(torch.tensor(FIRST))
    optimizer, losses = make([w]), []
    for step in range(steps):
        x, y = batch(step)
        optimizer.zero_grad()
        loss = ((torch.tensor(x) @ w - torch.tensor(y)) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses), w.detach().numpy()


def train_keras(make, steps=100):
    """The same in Keras; `make` is given nothing."""
    w = tf.Variable(FIRST)
    optimizer, losses = make(), []
    optimizer.build([w])

    @tf.function  # made a graph once; without it the same, and slower
    def one_step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ w - y) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    for step in range(steps):
        losses.append(float(one_step(*map(tf.constant, batch(step)))))
    return np.array(losses), w.numpy()
