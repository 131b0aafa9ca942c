"""Mistakes planted in reference.sparse_adam: the name, the line, the mistake, in words, the real bug.

Those of Adam's own rule are in conformance.mutants.adam; every one can be planted here as well.
"""

from conformance.mutants import mutants

MUTANTS = (
    *mutants(
        "SparseAdam",
        ("not-lazy", "np.where(g.present, moved[i], params[i])", "moved[i]",
         "rows without a gradient also move, as in Adam", "pytorch#18404"),
        ("moments-not-lazy", "new[name][i] = np.where(g.present, new[name][i], slots[name][i])", "pass",
         "the moments of rows without a gradient decay", "Adan#13"),
        ("only-second-lazy", "for name in self.slot_names():", "for name in ('v',):",
         "the first moment of rows without a gradient decays", "Adan#13"),
        ("only-first-lazy", "for name in self.slot_names():", "for name in ('m',):",
         "the second moment of rows without a gradient decays", "Adan#13"),
        ("moments-never-kept", "np.where(g.present, new[name][i], slots[name][i])", "slots[name][i]",
         "the moments are used but not kept", "pytorch#4034"),
        ("empty-not-counted", "params = list(params)",
         "params = list(params)\n"
         "    new['step'] = [s if g is None or len(g.indices) else s - 1\n"
         "                   for s, g in zip(new['step'], grads, strict=True)]",
         "a gradient without rows does not count as a step", "pytorch#82486"),
        ("zero-is-absent", "np.where(g.present, moved[i], params[i])",
         "np.where(getattr(dense[i], 'value', dense[i]) != 0, moved[i], params[i])",
         "elements with a zero gradient are treated as absent", ""),
        method="step",
    ),
    *mutants(
        "SparseAdam",
        ("duplicates-last", "dense = [None if g is None else g.dense() for g in grads]",
         "dense = [None if g is None else type(g)(\n"
         "        np.array(sorted(set(g.indices.tolist())), dtype=int),\n"
         "        g.values[np.array([len(g.indices) - 1 - g.indices[::-1].tolist().index(i)\n"
         "                           for i in sorted(set(g.indices.tolist()))], dtype=int)], g.shape).dense()\n"
         "        for g in grads]",
         "of a row that appears twice the last entry counts; they are not summed", ""),
        ("duplicates-first", "dense = [None if g is None else g.dense() for g in grads]",
         "dense = [None if g is None else type(g)(\n"
         "        np.array(sorted(set(g.indices.tolist())), dtype=int),\n"
         "        g.values[np.array([g.indices.tolist().index(i)\n"
         "                           for i in sorted(set(g.indices.tolist()))], dtype=int)], g.shape).dense()\n"
         "        for g in grads]",
         "of a row that appears twice the first entry counts; they are not summed", ""),
        method="step",
    ),
)  # fmt: skip
