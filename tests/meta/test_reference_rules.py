"""What every reference promises of itself: its sources, its fields, its errors, and what it imports."""

import ast
import inspect
import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import reference
from reference import REFERENCES
from reference.base import Reference
from reference.schedules import SCHEDULES
from reference.wrapped import Wrapped

FOLDER = Path(reference.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))
OPTIMIZERS = sorted({*REFERENCES.values(), Wrapped}, key=lambda c: c.__name__)
CLASSES = [*OPTIMIZERS, *SCHEDULES.values()]
GIVEN = ("function", "scale", "parts")  # functions and schedules: nothing says which
FRAMEWORKS = re.compile(r"torch|keras|tensorflow|\btf\b|jax|flax|optax", re.IGNORECASE)
STANDARD = {
    "__future__",
    "collections",
    "contextlib",
    "dataclasses",
    "enum",
    "functools",
    "importlib",
    "itertools",
    "math",
    "pkgutil",
    "typing",
    "types",
}


def own_fields(cls):
    return [f for f in fields(cls) if f.name != "inner" and (f.name not in GIVEN or cls not in SCHEDULES.values())]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_imports_numpy_alone(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}:{node.lineno}: an import relative to itself"
            names = [node.module]
        for name in names:
            assert name.partition(".")[0] in {"numpy", "reference", *STANDARD}, f"{path.name}:{node.lineno}: {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_names_no_framework_in_code(path):
    """Docstrings and the words of citations may; a name, an attribute or a value may not."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            documentation.add(id(node.value))  # a docstring
        if isinstance(node, ast.keyword) and node.arg == "cite":
            documentation.update(id(n) for n in ast.walk(node.value))
    for node in ast.walk(tree):
        named = [getattr(node, key, None) for key in ("id", "attr", "name", "arg", "module")]
        if isinstance(node, ast.Constant) and id(node) not in documentation:
            # A sentence is prose: a source, or a citation that a helper takes by its position.
            named.append(None if " " in str(node.value) else node.value)
        for text in named:
            assert not (isinstance(text, str) and FRAMEWORKS.search(text)), f"{path.name}: {text!r}"


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_every_field_has_a_citation(cls):
    for f in own_fields(cls):
        cite = f.metadata.get("cite", "")
        assert len(cite) > 10, f"{cls.__name__}.{f.name} needs a paper or documentation"
        assert f.metadata["one_of"] or f.metadata["within"], f"{cls.__name__}.{f.name}: what is allowed?"


@pytest.mark.parametrize("cls", [c for c in CLASSES if c is not Wrapped], ids=lambda c: c.__name__)
def test_has_a_title_and_a_source(cls):
    assert vars(cls).get("title"), f"{cls.__name__}: no title of its own"
    wanted = r"\d{4}" if cls in OPTIMIZERS else r"\d{4}|documentation"
    assert re.search(wanted, vars(cls).get("source", "")), f"{cls.__name__}: no source with a year"
    assert "Source:" in cls.__doc__


# A whole link: an arXiv number or a DOI by its form, any other by a host and a path.
LINK = re.compile(
    r"https?://(arxiv\.org/abs/\d{4}\.\d{4,5}|doi\.org/10\.\d{4,}/\S*\w"
    r"|(?!arxiv\.|doi\.)[\w-]+(\.[\w-]+)+/(\S*[\w/])?)"
)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_the_docstring_ends_with_links_to_its_sources(cls):
    """Each link ends its line, whole; all but the last are followed by a semicolon, so a broken one has none."""
    text = inspect.cleandoc(vars(cls)["__doc__"])
    sources = text[text.index("Source:") :].splitlines()
    assert "" not in sources, "the sources are the last paragraph"
    for line, last in zip(sources, [False] * (len(sources) - 1) + [True], strict=True):
        assert last <= ("://" in line), f"{cls.__name__}: the docstring does not end with a link: {line!r}"
        if "://" in line:
            link = line.split()[-1]
            link = link if last else link.removesuffix(";")
            assert LINK.fullmatch(link), f"{cls.__name__}: no link to a source, or a broken one: {link!r}"
            assert line.endswith(link if last else f"{link};"), f"{cls.__name__}: is the link broken? {line!r}"


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_the_docstring_binds_every_field(cls):
    """Those of this class and of the one it is a variant of."""
    text = " ".join(c.__doc__ or "" for c in cls.__mro__ if issubclass(c, Reference) and c is not Reference)
    common = {  # the same for all, said once in reference.base
        "maximize": "maximize: g_t <- -grad f(theta)",
        "counter": "counts the updates of theta",
    }
    for f in own_fields(cls):
        forms = [v for v in f.metadata["one_of"] if isinstance(v, str)]
        named = re.search(rf"\b{f.name}\b", text, re.IGNORECASE)
        by_form = forms and all(re.search(rf"\b{form}\b", text) for form in forms)
        shared = f.name in common and common[f.name] in f.metadata["cite"]
        assert named or by_form or shared, f"{cls.__name__}.{f.name} is not in its docstring"


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_probing_values_are_exact_in_sixteen_bits(cls):
    """Base and probing values survive bfloat16 (8 bits of significand), so that no dtype is blind to them."""
    for f in own_fields(cls):
        for value in (f.metadata["base"], f.metadata["probe"], *f.metadata["needs"].values()):
            for number in value if isinstance(value, tuple) else (value,):
                if isinstance(number, float) and number != 0 and (cls.__name__, f.name) not in INEXACT:
                    scaled = np.ldexp(np.frexp(number)[0], 8)
                    assert scaled == np.rint(scaled), f"{cls.__name__}.{f.name} = {number!r} is no bfloat16"


INEXACT = {  # (reference, field): why its values are not; in 16 bits these need values of their own
    ("Rprop", "step_sizes"): "the paper's least step size, 1e-6: no case of the base values reaches it",
    ("LBFGS", "tolerance_grad"): "a threshold, not a term",
    ("LBFGS", "tolerance_change"): "a threshold, not a term",
    ("Muon", "a"): "the published coefficient; the iteration has a statistical bound",
    ("Muon", "b"): "the published coefficient",
    ("Muon", "c"): "the published coefficient",
    ("Muon", "epsilon"): "of the norm, in the iteration alone",
    ("Muon", "rms_rate"): "the published value, which one framework has alone",
}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_the_values_of_the_fields_are_allowed(cls):
    """Default, base, probing value (with what it needs) and combinations all construct."""
    cls()
    base = {f.name: f.metadata["base"] for f in own_fields(cls)}
    cls(**base)
    names = {f.name for f in fields(cls)}
    for f in own_fields(cls):
        assert set(f.metadata["needs"]) <= names
        if f.metadata["probe"] is not None:
            assert f.metadata["probe"] != f.metadata["base"], f"{cls.__name__}.{f.name}: the probe is the base"
            cls(**{**base, **f.metadata["needs"], f.name: f.metadata["probe"]})
    for name, chosen in cls.combinations.items():
        assert set(chosen) <= {*names, *OF_THE_CASE}, (cls, name)
        cls(**{**base, **{k: v for k, v in chosen.items() if k not in OF_THE_CASE}})


OF_THE_CASE = {"problem", "steps", "second_group"}  # what a combination may say besides hyperparameters


def forbidden(f):
    """Values that the field refuses, made from what it says is allowed."""
    if f.metadata["one_of"]:
        return [v for v in ("no-such-value", None) if v not in f.metadata["one_of"]]
    interval = f.metadata["within"]
    low, high = (float(end) for end in interval[1:-1].split(","))
    found = [float("nan"), "text"]
    found += [low - 1.0] if np.isfinite(low) else [-np.inf]
    found += [high + 1.0] if np.isfinite(high) else [np.inf]
    found += [low] if interval[0] == "(" and np.isfinite(low) else []
    found += [high] if interval[-1] == ")" and np.isfinite(high) else []
    return [(v, v) for v in found] if isinstance(f.default, tuple) else found


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_an_error_names_argument_value_and_what_is_allowed(cls):
    for f in own_fields(cls):
        for value in forbidden(f):
            with pytest.raises(ValueError, match=re.escape(f.name)) as refused:
                cls(**{f.name: value})
            said = str(refused.value)
            assert repr(value) in said, said
            allowed = f.metadata["within"] or f.metadata["one_of"][0]
            assert str(allowed) in said, said
        if f.metadata["within"].startswith("["):
            low = float(f.metadata["within"][1:].split(",")[0])
            cls(**{f.name: (low, low) if isinstance(f.default, tuple) else low})


def test_errors_of_what_does_not_go_together():
    sgd = REFERENCES["sgd"]
    with pytest.raises(ValueError, match=r"nesterov=True with momentum=0\.0"):
        sgd(nesterov=True)
    with pytest.raises(ValueError, match=r"nesterov=True with dampening=0\.5: only 0 is allowed"):
        sgd(nesterov=True, momentum=0.5, dampening=0.5)
    with pytest.raises(ValueError, match="only 'zero' is allowed"):
        sgd(velocity="inside", first_velocity="gradient")
    with pytest.raises(ValueError, match="clip_value and clip_norm are set: at most one is allowed"):
        Wrapped(clip_value=1.0, clip_norm=1.0)


TAKING_GRADIENTS = [c for c in OPTIMIZERS if c is not Wrapped and c.gradients == "dense" and not c.closure]


@pytest.mark.parametrize("cls", TAKING_GRADIENTS, ids=lambda c: c.__name__)
def test_steps_change_nothing_in_place(cls):
    rule = cls(**{f.name: f.metadata["base"] for f in own_fields(cls)})
    params, grads = [np.ones((2, 3)), np.ones((2, 2))], [np.full((2, 3), 2.0), None]
    slots = rule.init(params)
    before = {n: [None if v is None else np.array(v) for v in values] for n, values in slots.items()}
    new, after = rule.step(params, grads, slots)
    assert all((p == 1).all() for p in params)
    assert (grads[0] == 2).all()
    assert slots.keys() == before.keys() == after.keys()
    for name, values in slots.items():
        for kept, was in zip(values, before[name], strict=True):
            np.testing.assert_array_equal(kept, was)
    assert (new[1] == 1).all()  # no gradient, no step
    assert not (new[0] == 1).all()
