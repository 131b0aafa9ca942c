"""The claims, each with its readings and its expected verdict: one entry per claim."""

from __future__ import annotations

from conformance.areas.claims import readings as r
from conformance.areas.claims.claim import DOES_NOT_HOLD, HOLDS, HOLDS_IF, IF, INSTEAD, NOTE, STATED, Claim, Reading

CLAIMS = (
    Claim(
        "weight-decay-keras",
        "Weight decay is a constructor argument in Keras, not a gradient modification (TF 2.12+).",
        HOLDS,
        "It multiplies the parameters by 1 - lr weight_decay before the step, in every optimizer.",
        (
            Reading(
                "decoupled",
                STATED,
                "SGD, SGD with momentum, Adam and RMSprop with weight_decay take the steps of the decoupled rule",
                r.keras_decoupled,
                framework="keras",
            ),
            Reading(
                "gradient",
                STATED,
                "the gradient is left alone: it is not L2",
                r.keras_gradient_left_alone,
                framework="keras",
            ),
            Reading(
                "adam-is-adamw",
                NOTE,
                "Adam(weight_decay=w) is AdamW(weight_decay=w), to the last bit",
                r.keras_adam_is_adamw,
                framework="keras",
            ),
        ),
    ),
    Claim(
        "weight-decay-torch",
        "In torch: weight_decay argument (AdamW) or L2 in Adam.",
        HOLDS,
        "The same argument means two things: decoupled in AdamW, part of the gradient in Adam.",
        (
            Reading(
                "adamw", STATED, "AdamW(weight_decay=w) is decoupled", r.torch_adamw_decoupled, framework="torch"
            ),
            Reading(
                "adam",
                STATED,
                "Adam(weight_decay=w) is L2, w times the parameter in the gradient",
                r.torch_adam_l2,
                framework="torch",
            ),
            Reading(
                "default", NOTE, "AdamW decays as much by default in both frameworks", r.same_default_decay, False
            ),
        ),
    ),
    Claim(
        "kernel-regularizer",
        "In Keras weight decay is also kernel_regularizer.",
        HOLDS_IF,
        "Holds if the optimizer is SGD without momentum, and every parameter is regularized by half the weight "
        "decay. Otherwise a regularizer is L2, which is torch's Adam(weight_decay=w).",
        (
            Reading(
                "adam",
                STATED,
                "in Adam, L2(w / 2) takes the steps of weight_decay=w",
                r.regularizer_is_weight_decay,
                False,
                "keras",
            ),
            Reading(
                "plain-sgd",
                IF,
                "in SGD without momentum, L2(w / 2) takes the steps of weight_decay=w",
                r.regularizer_is_weight_decay_in_sgd,
                framework="keras",
            ),
            Reading(
                "momentum",
                NOTE,
                "it also does so in SGD with momentum",
                r.regularizer_is_weight_decay_with_momentum,
                False,
                "keras",
            ),
            Reading(
                "l2",
                NOTE,
                "in Adam, L2(w / 2) for every parameter is w times the parameter in the gradient, as in "
                "torch's Adam(weight_decay=w)",
                r.regularizer_is_l2,
                framework="keras",
            ),
            Reading("factor", NOTE, "so does L2(w)", r.regularizer_factor_is_weight_decay, False, "keras"),
            Reading(
                "biases",
                NOTE,
                "kernel_regularizer reaches the biases",
                r.regularizer_of_kernels_reaches_biases,
                False,
                "keras",
            ),
        ),
    ),
    Claim(
        "clipping",
        "clip_grad_norm_ before the step corresponds to clipnorm / clipvalue in the constructor.",
        HOLDS_IF,
        "Holds if clip_grad_norm_ is called for each parameter separately: clipnorm works per variable. Over all "
        "parameters it is global_clipnorm; clip_grad_value_ is clipvalue. torch adds 1e-6 to the norm.",
        (
            Reading(
                "clipnorm",
                STATED,
                "clipnorm clips by the norm of all gradients, as clip_grad_norm_(parameters) does",
                r.clipnorm_is_of_all,
                False,
                "keras",
            ),
            Reading(
                "clipvalue",
                STATED,
                "clipvalue clips by the norm of all gradients",
                r.clipvalue_is_of_norm,
                False,
                "keras",
            ),
            Reading(
                "each",
                IF,
                "clip_grad_norm_([p]) for each p is clipnorm, except for the 1e-6 added to the norm",
                r.clipnorm_is_of_each,
            ),
            Reading(
                "global",
                INSTEAD,
                "clip_grad_norm_(parameters) is global_clipnorm, except for the 1e-6 added to the norm",
                r.global_clipnorm_is_of_all,
            ),
            Reading("value", INSTEAD, "clip_grad_value_ is clipvalue", r.clipvalue_is_clip_grad_value),
            Reading(
                "exact", NOTE, "clip_grad_norm_ adds nothing to the norm", r.clip_grad_norm_is_exact, False, "torch"
            ),
        ),
    ),
    Claim(
        "schedules",
        "lr_scheduler wraps the optimizer, while Keras takes a schedule object as learning_rate.",
        HOLDS,
        "The page on ways of scheduling shows them side by side.",
        (
            Reading(
                "keras",
                STATED,
                "Keras takes a schedule as learning_rate and uses its rates",
                r.keras_takes_a_schedule,
                framework="keras",
            ),
            Reading(
                "torch",
                STATED,
                "a scheduler made around torch's optimizer changes the rate that it uses",
                r.torch_scheduler_wraps,
                framework="torch",
            ),
            Reading(
                "argument",
                NOTE,
                "torch takes a function of the step as lr",
                r.torch_takes_a_schedule,
                False,
                "torch",
            ),
            Reading(
                "alone",
                NOTE,
                "torch's scheduler works without calling its step",
                r.scheduler_alone_schedules,
                False,
                "torch",
            ),
            Reading(
                "overruled",
                NOTE,
                "with a schedule object, Keras' optimizer.learning_rate can still be set",
                r.schedule_can_be_overruled,
                False,
                "keras",
            ),
        ),
    ),
    Claim(
        "step",
        "optimizer.step() corresponds to apply_gradients() or model.fit().",
        HOLDS_IF,
        "Holds if fit gets shuffle=False and the same batch size, and zero_grad() is called: each route takes "
        "the steps of the reference, and Keras' routes agree to the last bit.",
        (
            Reading(
                "apply-gradients",
                STATED,
                "step() and apply_gradients() take the steps of their references",
                r.apply_gradients_is_a_step,
            ),
            Reading("fit", STATED, "fit does by default, on the same data", r.fit_is_a_step, False, "keras"),
            Reading(
                "fit-in-order",
                IF,
                "fit does with shuffle=False and the same batch size",
                r.fit_in_order_is_a_step,
                framework="keras",
            ),
            Reading("apply", NOTE, "apply() does", r.apply_is_a_step, framework="keras"),
            Reading(
                "tape-loop",
                NOTE,
                "a compiled loop over tf.GradientTape does",
                r.tape_loop_is_a_step,
                framework="keras",
            ),
            Reading("train-on-batch", NOTE, "train_on_batch does", r.train_on_batch_is_a_step, framework="keras"),
            Reading(
                "one-trajectory",
                NOTE,
                "with SGD, every route of Keras and torch's step() give the same parameters, within rounding",
                r.one_trajectory,
            ),
            Reading(
                "last-bit",
                NOTE,
                "all routes of Keras agree to the last bit",
                r.keras_routes_to_the_last_bit,
                framework="keras",
            ),
            Reading("zero-grad", NOTE, "step() does without zero_grad()", r.step_without_zero_grad, False, "torch"),
        ),
    ),
    Claim(
        "state",
        "state_dict() corresponds to get_weights() / set_weights().",
        DOES_NOT_HOLD,
        "A Keras optimizer has no get_weights, and the model's contains no optimizer state. Its variables and "
        "set_weights do what state_dict and load_state_dict do, except for the hyperparameters.",
        (
            Reading("get-weights", STATED, "a Keras optimizer has get_weights", r.has_get_weights, False, "keras"),
            Reading(
                "set-weights", STATED, "a Keras optimizer has set_weights", r.has_set_weights, framework="keras"
            ),
            Reading(
                "state-dict",
                NOTE,
                "state_dict resumes torch's Adam to the last bit",
                r.state_dict_resumes,
                framework="torch",
            ),
            Reading(
                "model",
                NOTE,
                "the model's get_weights and set_weights resume Adam",
                r.model_weights_resume,
                False,
                "keras",
            ),
            Reading(
                "variables",
                INSTEAD,
                "optimizer.variables and optimizer.set_weights resume Adam to the last bit",
                r.variables_resume,
                framework="keras",
            ),
            Reading(
                "rate",
                NOTE,
                "the learning rate is among the variables, as in state_dict",
                r.state_holds_the_rate,
                (("<3", False), (">=3", True)),
                "keras",
            ),
        ),
    ),
    Claim(
        "adam-parity",
        "Adam(lr=1e-3, betas=(0.9, 0.999)) on the same synthetic regression ends within 1e-4 in both.",
        HOLDS,
        "After 100 steps, in float32 and float64, each framework with its own epsilon. The page on parity explains "
        "the difference.",
        (
            Reading("losses", STATED, "the final losses are within 1e-4, after 100 steps", r.losses_within),
            Reading(
                "longer",
                NOTE,
                "they also are after 700 steps, in float32: the loss has fallen from 1.04 to 0.08",
                r.losses_within_at_the_end,
            ),
            Reading("last-bit", NOTE, "they are equal", r.losses_the_same, False),
            Reading(
                "near-epsilon",
                NOTE,
                "they are within 1e-4 even with gradients as small as epsilon (scaled by 2^-24)",
                r.losses_within_near_epsilon,
                False,
            ),
        ),
    ),
)
