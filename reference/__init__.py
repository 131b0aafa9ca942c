"""NumPy references of optimizers: the oracle. Imports only NumPy and names no framework in its code.

Imported by: areas, bindings, cases, checking, cli, judge, lab, mutants, porting, proof, run.

To add an optimizer, add a module here with its class: it is found automatically. To add a schedule, add a class in
schedules/.
"""

from __future__ import annotations

import importlib
import pkgutil

from reference.base import PerTensor, Reference
from reference.rows import Rows


def _found() -> dict[str, type[Reference]]:
    """The optimizers in the modules beside this one."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.ispkg)
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    classes = (c for m in modules for c in vars(m).values() if isinstance(c, type) and c.__module__ == m.__name__)
    return {c.__name__.lower(): c for c in classes if issubclass(c, Reference) and c.title}


# Every optimizer by its lower-case name.
REFERENCES: dict[str, type[Reference]] = _found()
globals().update({c.__name__: c for c in REFERENCES.values()})

__all__ = [*sorted(c.__name__ for c in REFERENCES.values()), "REFERENCES", "PerTensor", "Reference", "Rows"]
