"""Mistakes planted in reference.rprop: the name, the line, the mistake, in words, the real bug."""

from conformance.mutants import mutants

MUTANTS = mutants(
    "Rprop",
    ("zero-grows", "np.where(agreement > 0, grown,", "np.where(agreement >= 0, grown,", "a zero gradient makes the step grow", ""),
    ("step-late", "return param - np.sign(g) * size,", "return param - np.sign(g) * slot[\"step_size\"],", "the previous step size is used", ""),
    ("bounds-swapped", "smallest, largest = self.step_sizes", "largest, smallest = self.step_sizes", "the bounds of the step size are swapped", ""),
    ("step-not-capped", "np.minimum(size * eta_plus, largest)", "size * eta_plus", "the largest step size is ignored", ""),
    ("step-not-floored", "np.maximum(size * eta_minus, smallest)", "size * eta_minus",
     "the smallest step size is ignored", ""),
    ("etas-swapped", "eta_minus, eta_plus = self.etas", "eta_plus, eta_minus = self.etas",
     "grows where it should shrink", ""),
    ("gradient-kept-after-flip", "g = np.where(agreement < 0, np.zeros_like(g), g)", "g = g",
     "after a sign change the gradient is used, not set to 0 (Rprop-)", ""),
    ("flip-forgotten", "return param - np.sign(g) * size, {\"previous\": g, \"step_size\": size}",
     "return param - np.sign(g) * size, {\"previous\": -grad if self.maximize else grad, \"step_size\": size}",
     "after a sign change there is no step, but the gradient is remembered", ""),
    ("uses-size", "param - np.sign(g) * size", "param - g * size", "the size of the gradient counts", ""),
    ("zero-shrinks", "np.where(agreement < 0, shrunk, size)", "np.where(agreement <= 0, shrunk, size)",
     "a zero gradient shrinks the step", ""),
    ("maximize-ignored", "g = -grad if self.maximize else grad", "g = grad", "maximize minimises", ""),
    ("clamped-always", "size = np.where(agreement > 0, grown, np.where(agreement < 0, shrunk, size))",
     "size = np.minimum(np.maximum(\n"
     "        np.where(agreement > 0, size * eta_plus, np.where(agreement < 0, size * eta_minus, size)),\n"
     "        smallest), largest)",
     "the step size is clamped even when unchanged, the first one included", ""),
    ("product-underflows", "agreement = np.sign(g) * np.sign(slot[\"previous\"])",
     "p = g * slot[\"previous\"]\n"
     "    if hasattr(p, 'fmt'): p = np.where(abs(p.value) < p.fmt.underflow, 0.0, p.value)\n"
     "    agreement = np.sign(p)",
     "the product of two small gradients underflows to 0, and the step size stays the same", ""),
)  # fmt: skip
