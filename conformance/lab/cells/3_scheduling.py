# Cells of the optimizer lab: `# %% [markdown]` begins text, `# %%` code; {{ … }} is filled in by build.py. Nothing
# imports this file.

# %% [markdown]
# ## 3. Three ways to schedule a learning rate
#
# In Keras you can pass a schedule as the learning rate, or let a callback set the rate between epochs, from a
# function of the epoch or from a metric. PyTorch wraps schedulers around the optimizer; you call their `step()`.

# %%
EPOCHS = 8


class Rates(tf.keras.callbacks.Callback):
    """Keeps the learning rate that each epoch began with."""

    def on_epoch_begin(self, epoch, logs=None):
        rate = self.model.optimizer.learning_rate
        self.kept = [*getattr(self, "kept", []), float(tf.convert_to_tensor(rate))]


def fit(learning_rate, *callbacks):
    model = tf.keras.Sequential([tf.keras.Input((5,)), tf.keras.layers.Dense(1, use_bias=False)])
    model.set_weights([FIRST])
    model.compile(optimizer=tf.keras.optimizers.SGD(learning_rate), loss="mse")
    rates = Rates()
    history = model.fit(X, Y, 16, EPOCHS, shuffle=False, verbose=0, callbacks=[*callbacks, rates])
    return rates.kept, history.history["loss"]


def halved(epoch, rate=None):
    return 0.1 * 0.5 ** (epoch // 3)


ways = {}
# One: an object in the place of the number. It counts steps, of which an epoch has four here.
schedule = tf.keras.optimizers.schedules.PiecewiseConstantDecay([11, 23], [0.1, 0.05, 0.025])
ways["a schedule object"] = fit(schedule)
# Two: a Python function of the epoch, in a callback.
ways["LearningRateScheduler"] = fit(0.1, tf.keras.callbacks.LearningRateScheduler(halved))
# Three: a metric that has stopped to improve, by at least 0.01 here.
plateau = tf.keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, min_delta=0.01)
ways["ReduceLROnPlateau"] = fit(0.1, plateau)

for name, (rates, losses) in ways.items():
    print(f"{name:22}", " ".join(f"{r:.4f}" for r in rates), f"  last loss {losses[-1]:.5f}")

# %% [markdown]
# The first two are the same schedule, so they end at the same loss. The boundary is 11, not 12: Keras changes
# the rate *after* the boundary, and its first step is number 0. In PyTorch:

# %%
w = torch.nn.Parameter(torch.tensor(FIRST))
optimizer = torch.optim.SGD([w], lr=0.1)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: halved(epoch) / 0.1)  # it wants a factor
rates = []
for _epoch in range(EPOCHS):
    rates.append(optimizer.param_groups[0]["lr"])
    for step in range(4):
        x, y = batch(step)
        optimizer.zero_grad()
        ((torch.tensor(x) @ w - torch.tensor(y)) ** 2).mean().backward()
        optimizer.step()
    scheduler.step()  # after the epoch, and after optimizer.step()
print(f"{'torch LambdaLR':22}", " ".join(f"{r:.4f}" for r in rates))

# %% [markdown]
# **Try it.** Move `scheduler.step()` into the inner loop. Which of the rates above do you get, and when?
