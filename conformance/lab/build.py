"""The notebook and the page, made from cells/, the published comparison, and the cells' last output.

The output is kept in the notebook itself, with the digest of the source it came from: a cell that has changed since
shows nothing until it runs again.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from conformance.errors import BadInput
from conformance.judge.record import atomically

CELLS = Path(__file__).with_name("cells")  # files in percent format, in order of their names
ROOT = CELLS.parents[2]  # the checkout: the lab is made there, not in an installation
FOLDER = "lab"
NOTEBOOK, PAGE = "optimizer_lab.ipynb", "optimizer_lab.html"
RESULTS = Path("reports") / "fashion_mnist" / "results.json"
DIGEST = "source"  # in the metadata of a notebook cell
NOT_YET = "*(There is no published result in this checkout: `python -m conformance fashion-mnist` makes it.)*"

Outputs = list[dict[str, Any]]


@dataclass(frozen=True)
class NotebookCell:
    """Markdown text, or code."""

    kind: str  # "markdown" or "code"
    source: str  # with {{ … }} where a value goes
    text: str

    @property
    def digest(self) -> str:
        """Of the source, so that a cell's output stays wherever the project is published."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:12]


def cells(source: str, values: Mapping[str, str] | None = None) -> list[NotebookCell]:
    """The cells of a source in percent format; anything before the first is for its editors."""

    def cell(kind: str, body: str) -> NotebookCell:
        return NotebookCell(kind, body, re.sub(r"\{\{ (\w+) \}\}", lambda m: (values or {})[m[1]], body))

    found = []
    for part in re.split(r"^# %%", source, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        if head.strip() == "[markdown]":
            lines = [line.removeprefix("#").removeprefix(" ") for line in body.strip().splitlines()]
            found.append(cell("markdown", "\n".join(lines)))
        else:
            found.append(cell("code", body.strip()))
    return found


def filled(root: Path = ROOT) -> list[NotebookCell]:
    """The cells of the lab, with the repository's address and the published result."""
    address = repository(root)
    values = {
        "repository": address,
        "colab": colab(address),
        "unpublished": " (once `pyproject.toml` says where the project is published)" if "<" in address else "",
        "published": published(root / RESULTS),
    }
    return [c for path in sorted(CELLS.glob("*.py")) for c in cells(path.read_text(encoding="utf-8"), values)]


@cache
def repository(root: Path = ROOT) -> str:
    """Where the project is published, from pyproject.toml, the only place to set it."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"].rstrip("/").removesuffix(".git")


def colab(address: str) -> str:
    """The link that opens the notebook in Colab, which reads notebooks from GitHub."""
    path = address.removeprefix("https://github.com/")
    return f"https://colab.research.google.com/github/{path}/blob/main/{FOLDER}/{NOTEBOOK}"


def published(results: Path) -> str:
    """The published comparison as a table."""
    if not results.exists():
        return NOT_YET
    from conformance.lab.fashion import figures
    from conformance.lab.fashion import results as store
    from conformance.lab.fashion.comparison_pages import headline, percent, points, total

    found, _about = store.load(results)
    lines = [
        "| optimizer | learning rate | PyTorch | Keras | Keras − PyTorch, points |",
        "|---|---|---|---|---|",
    ]
    optimizers = figures.optimizers(found)
    for one in optimizers:
        sides = {s.framework: s for s in one.translated.sides}
        means = [percent(sides[f].mean) if f in sides else "—" for f in ("torch", "keras")]
        test = one.translated.test
        difference = f"{points(test.mean)} ({points(test.low)} to {points(test.high)})" if test else "—"
        lines.append(f"| {one.title} | {one.rate:g} | {means[0]} | {means[1]} | {difference} |")
    plan = found.plan
    lines += [
        "",
        f"{headline(optimizers)} Test accuracy after {plan.epochs} epochs, mean of {plan.seeds} seeds with the "
        "same weights and batches in both; in brackets the 90 % interval of the mean difference. All of it took "
        f"{total(found)[2]:.0f} minutes of processor time. Curves, and all numbers: `{RESULTS.parent}/`.",
    ]
    return "\n".join(lines)


# ---------------------------------------------------------------- the cells' output


def notebook(found: Sequence[NotebookCell], said: Mapping[str, Outputs]) -> Any:
    """The notebook, with the output of each cell."""
    import nbformat

    book = nbformat.v4.new_notebook()
    book.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "colab": {"provenance": []},
    }
    number = 0
    for place, cell in enumerate(found):
        if cell.kind == "markdown":
            made = nbformat.v4.new_markdown_cell(cell.text)
        else:
            number += 1
            outputs = [nbformat.from_dict(o) for o in said.get(cell.digest, [])]
            ran = number if cell.digest in said else None
            made = nbformat.v4.new_code_cell(cell.text, outputs=outputs, execution_count=ran)
            made.metadata = {DIGEST: cell.digest}
        made["id"] = f"cell-{place:02d}"
        book.cells.append(made)
    nbformat.validate(book)
    return book


def run(found: Sequence[NotebookCell], folder: Path, timeout: int = 600) -> dict[str, Outputs]:
    """Run every cell in one new kernel, in `folder`; return each one's output. An error in a cell is raised."""
    from nbclient import NotebookClient

    book = notebook(found, {})
    client = NotebookClient(book, timeout=timeout, resources={"metadata": {"path": str(folder)}})
    client.execute(
        env={**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    )
    code = [c for c in found if c.kind == "code"]
    ran = [c for c in book.cells if c.cell_type == "code"]
    return {cell.digest: _kept(made.outputs) for cell, made in zip(code, ran, strict=True)}


def _kept(outputs: Iterable[Any]) -> Outputs:
    """Without machine-specific output: warnings, and object ids."""
    kept: Outputs = []
    for output in outputs:
        if output.output_type == "stream" and output.name == "stdout":
            if kept and kept[-1]["output_type"] == "stream":
                kept[-1]["text"] += output.text  # a kernel sends what one cell prints in parts
            else:
                kept.append({"output_type": "stream", "name": "stdout", "text": output.text})
        elif output.output_type == "display_data":
            image = output.data.get("image/png", "").strip()
            kept.append({"output_type": "display_data", "data": {"image/png": image}, "metadata": {}})
    return kept


# ---------------------------------------------------------------- the files


def texts(root: Path = ROOT, said: Mapping[str, Outputs] | None = None) -> dict[str, str]:
    """File name -> text: the notebook and page of this checkout. The same checkout gives the same texts."""
    import nbformat

    found, said = filled(root), load(root) if said is None else said
    return {
        NOTEBOOK: nbformat.writes(notebook(found, said)) + "\n",
        PAGE: page(found, said),
    }


def load(root: Path = ROOT) -> dict[str, Outputs]:
    """The last output of the notebook's cells, by the cell's digest."""
    import nbformat

    path = root / FOLDER / NOTEBOOK
    if not path.exists():
        return {}
    book = nbformat.read(path, as_version=4)
    ran = [c for c in book.cells if c.cell_type == "code" and c.execution_count]
    return {c.metadata[DIGEST]: _kept(c.outputs) for c in ran if DIGEST in c.metadata}


def page(found: Sequence[NotebookCell], said: Mapping[str, Outputs]) -> str:
    """The page: text, coloured code, and its output."""
    from markdown_it import MarkdownIt
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    from conformance.report.templating import environment

    text, code = MarkdownIt("commonmark").enable("table"), HtmlFormatter(nowrap=True)
    blocks = []
    for cell in found:
        if cell.kind == "markdown":
            blocks.append({"kind": "markdown", "html": text.render(cell.text), "said": []})
        else:
            html = highlight(cell.text, PythonLexer(), code)
            blocks.append({"kind": "code", "html": html, "said": said.get(cell.digest, [])})
    return environment(html=True).get_template("lab.html.j2").render(blocks=blocks, notebook=NOTEBOOK)


def write(root: Path = ROOT, said: Mapping[str, Outputs] | None = None) -> list[Path]:
    """Write the notebook and the page, with the cells' output: from running them now, or the last."""
    if not (root / "pyproject.toml").exists():
        raise BadInput(f"lab: {root} is no checkout of this project; the lab is made there.")
    made = texts(root, said)
    for name, text in made.items():
        with atomically(root / FOLDER / name) as file:
            file.write(text)
    return [root / FOLDER / name for name in made]
