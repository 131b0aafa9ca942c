"""The optimizer lab: every cell runs, and what is committed is what its source makes."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conformance import lab
from conformance.areas.registry import AREAS
from conformance.bindings import installed
from conformance.cli.main import VERBS
from conformance.errors import BadInput
from conformance.lab import build

HERE = Path(__file__).parents[1]
needs_nbformat = pytest.mark.skipif(not importlib.util.find_spec("nbformat"), reason="needs the extra test")
needs_both = pytest.mark.skipif(len(installed()) < 2, reason="the lab is about both frameworks")


# -- the source -----------------------------------------------------------------------------------------
def test_cells_are_told_apart():
    found = build.cells(
        "# for who edits it\n\n# %% [markdown]\n# # Title\n#\n# text\n\n# %%\nx = 1\n\n\n# %%\ny = 2\n"
    )
    assert [(c.kind, c.text) for c in found] == [
        ("markdown", "# Title\n\ntext"),
        ("code", "x = 1"),
        ("code", "y = 2"),
    ]


def test_the_six_objectives_are_there():
    """As the README lists them, each with a page, a command and tests that exist."""
    texts = [c.text for c in build.filled() if c.kind == "markdown"]
    titles = [title for text in texts for title in re.findall(r"^## (\d)\. .+$", text, re.MULTILINE)]
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d)\. [^|]*\|([^|]*)\|([^|]*)\|([^|]*)\|$", readme, re.MULTILINE)
    assert titles == [number for number, *_ in rows] == list("123456")
    pages = {f"{name}.html" for name in AREAS} | {"map.html"}
    for number, page, command, tests in rows:
        found = re.findall(r"`(tests/[^`]+)`", tests)
        assert found, f"objective {number}"
        assert [t for t in found if not (HERE / t).exists()] == []
        assert {p for p in re.findall(r"reports/(\w+\.html)", page) if p not in pages} == set()
        assert {a for a in re.findall(r"--area (\w+)", command) if a not in AREAS} == set()
        assert {v for v in re.findall(r"conformance (\S+)`", command) if v not in VERBS} == set()


def test_nothing_is_left_to_fill_in():
    assert not [c for c in build.filled() if "{{" in c.text or "}}" in c.text]


def test_the_link_to_colab_is_made_of_the_address():
    address = "https://github.com/someone/something"
    assert build.colab(address) == (
        "https://colab.research.google.com/github/someone/something/blob/main/lab/optimizer_lab.ipynb"
    )
    assert build.colab(build.repository()) in build.filled()[0].text
    install = next(c.text for c in build.filled() if c.kind == "code")
    assert f'REPOSITORY = "{build.repository()}"' in install


def test_no_result_is_said_to_be_none(tmp_path):
    assert build.published(tmp_path / "results.json") == build.NOT_YET


# -- what is committed ----------------------------------------------------------------------------------
@needs_nbformat
def test_what_is_committed_is_what_the_source_makes():
    for name, text in build.texts().items():
        committed = (HERE / build.FOLDER / name).read_text(encoding="utf-8")
        assert plain(committed) == plain(text), f"{name} is old: python -m conformance lab"


def plain(text):
    """Without colours: in which span a word of code stands is the business of the version of Pygments."""
    return re.sub(r"</?span[^>]*>", "", text)


@needs_nbformat
def test_every_cell_said_what_it_says_now():
    """A cell that was changed since it ran shows nothing: run it again, and look."""
    code = [c for c in build.filled() if c.kind == "code"]
    said = build.load()
    assert [c.text.splitlines()[0] for c in code if c.digest not in said] == [], "python -m conformance lab --run"
    assert set(said) == {c.digest for c in code}


@needs_nbformat
def test_the_notebook_is_one():
    import nbformat

    book = nbformat.read(HERE / build.FOLDER / build.NOTEBOOK, as_version=4)
    nbformat.validate(book)
    assert [c.cell_type for c in book.cells] == [c.kind for c in build.filled()]


@needs_nbformat
def test_the_lab_is_made_in_a_checkout(tmp_path):
    with pytest.raises(BadInput, match="is no checkout of this project"):
        build.write(tmp_path)
    shutil.copy(HERE / "pyproject.toml", tmp_path)
    paths = build.write(tmp_path)
    assert [p.name for p in paths] == [build.NOTEBOOK, build.PAGE]
    assert "Open in Colab" in paths[1].read_text(encoding="utf-8")
    assert build.load(tmp_path) == {}, "nothing ran there"


@needs_nbformat
def test_what_the_cells_said_is_kept_in_the_notebook(tmp_path):
    """And comes back out of it; what has no place in a published file is left out before."""
    shutil.copy(HERE / "pyproject.toml", tmp_path)
    said = {c.digest: [] for c in build.filled() if c.kind == "code"}
    first, second, *_ = said
    said[first] = [{"output_type": "stream", "name": "stdout", "text": "1\n2\n"}]
    said[second] = [{"output_type": "display_data", "data": {"image/png": "AAAA"}, "metadata": {}}]
    build.write(tmp_path, said)
    assert build.load(tmp_path) == said
    before = (tmp_path / build.FOLDER / build.NOTEBOOK).read_bytes()
    build.write(tmp_path)
    assert (tmp_path / build.FOLDER / build.NOTEBOOK).read_bytes() == before


# -- the install cell -----------------------------------------------------------------------------------
def installs(monkeypatch, folder, there=(), address="https://github.com/someone/something"):
    """What the install cell would have pip install, run in `folder` where only the modules `there` are."""
    calls = []
    monkeypatch.chdir(folder)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name in there else None)
    monkeypatch.setattr(subprocess, "run", lambda command, check: calls.append(command))
    source = next(c.source for c in build.filled() if c.kind == "code")
    exec(source.replace("{{ repository }}", address), {})
    return [word for command in calls for word in command[command.index("-q") + 1 :]]


def test_where_all_is_there_nothing_is_installed(monkeypatch, tmp_path):
    assert installs(monkeypatch, tmp_path, there=("conformance", "tensorflow", "torch")) == []


def test_on_colab_the_project_is_installed_from_its_address(monkeypatch, tmp_path):
    assert installs(monkeypatch, tmp_path, there=("tensorflow", "torch")) == [
        "optimizer-conformance @ git+https://github.com/someone/something"
    ]


def test_in_a_checkout_that_is_installed(monkeypatch):
    assert installs(monkeypatch, HERE / build.FOLDER, there=("tensorflow",)) == [str(HERE), "torch"]


def test_without_an_address_the_cell_says_so(monkeypatch, tmp_path):
    with pytest.raises(RuntimeError, match="set REPOSITORY"):
        installs(monkeypatch, tmp_path, address="https://github.com/<owner>/<repository>")


# -- every cell runs ------------------------------------------------------------------------------------
@needs_nbformat
@needs_both
def test_every_cell_runs(tmp_path, monkeypatch):
    """On a few made images, where those of Fashion-MNIST take minutes; nothing else is less."""
    monkeypatch.setenv(lab.QUICK, "1")
    check_said(build.run(build.filled(), tmp_path))


@pytest.mark.slow
@needs_nbformat
@needs_both
def test_every_cell_runs_on_the_real_images(tmp_path, monkeypatch):
    """As a student runs it."""
    monkeypatch.delenv(lab.QUICK, raising=False)
    text = check_said(build.run(build.filled(), tmp_path))
    accuracies = [float(a) for a in re.findall(r"test accuracy ([\d.]+)", text)]
    assert len(accuracies) == 8  # four optimizers in two frameworks
    assert min(accuracies) > 0.7


def check_said(said):
    """What a reader is to see, whatever the numbers are."""
    text = "\n".join(o["text"] for outputs in said.values() for o in outputs if o["output_type"] == "stream")
    assert "MyRAdam conforms to reference.RAdam(threshold=5.0)" in text
    assert "EpsilonInside does not conform" in text
    assert "behaves as        epsilon-in-root" in text
    assert len(re.findall(r"test accuracy", text)) == 8
    pictures = [o for outputs in said.values() for o in outputs if o["output_type"] == "display_data"]
    assert len(pictures) == 3
    return text
