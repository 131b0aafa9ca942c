"""Errors for requests that the suite cannot fulfil."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BadInput(ValueError):
    """The caller's mistake: names the argument, the value and the allowed values. Exit code 2."""


class Incomplete(RuntimeError):
    """A run that did not finish, or has only some of the cases. Exit code 3."""


def choose(argument: str, value: str, allowed: Iterable[str]) -> str:
    """Return `value` when it is one of `allowed`; otherwise raise BadInput with the nearest spelling."""
    names = sorted(allowed)
    if value in names:
        return value
    near = difflib.get_close_matches(value, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise BadInput(f"{argument}: {value!r} is not known{hint} Allowed: {', '.join(names) or 'nothing'}.")
