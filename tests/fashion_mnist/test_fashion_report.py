"""The Fashion-MNIST comparison on a small set of the same format, and, marked slow, the real thing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_comparison import BOTH, COMMITTED, FRAMEWORKS

from conformance.cli import fashion_mnist as verb
from conformance.cli import main as cli
from conformance.errors import BadInput
from conformance.lab.fashion import comparison_pages, data, figures, results, training_calls

# ---------------------------------------------------------------- the report


def test_the_comparison_has_every_training(compared):
    found, _ = compared
    count = {
        s: sum(r["job"]["setting"] == s for r in found.records) for s in ("translated", "defaults", "reversed")
    }
    assert count == {"translated": 2 * len(FRAMEWORKS), "defaults": len(FRAMEWORKS), "reversed": len(FRAMEWORKS)}
    assert found.rates == {"sgd": 0.03}


@pytest.mark.skipif(not BOTH, reason="a comparison needs both frameworks")
def test_the_frameworks_stay_together_where_nothing_is_rounded_apart(compared):
    """In float64, from the same weights, with numbers that both represent: the same training."""
    (one,) = figures.optimizers(compared[0])
    lines = {line.name: line for line in one.together}
    exact, plain = lines["rounded"], lines["frameworks"]
    assert exact.differences.max() < np.nanmin(plain.differences[plain.differences > 0])
    assert "the rules are the same" in one.why
    assert one.translated.test.differences == tuple(
        100 * (k - t) for t, k in zip(*(s.accuracies for s in one.translated.sides), strict=True)
    )


def parting(**steps: int | None) -> dict[str, figures.LossGap]:
    """Trainings that differ by SEEN at these steps, of 100, and in the last bits from the start."""
    found = {}
    for name, step in steps.items():
        gone = np.full(100, 1e-12)
        if step:
            gone[step - 1 :] = 0.5
        found[name.replace("_", " ")] = figures.LossGap(name, "", gone, figures.parted(gone))
    return found


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ({"frameworks": None}, "never differ by"),
        ({"frameworks": 20, "rounded": None}, "the rules are the same"),
        ({"frameworks": 20, "rounded": 30}, "more than rounding differs"),
        (
            {"frameworks": 20, "float64": 20, "torch_reversed": 60, "keras_reversed": None},
            "not the rounding of sums",
        ),
        ({"frameworks": 20, "float64": 70, "torch_reversed": 22, "keras_reversed": 60}, "amplified by training"),
        ({"frameworks": 20, "float64": 20, "torch_reversed": 20}, "so are the hyperparameters"),
        ({"frameworks": 20, "float64": 50, "torch_reversed": 50}, "as quick as both together"),
    ],
)
def test_why_the_frameworks_part_follows_from_the_probes(steps, says):
    assert says in figures.why(parting(**steps), [20, None], has_epsilon=True)


def test_the_pages_are_made_from_the_numbers_alone(compared):
    _, folder = compared
    names = {p.name for p in folder.iterdir() if p.is_file()}
    assert {"index.html", "README.md", "results.json", "curves.csv", "curves.png", "accuracy.png"} <= names
    before = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    comparison_pages.render(folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before
    for name in ("index.html", "README.md"):
        text = before[name].decode()
        assert all(plot in text for plot in names if plot.endswith(".png"))
        assert "torch.optim.SGD(params, lr=0.03, momentum=0.9)" in text or "torch" not in FRAMEWORKS
    assert before["curves.png"].startswith(b"\x89PNG")


def test_one_framework_alone_is_reported(compared, tmp_path):
    found, _ = compared
    first = FRAMEWORKS[0]
    alone = replace(
        found, records=[r for r in found.records if r["job"]["framework"] == first], grid=found.grid[:1]
    )
    comparison_pages.write(alone, results.circumstances({}, "small"), tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert "alone: nothing is compared" in text
    assert "Is there a difference?" not in text


def test_a_damaged_result_is_named(tmp_path):
    (tmp_path / results.NAME).write_text("{}")
    with pytest.raises(BadInput, match=r"results\.json: cannot be read"):
        comparison_pages.render(tmp_path)


def test_the_whole_verb(small, here, tmp_path, capsys):
    parser = cli._parser(["fashion-mnist"])
    args = parser.parse_args(
        [
            "fashion-mnist",
            "--data",
            str(small[0]),
            "--reports",
            str(tmp_path),
            "--framework",
            FRAMEWORKS[0],
            "--optimizer",
            "SGD",
            "--seeds",
            "1",
            "--epochs",
            "1",
            "--note",
            "a test ran beside it",
        ]
    )
    assert verb.call(args, small[1]) == 0
    assert capsys.readouterr().out.strip().endswith("index.html")
    assert "a test ran beside it" in (tmp_path / verb.FOLDER / "index.html").read_text()
    assert cli.main(["fashion-mnist", "--render", "--reports", str(tmp_path)]) == 0


# ---------------------------------------------------------------- the real thing


def check_committed(folder: Path) -> None:
    """What the published comparison has to be."""
    found, about = results.load(folder / results.NAME)
    assert found.plan.optimizers == training_calls.DEFAULT
    assert found.plan.frameworks == ("torch", "keras")
    assert found.plan.epochs >= 10
    assert found.plan.seeds >= 3
    assert about["data"] == hashlib.sha256(" ".join(data.SHA256[n] for n in data.FILES).encode()).hexdigest()
    assert {r["images"] for r in [*found.grid, *found.records]} == {55_000}
    assert all("test" not in r for r in found.grid)
    for one in figures.optimizers(found):
        assert min(s.mean for s in one.translated.sides) >= figures.EXPECTED, f"{one.title}: look for a bug"
    json.dumps(about)


@pytest.mark.slow
def test_the_real_comparison():
    """About an hour on two cores, less where it goes on from a killed run; writes reports/fashion_mnist/."""
    assert cli.main(["fashion-mnist", "--reports", str(COMMITTED.parent)]) == 0
    check_committed(COMMITTED)
