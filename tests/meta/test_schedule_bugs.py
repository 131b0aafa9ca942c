"""Real bugs of schedules: each is caught by the case that the page names, some in the framework's own code."""

from __future__ import annotations

import numpy as np
import pytest

from conformance import mutants
from conformance.areas.schedules import area, plateau_checks
from conformance.areas.schedules.bugs import BUGS
from conformance.areas.schedules.rates import judged
from conformance.areas.schedules.schedule_cases import points
from conformance.bindings import BINDINGS, installed
from conformance.judge import engine, ledger
from conformance.proof import live_patches, schedule_mistakes
from conformance.proof.patch_table import Patch

TABLE = {c.id: c for c in area.all_checks()}


@pytest.mark.parametrize("bug", BUGS, ids=lambda b: b.where.split()[0])
def test_a_real_bug_is_caught_by_its_case(bug):
    if not bug.case:
        assert bug.reason
        return
    check = TABLE[bug.case]
    if not bug.mutant:  # no change of a formula: planted in the framework below, or nothing to plant
        assert bug.reason
        return
    groups = check.groups(installed=False)[:1]
    wrong = mutants.plant(groups[0].reference, mutants.find(bug.mutant, type(groups[0].reference)))
    if isinstance(check, plateau_checks.PlateauCheck):
        found = schedule_mistakes.following(check, wrong)
    else:
        precision = check.driver.precision(check.entry, check.dtype, check.mode)
        try:
            if check.mode == "indexed":
                steps = points(groups[0].reference, check.case)
                seen = [(t, {"rate[0]": float(wrong.at(t))}) for t in steps]
            else:
                seen = schedule_mistakes.seen_by(check.framework, check.case, wrong)
        except ArithmeticError:  # as the bug does
            return
        with np.errstate(all="ignore"):
            found = judged(seen, groups, precision)
    assert not found.conforms


# -- planted in the source of the installed framework ------------------------------------------------------
TORCH, KERAS = "torch.optim.lr_scheduler", "keras.src"
WARM, PLATEAU = f"{TORCH}:CosineAnnealingWarmRestarts", f"{KERAS}.callbacks.reduce_lr_on_plateau:ReduceLROnPlateau"
BASE = f"{KERAS}.optimizers.base_optimizer:BaseOptimizer"
LIVE = [
    (
        "pytorch#31828",
        f"{TORCH}:MultiStepLR._get_closed_form_lr",
        "bisect_right(milestones, self.last_epoch)",
        "milestones.count(self.last_epoch)",
    ),
    (
        "pytorch#20086",
        f"{TORCH}:CosineAnnealingLR.get_lr",
        "(self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0",
        "False",
        "torch-cosineannealinglr-base-float64-stepped",
    ),
    ("pytorch#23480", f"{WARM}.step", "self.T_cur >= self.T_i", "self.T_cur > self.T_i"),
    ("pytorch#162359", f"{TORCH}:LRScheduler.__init__", "initial_lr = initial_lr.clone()", "pass"),
    ("pytorch#185872", f"{TORCH}:SequentialLR.__init__", "idx = bisect_right(self._milestones, 0)", "idx = 0"),
    (
        "pytorch#163093",
        f"{TORCH}:ReduceLROnPlateau._reduce_lr",
        '_update_param_group_val(param_group, "lr", new_lr)',
        'param_group["lr"] = new_lr',
    ),
    (
        "keras#3991",
        f"{PLATEAU}.on_epoch_end",
        f"self.cooldown\n{' ' * 20}self.wait = 0",
        f"self.cooldown\n{' ' * 20}self.wait *= self.cooldown == 0",
    ),
    ("nitrain#23", f"{PLATEAU}.on_epoch_end", "self.wait >= self.patience", "self.wait >= 1"),
    (
        "PaddleDetection#4611",
        f"{KERAS}.optimizers.schedules.learning_rate_schedule:CosineDecay.__call__",
        "global_step_recomp - warmup_steps",
        "global_step_recomp",
    ),
    (
        "tensorflow#31324",
        f"{BASE}._get_current_learning_rate",
        "self._learning_rate(self._iterations)",
        "self._learning_rate(0)",
    ),
]


def _patches():
    for where, place, line, mistake, *elsewhere in LIVE:
        bug = next(b for b in BUGS if where in b.where.split())
        check = TABLE[elsewhere[0] if elsewhere else bug.case]
        patch = Patch(where, check.framework, check.optimizer, place, line, mistake, bug.says, ())
        yield pytest.param(check, patch, id=where)


@pytest.mark.parametrize(("check", "patch"), list(_patches()))
def test_it_is_caught_in_the_code_of_the_framework(check, patch):
    """The same case, run on the real thing: as recorded before, failing while the bug is there."""
    if check.framework not in installed():
        pytest.skip(f"{check.framework} is not installed")
    binding = BINDINGS[check.framework]
    if not binding.versions()[check.framework].startswith(binding.pinned):
        pytest.skip(f"the line that is changed is of {check.framework} {binding.pinned}")
    rows = ledger.load()
    assert engine.run(check, rows).outcome.passes
    with live_patches.planted(patch):
        record = engine.run(check, rows)
    assert not record.outcome.passes, patch.says
    assert engine.run(check, rows).outcome.passes
