"""The installed Keras: its generation, its backend, and the arguments of its constructors.

Keras 2 (TensorFlow 2.12 to 2.15) comes with TensorFlow; Keras 3 is a separate package that runs on TensorFlow,
JAX or torch. Features are read from the installed version, so that unknown versions can be tested.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from conformance.bindings.binding import BACKENDS, Entry, Unsupported, installed_version


def versions() -> dict[str, str]:
    """Keras and its backend, without importing them; empty unless both are installed."""
    keras, name = installed_version("keras"), backend()
    below = installed_version(name)
    return {"keras": keras, name: below} if keras and below else {}


def backend() -> str:
    """Keras' backend in this process, from the environment or Keras' configuration file, as Keras reads it."""
    if (installed_version("keras") or "").startswith("2."):
        return "tensorflow"
    name = os.environ.get("KERAS_BACKEND") or _settings().get("backend")
    return name if name in BACKENDS else "tensorflow"


@cache
def _settings() -> Mapping[str, Any]:
    home = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    try:
        found = json.loads((Path(home) / "keras.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def described() -> str:
    """ "Keras 2.15.0", "Keras 3.15.1 on jax"."""
    on = "" if backend() == "tensorflow" else f" on {backend()}"
    return f"Keras {installed_version('keras')}{on}"


def package() -> Any:
    """The Keras of this process: tf.keras where it runs on TensorFlow, as its users import it."""
    if backend() != "tensorflow":
        import keras

        return keras
    return tensorflow().keras


def tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow

    return tensorflow


@cache
def accepted(cls: Callable[..., Any]) -> frozenset[str]:
    """The arguments of a constructor: its own, and its base's where it passes **kwargs on."""
    names: set[str] = set()
    for owner in cls.__mro__ if isinstance(cls, type) else (cls,):
        made = vars(owner).get("__init__") if isinstance(owner, type) else owner
        if made is None:
            continue
        parameters = inspect.signature(made).parameters.values()
        names.update(p.name for p in parameters)
        if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
            break
    return frozenset(names - {"self"})


def check_accepted(entry: Entry, cls: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Raise Unsupported for an argument that the installed version lacks, unless it may be left out."""
    for name, value in arguments.items():
        if name not in accepted(cls) and value is not None:
            raise Unsupported(f"{described()}: {entry.cls} has no argument {name}")


def given(entry: Entry, cls: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Without the neutral arguments that this version lacks."""
    check_accepted(entry, cls, arguments)
    return {k: v for k, v in arguments.items() if k in accepted(cls)}


def unread(optimizer: Any, attribute: str) -> bool:
    """Whether no step reads this slot: Keras 2's SGD keeps its last step even if momentum is 0."""
    return type(optimizer).__name__ == "SGD" and attribute == "momentums" and optimizer.momentum == 0


def updates(optimizer: Any) -> Any:
    """The steps of the rule: `iterations`, but Keras before 3.5 counts every accumulated gradient there.

    conformance.RAdam counts by itself; the others use that counter.
    """
    ours = type(optimizer).__module__.partition(".")[0] == "conformance"
    if ours and not hasattr(optimizer, "_iterations"):
        return optimizer.iterations // (getattr(optimizer, "gradient_accumulation_steps", None) or 1)
    return optimizer.iterations


def all_variables(optimizer: Any) -> list[Any]:
    """The variables of an optimizer: Keras 2 does not list the learning rate and Nadam's product."""
    listed = list(optimizer.variables)
    known = {id(v) for v in listed}
    return listed + [v for v in vars(optimizer).values() if hasattr(v, "assign") and id(v) not in known]


def move_state(source: Any, target: Any) -> None:
    """Save the state of one optimizer and load it into another, as saving and loading a model does."""
    saved = {id(v) for v in source.variables}
    for name, value in vars(source).items():
        if hasattr(value, "assign") and "learning_rate" not in name and id(value) not in saved:
            raise Unsupported(
                f"{described()}: {type(source).__name__} does not save its {name}, so it cannot resume"
            )
    hidden = "" if hasattr(source, "save_own_variables") else "_"  # in Keras 2.12
    store: dict[str, Any] = {}
    getattr(source, f"{hidden}save_own_variables")(store)
    getattr(target, f"{hidden}load_own_variables")(store)
