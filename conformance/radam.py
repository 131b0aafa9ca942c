"""RAdam for Keras, which lacks it: one class for Keras 2 (TensorFlow 2.12 to 2.15) and Keras 3."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from conformance.errors import BadInput, choose

try:
    import tensorflow as tf
except ImportError as error:
    raise ImportError(
        "conformance.RAdam is a Keras optimizer and needs TensorFlow 2.12 or newer, which cannot be imported "
        f"here ({error}). Install it with `pip install tensorflow`, or `pip install tensorflow-cpu` "
        "for a machine without a GPU. Without TensorFlow, torch.optim.RAdam computes the same steps."
    ) from error

_Base = tf.keras.optimizers.Optimizer
# Keras 3 passes the learning rate to the base class and to update_step; Keras 2 does neither.
_KERAS_3 = "learning_rate" in inspect.signature(_Base.update_step).parameters


@tf.keras.utils.register_keras_serializable(package="conformance")
class RAdam(_Base):
    r"""Adam whose adaptive step is rectified while its second moment still rests on few gradients.

    Step t = 1, 2, … with gradient g, for each element (`momentum` m and `velocity` v start at 0):

        m     ← m + (1 − β₁)(g − m)                                   β₁ = beta_1
        v     ← β₂ v + (1 − β₂) g²                                    β₂ = beta_2
        ρ_∞   = 2/(1 − β₂) − 1
        ρ_t   = ρ_∞ − 2 t β₂ᵗ/(1 − β₂ᵗ)
        r_t   = √( (ρ_t − 4)(ρ_t − 2) ρ_∞ / ((ρ_∞ − 4)(ρ_∞ − 2) ρ_t) )

        if ρ_t > threshold, the step is rectified:                    α = learning_rate, ε = epsilon
            θ ← θ − α m/(1 − β₁ᵗ) · r_t √(1 − β₂ᵗ)/(√v + ε)           epsilon_place="before_correction"
            θ ← θ − α m/(1 − β₁ᵗ) · r_t /(√(v/(1 − β₂ᵗ)) + ε)         epsilon_place="after_correction"
        otherwise:
            θ ← θ − α m/(1 − β₁ᵗ)                                     unrectified="momentum"
            θ ← θ                                                     unrectified="none"

    and, with λ = weight_decay, before all this either θ ← θ − α λ θ (decoupled_weight_decay=True) or
    g ← g + λ θ (False). ρ_t, r_t and the corrections are computed in float64 from the integer step counter,
    whatever the dtype of the variable: ρ_t loses twice as many digits as ρ_∞ has, nearly all in float32, so that
    rounding would decide the branch. (In float64 it does from beta_2 ≈ 1 − 1e-6 on, here and in torch.)

    Source: Liu, Jiang, He, Chen, Liu, Gao and Han, "On the Variance of the Adaptive Learning Rate and
    Beyond", ICLR 2020, https://arxiv.org/abs/1908.03265, Algorithm 2. Where forms differ:

    | form                                         | here                                               |
    |----------------------------------------------|----------------------------------------------------|
    | the paper, Algorithm 2: ρ_t > 4, no ε        | threshold=4.0, epsilon=0.0                         |
    | torch.optim.RAdam                            | the defaults                                       |
    | TensorFlow Addons' RectifiedAdam             | epsilon=1e-7, epsilon_place="after_correction"     |
    | the authors' code, degenerated_to_sgd=False  | unrectified="none"                                 |

    Coming from `torch.optim.RAdam(params, lr, betas, eps, weight_decay, decoupled_weight_decay)`:
    lr is learning_rate, betas are (beta_1, beta_2), eps is epsilon; weight_decay and decoupled_weight_decay keep
    their names, but the latter is False by default in torch and True here: set it explicitly.
    `maximize` means negating the loss. exp_avg is the slot "momentum", exp_avg_sq "velocity", step `iterations`.

    Args:
        learning_rate: α, a float ≥ 0, a `LearningRateSchedule` or anything else the installed Keras accepts.
            Keras keeps a float in a variable of dtype `floatx()`: 0.001 is 0.0010000000474974513 in float32.
        beta_1: β₁ in [0, 1), the decay of the first moment.
        beta_2: β₂ in [0, 1), the decay of the second moment. If 2/(1 − β₂) − 1 ≤ threshold, no step is
            ever rectified.
        epsilon: ε ≥ 0.
        epsilon_place: "before_correction" (added to the stored √v) or "after_correction".
        threshold: a step is rectified when ρ_t is greater; at least 4, below which r_t is not real.
            5 (the default) leaves steps 1 to 5 unrectified with the default beta_2, 4 leaves steps 1 to 4.
        unrectified: what an unrectified step does, "momentum" or "none" (no decay either).
        weight_decay: λ ≥ 0 or None. Unlike in other Keras optimizers it is not rounded to float32.
        decoupled_weight_decay: as in AdamW and in every Keras optimizer (True), or L2 (False).
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name:
            as in every Keras optimizer.
        **kwargs: other arguments of the installed base class: loss_scale_factor and
            gradient_accumulation_steps in Keras 3, jit_compile in Keras 2.

    Variables and slots share a dtype. The arithmetic on float16 and bfloat16 variables is done in float32 and
    rounded once, but a float16 `velocity` underflows for gradients below about 0.01: prefer Keras' mixed
    precision, whose variables are float32, or set epsilon to 1e-3. Sparse gradients (`tf.IndexedSlices`)
    act like dense ones, including clipping and loss scaling. To load a saved model in a new process,
    `import conformance.radam` first.

    Example:

    >>> import tensorflow as tf
    >>> from conformance import RAdam
    >>> w = tf.Variable(1.0)
    >>> optimizer = RAdam(learning_rate=0.1)
    >>> for _ in range(7):
    ...     with tf.GradientTape() as tape:
    ...         loss = w**2
    ...     _ = optimizer.apply_gradients(zip(tape.gradient(loss, [w]), [w]))
    >>> print(f"{w.numpy():.4f}")
    0.1970
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        epsilon_place: str = "before_correction",
        threshold: float = 5.0,
        unrectified: str = "momentum",
        weight_decay: float | None = None,
        decoupled_weight_decay: bool = True,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        name: str = "radam",
        **kwargs: Any,
    ) -> None:
        if tf.keras.backend.backend() != "tensorflow":
            # A port to keras.ops would only have to replace tf in `_scalars` and `update_step`.
            raise ImportError(
                f"conformance.RAdam needs Keras' TensorFlow backend; this process has "
                f"{tf.keras.backend.backend()!r}. Set KERAS_BACKEND=tensorflow before Keras is imported."
            )
        if isinstance(learning_rate, Real):
            learning_rate = _number("learning_rate", learning_rate, 0.0)
        if weight_decay is not None:
            weight_decay = _number("weight_decay", weight_decay, 0.0)
        base = dict(
            name=name,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            **kwargs,
        )
        _check_around(base)
        if _KERAS_3:
            super().__init__(learning_rate=learning_rate, **base)
        else:
            super().__init__(**base)
            self._learning_rate = self._build_learning_rate(learning_rate)
        self.beta_1 = _number("beta_1", beta_1, 0.0, 1.0)
        self.beta_2 = _number("beta_2", beta_2, 0.0, 1.0)
        self.epsilon = _number("epsilon", epsilon, 0.0)
        self.epsilon_place = choose("epsilon_place", str(epsilon_place), _EPSILON_PLACES)
        self.threshold = _number("threshold", threshold, 4.0)
        self.unrectified = choose("unrectified", str(unrectified), _UNRECTIFIED)
        self.decoupled_weight_decay = bool(decoupled_weight_decay)
        if self.unrectified == "none" and self._rho_inf <= self.threshold:
            raise BadInput(
                f"unrectified: 'none' would never move a variable, as beta_2={self.beta_2} keeps rho below "
                f"{self._rho_inf:g} and threshold is {self.threshold:g}. "
                "Allowed: 'momentum', a greater beta_2 or a lower threshold."
            )

    @property
    def _rho_inf(self) -> float:
        return 2 / (1 - self.beta_2) - 1

    def build(self, variables: Sequence[Any]) -> None:
        """Create the slots `momentum` and `velocity` of each variable, in this order."""
        if getattr(self, "_built", False):
            return
        for variable in variables:
            if not tf.as_dtype(variable.dtype).is_floating:
                raise BadInput(f"variables: {variable.name} is {variable.dtype}. Allowed: floating point.")
        super().build(variables)
        self._momentums = []
        self._velocities = []
        for variable in variables:
            # By position, since the two generations of Keras name these arguments differently.
            self._momentums.append(self.add_variable_from_reference(variable, "momentum"))
            self._velocities.append(self.add_variable_from_reference(variable, "velocity"))
        # Without this, Keras 2 silently restores nothing into an optimizer, and in neither generation would
        # exclude_from_weight_decay() refuse a late call.
        self._built = True

    # Sparse gradients are made dense before the base class sees them: it clips rows with the same index
    # separately, and Keras 3 cannot divide them by loss_scale_factor.
    if _KERAS_3:

        def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
            """Apply one gradient to each variable."""
            super().apply([_dense(g) for g in grads], trainable_variables)

    else:

        def apply_gradients(self, grads_and_vars: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
            """Apply one gradient to each variable."""
            return super().apply_gradients([(_dense(g), v) for g, v in grads_and_vars], *args, **kwargs)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any = None) -> None:
        """Move one variable and its slots by one step."""
        if learning_rate is None:
            learning_rate = self.learning_rate  # Keras 2 does not pass it.
        position = self._get_variable_index if _KERAS_3 else lambda v: self._index_dict[self._var_key(v)]
        momentum = _native(self._momentums[position(variable)])
        velocity = _native(self._velocities[position(variable)])
        dtype = tf.float64 if variable.dtype == tf.float64 else tf.float32
        rectified, alpha, size, epsilon = self._scalars(learning_rate)
        g = tf.cast(_dense(gradient, variable), dtype)
        m, v, theta = (tf.cast(tf.convert_to_tensor(x), dtype) for x in (momentum, velocity, variable))
        before = theta

        if self.weight_decay and self._use_weight_decay(variable):
            if self.decoupled_weight_decay:
                theta -= theta * tf.cast(alpha * self.weight_decay, dtype)
            else:
                g += theta * self.weight_decay
        m += (g - m) * (1 - self.beta_1)
        v = v * self.beta_2 + (1 - self.beta_2) * g * g
        # tf.where also computes the other branch: 1 avoids the division by √v = 0 there.
        denominator = tf.where(rectified, tf.sqrt(v) + tf.cast(epsilon, dtype), tf.ones_like(v))
        theta -= tf.cast(size, dtype) * m / denominator
        if self.unrectified == "none":
            theta = tf.where(rectified, theta, before)

        momentum.assign(tf.cast(m, momentum.dtype))
        velocity.assign(tf.cast(v, velocity.dtype))
        variable.assign(tf.cast(theta, variable.dtype))

    def _scalars(self, learning_rate: Any) -> tuple[Any, Any, Any, Any]:
        """For this step: whether it is rectified, α, the factor of m/denominator, ε; the last three in float64."""
        if isinstance(learning_rate, float):
            alpha = tf.constant(learning_rate, tf.float64)  # tf.cast would round it to float32.
        else:
            alpha = tf.cast(tf.convert_to_tensor(learning_rate), tf.float64)
        # The raw counter of micro-steps: `iterations` is the same in Keras 3 before 3.5, and the number of
        # steps since then.
        counter = _native(self._iterations if hasattr(self, "_iterations") else self.iterations)
        t = tf.cast(counter // (getattr(self, "gradient_accumulation_steps", None) or 1) + 1, tf.float64)
        correction_1 = 1 - tf.constant(self.beta_1, tf.float64) ** t
        power_2 = tf.constant(self.beta_2, tf.float64) ** t
        correction_2 = 1 - power_2
        epsilon = tf.constant(self.epsilon, tf.float64)
        if self.epsilon_place == "after_correction":
            # √c/(√v + ε√c) is 1/(√(v/c) + ε) without extra work for each element.
            epsilon *= tf.sqrt(correction_2)

        rho_inf = self._rho_inf
        if rho_inf <= self.threshold:
            return tf.constant(False), alpha, alpha / correction_1, epsilon
        rho = rho_inf - 2 * t * power_2 / correction_2
        rectified = rho > self.threshold
        # As above: in an unrectified step the root's argument may be negative, and rho zero.
        rho = tf.where(rectified, rho, tf.constant(rho_inf, tf.float64))
        r = tf.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
        factor = tf.where(rectified, r * tf.sqrt(correction_2), tf.ones_like(r))
        return rectified, alpha, alpha / correction_1 * factor, epsilon

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        """Do nothing: `update_step` applies the decay, as only it knows whether the step counts and how to decay.

        (The base class would also round the factor to float32 for a float64 variable.)
        """

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this optimizer again, without its state."""
        config = super().get_config()
        if not _KERAS_3:
            learning_rate = self._serialize_hyperparameter(self._learning_rate)
            # A schedule's is already a dict; otherwise it is a NumPy scalar, which JSON does not support.
            is_schedule = isinstance(learning_rate, dict)
            config["learning_rate"] = learning_rate if is_schedule else float(learning_rate)
        return config | {argument: getattr(self, argument) for argument in _OWN}


_EPSILON_PLACES = ("before_correction", "after_correction")
_UNRECTIFIED = ("momentum", "none")
_OWN = ("beta_1", "beta_2", "epsilon", "epsilon_place", "threshold", "unrectified", "decoupled_weight_decay")


def _native(variable: Any) -> tf.Variable:
    """The tf.Variable itself, which Keras 3 wraps and Keras 2 does not."""
    return variable if isinstance(variable, tf.Variable) else variable.value


def _dense(gradient: Any, variable: Any = None) -> Any:
    """The same gradient as a dense tensor, if dense_shape or the variable gives the number of rows."""
    shape = getattr(gradient, "dense_shape", None) if variable is None else variable.shape
    if shape is None or not isinstance(gradient, tf.IndexedSlices):
        return gradient
    return tf.math.unsorted_segment_sum(gradient.values, gradient.indices, shape[0])


def _number(argument: str, value: Any, least: float, below: float = math.inf) -> float:
    """`value` as a float, or BadInput unless least ≤ value < below."""
    if isinstance(value, Real) and least <= value < below:
        return float(value)
    limits = f"at least {least:g} and " + (f"less than {below:g}" if below < math.inf else "finite")
    raise BadInput(f"{argument}: {value!r} is out of range. Allowed: a number, {limits}.")


def _check_around(given: Mapping[str, Any]) -> None:
    """BadInput for values that the base class silently accepts: a limit of 0, a nan momentum, …"""
    clips = [name for name in ("clipnorm", "clipvalue", "global_clipnorm") if given.get(name) is not None]
    if len(clips) > 1:
        raise BadInput(f"{' and '.join(clips)} are both given. Allowed: one kind of clipping.")
    for argument in ("clipnorm", "clipvalue", "global_clipnorm", "loss_scale_factor"):
        value = given.get(argument)
        if value is not None and not (isinstance(value, Real) and 0 < value < math.inf):
            raise BadInput(f"{argument}: {value!r} is out of range. Allowed: a finite number above 0, or None.")
    for argument, least in (("ema_overwrite_frequency", 1), ("gradient_accumulation_steps", 2)):
        value = given.get(argument)
        if value is not None and not (isinstance(value, Integral) and value >= least):
            raise BadInput(
                f"{argument}: {value!r} is out of range. Allowed: an integer, at least {least}, or None."
            )
    momentum = given["ema_momentum"]
    if not (isinstance(momentum, Real) and 0 <= momentum <= 1):
        raise BadInput(f"ema_momentum: {momentum!r} is out of range. Allowed: a number, at least 0 and at most 1.")
