"""NumPy references of learning-rate schedules. Imports only NumPy and names no framework in its code.

To add a schedule, add a class in a module here: it is found automatically.
"""

from __future__ import annotations

import importlib
import pkgutil

from reference.schedules.composed import is_recursive, recursive
from reference.schedules.schedule import Schedule, with_rate


def _found() -> dict[str, type[Schedule]]:
    """The schedules in the modules beside this one."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    classes = (c for m in modules for c in vars(m).values() if isinstance(c, type) and c.__module__ == m.__name__)
    return {c.__name__: c for c in classes if issubclass(c, Schedule) and c.title}


# Every schedule by its name.
SCHEDULES: dict[str, type[Schedule]] = _found()
globals().update(SCHEDULES)

__all__ = [*sorted(SCHEDULES), "SCHEDULES", "Schedule", "is_recursive", "recursive", "with_rate"]
