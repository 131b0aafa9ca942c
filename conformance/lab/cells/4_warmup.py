# Cells of the optimizer lab: `# %% [markdown]` begins text, `# %%` code; {{ … }} is filled in by build.py. Nothing
# imports this file.

# %% [markdown]
# ## 4. Linear warmup, then cosine
#
# A custom schedule is a class with `__call__(step)`, which has to work on tensors, and `get_config`, without which
# a saved model cannot be loaded.


# %%
@tf.keras.utils.register_keras_serializable("lab")
class WarmupCosine(tf.keras.optimizers.schedules.LearningRateSchedule):
    """From 0 to `peak` in `warmup` steps, then down to 0 along half a cosine in `decay` steps."""

    def __init__(self, peak, warmup, decay):
        super().__init__()
        self.peak, self.warmup, self.decay = peak, warmup, decay

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        rising = self.peak * step / self.warmup
        gone = tf.clip_by_value((step - self.warmup) / self.decay, 0.0, 1.0)
        falling = self.peak * 0.5 * (1 + tf.cos(np.pi * gone))
        return tf.where(step < self.warmup, rising, falling)

    def get_config(self):
        return {"peak": self.peak, "warmup": self.warmup, "decay": self.decay}


PEAK, WARMUP, DECAY = 0.1, 20, 80
schedules = tf.keras.optimizers.schedules
again = schedules.deserialize(schedules.serialize(WarmupCosine(PEAK, WARMUP, DECAY)))
own = np.array([float(again(t)) for t in range(WARMUP + DECAY + 20)])
keras_has = schedules.CosineDecay(0.0, DECAY, warmup_target=PEAK, warmup_steps=WARMUP)
of_keras = np.array([float(keras_has(t)) for t in range(len(own))])
restarts = schedules.CosineDecayRestarts(PEAK, 40, t_mul=1.0, m_mul=0.5)

optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
lr_scheduler = torch.optim.lr_scheduler
rise = lr_scheduler.LambdaLR(optimizer, lambda t: t / WARMUP)
fall = lr_scheduler.CosineAnnealingLR(optimizer, DECAY)
both = lr_scheduler.SequentialLR(optimizer, [rise, fall], milestones=[WARMUP])
of_torch = []
for _step in range(WARMUP + DECAY):
    of_torch.append(optimizer.param_groups[0]["lr"])
    optimizer.step()
    both.step()

plt.figure(figsize=(7, 3))
plt.plot(own, lw=5, alpha=0.4, label="WarmupCosine, ours")
plt.plot(of_keras, "--", label="Keras CosineDecay with warmup")
plt.plot(of_torch, ":", lw=2, label="torch SequentialLR")
plt.plot([float(restarts(t)) for t in range(len(own))], lw=1, label="Keras CosineDecayRestarts")
plt.xlabel("step"), plt.ylabel("learning rate"), plt.legend(fontsize=8), plt.tight_layout()
plt.show()
print(f"ours and Keras' own: largest difference {np.abs(own - of_keras).max():.1e}")
print(f"ours and torch's:    largest difference {np.abs(own[: len(of_torch)] - of_torch).max():.1e}")

# %% [markdown]
# The three agree to float32 precision. They differ where nobody looks: after the last step torch's
# `CosineAnnealingLR` rises again, and `LinearLR`, the obvious choice for the warmup, refuses to start at 0.
#
# **Try it.** Start the warmup at `(step + 1) / warmup`, so that the first step is not lost. What has to change in
# the Keras and torch schedules to match?
