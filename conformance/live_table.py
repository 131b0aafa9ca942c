"""Mistakes for live code: a line in the source of an installed framework, and the line in its place.

They stand for what no mistake in a rule can: one mode that ignores an option, state that is lost or shared, a
counter or a rate that is wrong. A line that is not in the installed version, or there twice, is an error. It
is written without the indent that the function has in its class.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Patch:
    """One mistake in one function of a framework."""

    name: str
    framework: str
    optimizer: str  # whose part of the suite has to see it
    where: str  # module:function, or module:Class.method
    line: str
    mistake: str
    says: str
    see: tuple[str, ...]  # a few cases that have to see it: the fast selection
    modes: tuple[str, ...] = ()  # those that can see it; all if empty


ADAM, SGD, OPTIMIZER = "adam", "sgd", "optimizer"
KERAS = "keras.src.optimizers"
BASE, TF = f"{KERAS}.base_optimizer:BaseOptimizer", "keras.src.backend.tensorflow.optimizer:TFOptimizer"


def _torch(
    name: str, optimizer: str, where: str, line: str, mistake: str, says: str, *see: str, mode: str = ""
) -> Patch:
    modes = (mode,) if mode else ()
    return Patch(f"torch-{name}", "torch", optimizer, f"torch.optim.{where}", line, mistake, says, see, modes)


def _keras(
    name: str, optimizer: str, where: str, line: str, mistake: str, says: str, *see: str, modes: tuple = ()
) -> Patch:
    return Patch(f"keras-{name}", "keras", optimizer, where, line, mistake, says, see, modes)


PATCHES: tuple[Patch, ...] = (
    _torch("adam-epsilon-left-out", "adam", f"{ADAM}:_single_tensor_adam",
           "denom = (exp_avg_sq.sqrt() / bias_correction2_sqrt).add_(eps)",
           "denom = exp_avg_sq.sqrt() / bias_correction2_sqrt",
           "epsilon is left out without amsgrad", "probing"),
    _torch("adam-decay-ignored-in-foreach", "adam", f"{ADAM}:_multi_tensor_adam",
           "if weight_decay != 0:", "if False:", "weight decay is ignored in foreach alone",
           "weight-decay", mode="foreach"),
    _torch("adam-amsgrad-ignored-in-foreach", "adam", f"{ADAM}:_multi_tensor_adam",
           "torch._foreach_maximum_(device_max_exp_avg_sqs, device_exp_avg_sqs)\n\n",
           "device_max_exp_avg_sqs = [v.clone() for v in device_exp_avg_sqs]\n\n",
           "the maximum is used and not kept in foreach", "amsgrad", mode="foreach"),
    _torch("adam-maximize-ignored-in-foreach", "adam", f"{ADAM}:_multi_tensor_adam",
           "        if maximize:\n            device_grads = torch._foreach_neg(device_grads)",
           "        if False:\n            device_grads = torch._foreach_neg(device_grads)",
           "maximize is ignored in foreach alone", "maximize", mode="foreach"),
    _torch("adam-counted-per-parameter", "adam", f"{ADAM}:_single_tensor_adam",
           "step_t += 1", "step_t += len(params)", "the counter is increased once for every parameter", "ordinary"),
    _torch("adam-counter-shared", "adam", f"{ADAM}:_single_tensor_adam",
           "step_t = state_steps[i]", "step_t = state_steps[0]", "all parameters count on one counter", "ordinary"),
    _torch("adam-rate-late", "adam", f"{ADAM}:Adam.step", 'lr=group["lr"],',
           'lr=(group.update(before=group.get("now", group["lr"]), now=group["lr"]) or group["before"]),',
           "a new learning rate acts one step late", "rate-change"),
    _torch("adam-rate-leaks", "adam", f"{ADAM}:Adam.step", 'lr=group["lr"],', 'lr=self.param_groups[0]["lr"],',
           "the first group's learning rate is used for all", "groups"),
    _torch("adam-slot-not-restored", "adam", f"{OPTIMIZER}:Optimizer._process_value_according_to_param_policy",
           "return value.to(dtype=param.dtype, device=param.device)", "return torch.zeros_like(param)",
           "the moments are 0 after load_state_dict", "resumed"),
    _torch("adam-counter-not-restored", "adam", f"{OPTIMIZER}:Optimizer._process_value_according_to_param_policy",
           "            return value\n    else:", "            return value * 0\n    else:",
           "the counter is 0 after load_state_dict", "resumed"),
    _torch("sgd-buffers-shared", "sgd", f"{SGD}:_single_tensor_sgd",
           "buf = momentum_buffer_list[i]",
           "same = [j for j in range(i) if params[j].shape == param.shape]\n"
           "            buf = momentum_buffer_list[same[0] if same else i]",
           "parameters of the same shape share a momentum buffer", "twins"),
    _torch("sgd-dampened-first", "sgd", f"{SGD}:_single_tensor_sgd",
           "buf = grad.detach().clone()", "buf = grad.detach().clone() * (1 - dampening)",
           "the first gradient is dampened too", "dampening"),
    _torch("sgd-nesterov-ignored-in-foreach", "sgd", f"{SGD}:_multi_tensor_sgd", "if nesterov:", "if False:",
           "Nesterov's look-ahead is ignored in foreach alone", "nesterov", mode="foreach"),
    _torch("rmsprop-epsilon-in-root", "rmsprop", "rmsprop:_single_tensor_rmsprop",
           "avg = square_avg.sqrt()", "avg = (square_avg + eps).sqrt()",
           "epsilon stands inside the root as well", "probing"),
    _torch("rprop-flip-kept", "rprop", "rprop:_single_tensor_rprop",
           "grad[sign.eq(etaminus)] = 0", "pass", "after a change of sign the gradient is used", "flipping"),
    _torch("radam-threshold", "radam", "radam:_single_tensor_radam",
           "            if rho_t > 5.0:", "            if rho_t > 4.0:", "rectified from rho_t > 4", "probing"),
    _torch("adam-decay-ignored-in-fused", "adam", f"{ADAM}:_fused_adam", "weight_decay=weight_decay,",
           "weight_decay=0.0,", "weight decay is ignored in fused alone", "weight-decay", mode="fused"),
    _torch("adam-counter-twice-in-fused", "adam", f"{ADAM}:_fused_adam",
           "torch._foreach_add_(device_state_steps, 1)", "torch._foreach_add_(device_state_steps, 2)",
           "the counter is increased by 2 in fused alone", "ordinary", mode="fused"),
    _torch("adam-uncorrected-if-differentiable", "adam", f"{ADAM}:_single_tensor_adam",
           "step_size = lr / bias_correction1\n            step_size_neg",
           "step_size = lr + 0 * bias_correction1\n            step_size_neg",
           "the first moment is not corrected where the step is differentiable", "ordinary", mode="differentiable"),
    _torch("adamw-decay-without-rate", "adamw", f"{ADAM}:_single_tensor_adam",
           "param.mul_(1 - lr * weight_decay)", "param.mul_(1 - weight_decay)",
           "the decay is not multiplied by the learning rate", "ordinary"),
    _torch("adagrad-rate-decay-early", "adagrad", "adagrad:_single_tensor_adagrad",
           "lr / (1 + (step - 1) * lr_decay)", "lr / (1 + step * lr_decay)",
           "the learning rate decays one step too early", "learning-rate-decay"),
    _torch("adadelta-epsilon-outside", "adadelta", "adadelta:_single_tensor_adadelta",
           "delta = acc_delta.add(eps).sqrt_()", "delta = acc_delta.sqrt().add_(eps)",
           "epsilon stands outside the root of the steps", "probing"),
    _torch("adadelta-rho-in-foreach", "adadelta", "adadelta:_multi_tensor_adadelta",
           "torch._foreach_mul_(device_acc_deltas, rho)", "torch._foreach_mul_(device_acc_deltas, rho * rho)",
           "the steps are forgotten too fast in foreach alone", "ordinary", mode="foreach"),
    _torch("adamax-epsilon-left-out", "adamax", "adamax:_single_tensor_adamax",
           "grad.abs().add_(eps),\n", "grad.abs(),\n", "epsilon is left out", "probing"),
    _torch("nadam-product-as-power", "nadam", "nadam:_single_tensor_nadam", "mu_product *= mu\n",
           "mu_product.copy_(beta1 ** step_t)\n", "the product is beta_1^t, not that of the schedule", "ordinary"),
    _torch("asgd-average-early", "asgd", "asgd:_single_tensor_asgd", "1 / max(1, step - t0)",
           "1 / max(1, step - t0 + 1)", "the average starts a step too early", "t0"),
    _torch("adafactor-columns-forget", "adafactor", "_adafactor:_single_tensor_adafactor",
           "col_var.lerp_(col_mean, one_minus_beta2_t)", "col_var.copy_(col_mean)",
           "the columns have no memory", "ordinary"),
    _torch("muon-one-iteration-less", "muon", "_muon:_zeropower_via_newtonschulz", "range(ns_steps)",
           "range(ns_steps - 1)", "one iteration too few", "ordinary"),
    _torch("muon-weights-swapped", "muon", "_muon:_single_tensor_muon", "buf.lerp_(grad, 1 - momentum)",
           "buf.lerp_(grad, momentum)", "the momentum weighs the gradient", "ordinary"),
    _torch("lbfgs-hessian-unscaled", "lbfgs", "lbfgs:LBFGS.step", "H_diag = ys / y.dot(y)", "H_diag = 1",
           "the first Hessian is never scaled", "quadratic"),
    _torch("lbfgs-decrease-ignored", "lbfgs", "lbfgs:_strong_wolfe",
           "f_new > (f + c1 * t * gtd) or (ls_iter > 1 and f_new >= f_prev)", "ls_iter > 1 and f_new >= f_prev",
           "the first trials of the line search need no sufficient decrease", "wolfe-crest"),
    _torch("sparseadam-correction-without-power", "sparseadam", "_functional:sparse_adam",
           "bias_correction2 = 1 - beta2**step", "bias_correction2 = 1 - beta2",
           "the second correction is not raised to the power t", "ordinary"),
    _torch("sparseadam-duplicates-not-summed", "sparseadam", "_functional:sparse_adam",
           "grad = grad.coalesce()", "grad = grad._coalesced_(True)",
           "rows that come twice are not summed", "ordinary"),
    _torch("rmsprop-centered-ignored-in-foreach", "rmsprop", "rmsprop:_multi_tensor_rmsprop",
           "grouped_square_avgs, grouped_grad_avgs, grouped_grad_avgs, value=-1",
           "grouped_square_avgs, grouped_grad_avgs, grouped_grad_avgs, value=0",
           "centred does nothing in foreach alone", "centered", mode="foreach"),
    _keras("adam-epsilon-in-root", "adam", f"{KERAS}.adam:Adam.update_step",
           "ops.add(ops.sqrt(v), self.epsilon)", "ops.sqrt(ops.add(v, self.epsilon))",
           "epsilon stands inside the root", "probing"),
    _keras("adam-counter-behind", "adam", f"{KERAS}.adam:Adam.update_step",
           "self.iterations + 1", "ops.maximum(self.iterations, 1)", "the counter is one behind", "ordinary"),
    _keras("adam-counted-per-variable", "adam", f"{KERAS}.adam:Adam.update_step",
           "lr = ops.cast(learning_rate, variable.dtype)",
           "lr = ops.cast(learning_rate, variable.dtype)\n"
           "    if self._get_variable_index(variable): self._iterations.assign_add(1)",
           "the counter is increased once for every variable", "ordinary"),
    _keras("adam-amsgrad-not-stored", "adam", f"{KERAS}.adam:Adam.update_step",
           "self.assign(v_hat, ops.maximum(v_hat, v))\n        v = v_hat", "v = ops.maximum(v_hat, v)",
           "the maximum is used and not kept", "amsgrad"),
    _keras("adam-state-shared", "adam", f"{KERAS}.adam:Adam.update_step",
           "m = self._momentums[self._get_variable_index(variable)]",
           "m = next(m for m in self._momentums if m.shape == variable.shape)",
           "variables of the same shape share a moment", "twins"),
    _keras("rmsprop-centered-ignored", "rmsprop", f"{KERAS}.rmsprop:RMSprop.update_step",
           "velocity - ops.square(average_grad) + self.epsilon", "velocity + self.epsilon",
           "centred does nothing", "centered"),
    _keras("sgd-step-too-long", "sgd", f"{KERAS}.sgd:SGD.update_step", "self.assign_add(variable, m)",
           "self.assign_add(variable, m * (1 + learning_rate - learning_rate) * 1.0009765625)",
           "the step is a thousandth too long", "momentum"),
    _keras("decay-without-rate", "adam", f"{TF}._apply_weight_decay",
           "variable.assign_sub(variable * wd * lr)", "variable.assign_sub(variable * wd)",
           "the decay is not multiplied by the learning rate", "weight-decay"),
    _keras("clip-norm-longer", "sgd", f"{TF}._clip_by_norm", "values, self.clipnorm",
           "values, self.clipnorm * (1 + 2**-20)", "gradients are clipped to a norm that is too long", "clip-norm"),
    _keras("clip-value-one-sided", "sgd", f"{BASE}._clip_gradients", "ops.clip(g, -v, v)", "ops.minimum(g, v)",
           "negative gradients are not clipped", "clip-value"),
    _keras("accumulation-sums", "sgd", f"{BASE}._backend_apply_gradients",
           "(g + acc_g) / steps for g", "(g + acc_g) for g", "the sum of the gradients, not their mean",
           "accumulation-steps"),
    _keras("accumulator-kept", "sgd", f"{BASE}._backend_reset_gradient_accumulators",
           "if g_acc is not None:", "if False:", "the accumulator is not emptied", "accumulation-steps"),
    _keras("average-from-zero", "sgd", f"{BASE}._update_model_variables_moving_average",
           "not_first_step = ops.not_equal(self.iterations, 0)",
           "not_first_step = ops.not_equal(self.iterations, -1)", "the moving average starts at 0",
           "average-momentum"),
    _keras("overwritten-late", "sgd", f"{BASE}._backend_apply_gradients",
           "self.iterations + 1\n            ) % self.ema_overwrite_frequency == 0",
           "self.iterations\n            ) % self.ema_overwrite_frequency == 0",
           "parameters are overwritten one step late", "overwrite-every"),
    _keras("slot-not-restored", "adam", f"{BASE}.load_own_variables",
           "variable.assign(store[str(i)])", "i < 3 and variable.assign(store[str(i)])",
           "only the first variables are restored", "resumed"),
    _keras("counter-not-restored", "adam", f"{BASE}.load_own_variables",
           "variable.assign(store[str(i)])", "i and variable.assign(store[str(i)])",
           "the counter is not restored", "resumed"),
    _keras("adam-rate-frozen-in-graph", "adam", f"{KERAS}.adam:Adam.update_step",
           "lr = ops.cast(learning_rate, variable.dtype)",
           "import tensorflow as tf\n    with tf.init_scope(): now = float(self._learning_rate.numpy())\n"
           "    lr = ops.cast(learning_rate if tf.executing_eagerly() else now, variable.dtype)",
           "the learning rate is that of when the graph was made", "rate-change", modes=("graph", "xla")),
    _keras("adamw-decay-ignored", "adamw", f"{TF}._apply_weight_decay",
           "variable.assign_sub(variable * wd * lr)", "variable.assign_sub(variable * wd * lr * 0)",
           "weight decay is ignored", "ordinary"),
    _keras("adagrad-epsilon-outside", "adagrad", f"{KERAS}.adagrad:Adagrad.update_step",
           "ops.sqrt(ops.add(accumulator, self.epsilon))", "ops.add(ops.sqrt(accumulator), self.epsilon)",
           "epsilon stands outside the root", "probing"),
    _keras("adadelta-rate-in-steps", "adadelta", f"{KERAS}.adadelta:Adadelta.update_step",
           "ops.multiply(1 - rho, ops.square(delta_var))", "ops.multiply(1 - rho, ops.square(lr * delta_var))",
           "the learning rate enters the mean square of the steps", "ordinary"),
    _keras("adamax-norm-not-decayed", "adamax", f"{KERAS}.adamax:Adamax.update_step",
           "ops.maximum(ops.multiply(self.beta_2, u), ops.abs(gradient))", "ops.maximum(u, ops.abs(gradient))",
           "beta_2 is ignored", "probing"),
    _keras("nadam-look-ahead-late", "nadam", f"{KERAS}.nadam:Nadam.update_step",
           "ops.power(decay, next_step)", "ops.power(decay, local_step)", "mu_{t+1} is mu_t", "ordinary"),
    _keras("ftrl-l1-one-sided", "ftrl", f"{KERAS}.ftrl:Ftrl.update_step",
           "-self.l1_regularization_strength,", "0.0 * self.l1_regularization_strength,",
           "negative z are not held at lambda_1", "l1"),
    _keras("lion-one-beta", "lion", f"{KERAS}.lion:Lion.update_step",
           "ops.multiply(m, beta_2), ops.multiply(gradient, (1.0 - beta_2))",
           "ops.multiply(m, beta_1), ops.multiply(gradient, (1.0 - beta_1))", "beta_2 is ignored", "ordinary"),
    _keras("lamb-ratio-clipped", "lamb", f"{KERAS}.lamb:Lamb.update_step",
           "(w_norm / g_norm), 1.0)", "ops.minimum(w_norm / g_norm, 0.125), 1.0)",
           "the ratio is clipped", "ordinary"),
    _keras("muon-one-iteration-less", "muon", f"{KERAS}.muon:Muon.zeropower_via_newtonschulz5",
           "for _ in range(steps):", "for _ in range(steps - 1):", "one iteration too few", "ordinary"),
    _keras("muon-in-bfloat16", "muon", f"{KERAS}.muon:Muon.zeropower_via_newtonschulz5",
           "a, b, c = self.muon_a, self.muon_b, self.muon_c",
           "a, b, c = self.muon_a, self.muon_b, self.muon_c\n"
           "    x = ops.cast(ops.cast(x, 'bfloat16'), x.dtype)",
           "the iteration begins with a momentum that was rounded to bfloat16", "ordinary"),
    _keras("muon-adam-uncorrected", "muon", f"{KERAS}.muon:Muon._adamw_update_step",
           "alpha = lr * ops.sqrt(1 - adam_beta_2_power) / (1 - adam_beta_1_power)",
           "alpha = lr * ops.sqrt(1 - adam_beta_2_power)", "Adam's first moment is not corrected", "ordinary"),
    _keras("adafactor-columns-of-maxima", "adafactor", f"{KERAS}.adafactor:Adafactor.update_step",
           "ops.mean(regulated_grad_square, axis=-2)", "ops.max(regulated_grad_square, axis=-2)",
           "the columns hold maxima", "ordinary"),
    _keras("schedulefreeadamw-average-late", "schedulefreeadamw",
           f"{KERAS}.schedule_free_adamw:ScheduleFreeAdamW.update_step",
           "weight = 1.0 / local_step", "weight = 1.0 / (local_step + 1)", "z weighs 1 / (t + 1)", "ordinary"),
    _keras("radam-threshold-late", "radam", "conformance.radam:RAdam._scalars",
           "rectified = rho > self.threshold", "rectified = rho > self.threshold + 1",
           "rectified one step too late", "probing"),
)  # fmt: skip
