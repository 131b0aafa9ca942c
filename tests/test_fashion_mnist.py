"""The Fashion-MNIST comparison: the code on a small set of the same format, and, marked slow, the real thing."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mpmath import mp

from conformance.bindings import installed
from conformance.cli import fashion_mnist as verb
from conformance.cli import main as cli
from conformance.errors import BadInput, Incomplete
from conformance.lab.fashion import (
    compare,
    comparison_pages,
    data,
    figures,
    net,
    pool,
    results,
    statistics,
    train,
    training_calls,
)

FRAMEWORKS = installed()
BOTH = len(FRAMEWORKS) == 2
COMMITTED = Path(__file__).parent.parent / "reports" / verb.FOLDER
PLAN = compare.TrainingPlan(
    optimizers=("sgd",), frameworks=tuple(FRAMEWORKS), seeds=2, epochs=2, batch=64, grid_epochs=1, processes=1,
    probes=("reversed", "rounded"),
)  # fmt: skip


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """A folder with a small set, and what its files are."""
    folder = tmp_path_factory.mktemp("small")
    return folder, data.make_small(folder, train=420, test=60)


@pytest.fixture(scope="session")
def loaded(small) -> data.Data:
    return data.load(*small)


@pytest.fixture
def here(monkeypatch) -> list[train.Job]:
    """Trainings run in this process, not in others, and are listed."""
    made: list[train.Job] = []

    def run_here(jobs, source, loaded, folder, processes, title) -> Iterator[dict]:
        for job in jobs:
            made.append(job)
            record = train.train(job, loaded)
            pool.keep(folder, job, loaded.digest, record)
            yield record

    monkeypatch.setattr(pool, "_made", run_here)
    monkeypatch.setattr(training_calls, "GRID", {"sgd": (0.03,)})
    return made


@pytest.fixture(scope="session")
def compared(small, tmp_path_factory) -> tuple[compare.TrainingComparison, Path]:
    """The whole comparison of one optimizer on the small set, and its pages."""
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as monkeypatch:
        here.__wrapped__(monkeypatch)
        source = pool.Source(*small)
        found = compare.run(PLAN, source, source.load(), folder / "runs")
    comparison_pages.write(found, results.circumstances({}, "small"), folder)
    return found, folder


# ---------------------------------------------------------------- data


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No data on this machine, and no network."""
    monkeypatch.delenv(data.VARIABLE, raising=False)
    monkeypatch.setattr(data, "DEBIAN", tmp_path / "debian")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(data, "_download", lambda: "the download failed (no network)")
    return tmp_path


def test_the_folder_is_looked_for_in_this_order(small, nowhere, monkeypatch):
    places = {
        "cache": nowhere / "keras" / "datasets" / "fashion-mnist",
        "debian": nowhere / "debian",
        "environment": nowhere / "environment",
        "option": nowhere / "option",
    }
    found = []
    for name, place in places.items():
        shutil.copytree(small[0], place)
        if name == "environment":
            monkeypatch.setenv(data.VARIABLE, str(place))
        found.append(data.find(place if name == "option" else None))
    assert found == list(places.values())


def test_a_download_is_the_last_resort(small, nowhere, monkeypatch):
    def download() -> str:
        shutil.copytree(small[0], data.keras_cache())
        return ""

    monkeypatch.setattr(data, "_download", download)
    assert data.find() == data.keras_cache()


def test_missing_data_says_where_it_looked_and_how_to_get_it(nowhere):
    with pytest.raises(BadInput) as error:
        data.find()
    for part in (
        str(data.DEBIAN),
        str(data.keras_cache()),
        "no network",
        "apt-get install",
        "--data",
        data.VARIABLE,
    ):
        assert part in str(error.value)


@pytest.mark.parametrize("name", ["option", "environment"])
def test_a_named_folder_without_the_files_is_not_replaced_by_another(name, small, nowhere, monkeypatch):
    shutil.copytree(small[0], data.DEBIAN)
    monkeypatch.setenv(data.VARIABLE, str(nowhere / "empty"))
    (nowhere / "empty").mkdir()
    with pytest.raises(BadInput, match="has no train-images-idx3-ubyte"):
        data.find(nowhere / "empty" if name == "option" else None)


WRONG = {
    "truncated gzip": ("train-images-idx3-ubyte", None, "damaged or truncated"),
    "another image": ("train-images-idx3-ubyte", lambda c: c[:-1] + bytes([c[-1] ^ 1]), "SHA-256"),
    "too short": ("t10k-images-idx3-ubyte", lambda c: c[:-5], "truncated"),
    "labels for images": ("t10k-images-idx3-ubyte", lambda c: bytes([0, 0, 8, 1]) + c[4:], "magic number"),
    "another size": ("t10k-images-idx3-ubyte", lambda c: c[:8] + (14).to_bytes(4, "big") + c[12:], "14 x 28"),
    "label 10": ("t10k-labels-idx1-ubyte", lambda c: c[:-1] + bytes([10]), "a label is 10"),
}


@pytest.mark.parametrize("how", WRONG)
def test_wrong_content_is_refused_by_name(how, small, tmp_path):
    name, change, says = WRONG[how]
    folder = tmp_path / "wrong"
    shutil.copytree(small[0], folder)
    path = folder / f"{name}.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if change is None else gzip.compress(change(gzip.decompress(whole))))
    with pytest.raises(BadInput, match=says) as error:
        data.load(folder, small[1])
    assert path.name in str(error.value)
    assert "apt-get install" in str(error.value)


def test_a_small_set_is_not_taken_for_the_real_one(small, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["fashion-mnist", "--data", str(small[0]), "--framework", FRAMEWORKS[0]]) == 2
    assert "not the file of Fashion-MNIST" in capsys.readouterr().err
    assert not (tmp_path / "reports").exists()


def test_uncompressed_files_are_read_too(small, loaded, tmp_path):
    for path in small[0].iterdir():
        (tmp_path / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    assert np.array_equal(data.load(tmp_path, small[1]).train.images, loaded.train.images)


def test_the_parts_are_apart_and_scaled(small, loaded):
    assert (len(loaded.train), len(loaded.validation), len(loaded.test)) == (385, 35, 60)
    assert loaded.train.images.dtype == np.float32
    assert 0 <= loaded.train.images.min() < loaded.train.images.max() <= 1
    whole = {image.tobytes() for part in (loaded.train, loaded.validation, loaded.test) for image in part.images}
    assert len(whole) == 480
    limited = data.load(*small, limit=110)
    assert (len(limited.train), len(limited.validation), len(limited.test)) == (110, 10, 60)


# ---------------------------------------------------------------- the network


def test_batches_follow_from_seed_and_epoch():
    one = net.batches(3, 0, 1000, 128)
    assert one.shape == (7, 128)
    assert len(set(one.ravel())) == one.size
    assert np.array_equal(one, net.batches(3, 0, 1000, 128))
    assert not np.array_equal(one, net.batches(3, 1, 1000, 128))
    assert not np.array_equal(one, net.batches(4, 0, 1000, 128))


def test_first_weights_have_the_shapes_of_the_layers():
    weights = net.first_weights(0)
    assert sum(w.size for w in weights) == net.parameters()
    assert [w.shape for w in weights[::2]] == net.shapes()
    assert not np.array_equal(weights[0], net.first_weights(1)[0])


def exact_network(framework: str) -> tuple[train.Net, np.ndarray]:
    """Weights and images of so few bits that float64 computes the logits exactly, in any order."""
    rng = np.random.default_rng(0)
    call = training_calls.by_default("sgd").calls[framework]
    weights = [rng.integers(-2, 3, w.shape).astype(np.float32) / 4 for w in net.first_weights(0)]
    job = compare.job_of(PLAN, "translated", call, 0)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(net, "first_weights", lambda seed: weights)
        model = train.network(replace(job, dtype="float64"))
    assert all(np.array_equal(a, b) for a, b in zip(model.weights(), weights, strict=True))
    return model, rng.integers(0, 5, (3, data.SIDE, data.SIDE, 1)) / 4


def by_hand(weights: list[np.ndarray], images: np.ndarray) -> np.ndarray:
    """The logits in NumPy."""
    x = images
    for i, layer in enumerate(net.LAYERS):
        kernel, bias = weights[2 * i], weights[2 * i + 1]
        if isinstance(layer, net.Conv):
            window = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
            x = np.einsum("nhwcij,ijco->nhwo", window[:, :: layer.stride, :: layer.stride], kernel) + bias
        else:
            x = x.reshape(len(x), -1) @ kernel + bias
        x = np.maximum(x, 0) if i < len(net.LAYERS) - 1 else x
    return x


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_network_computes_what_numpy_does(framework):
    model, images = exact_network(framework)
    expected = by_hand([w.astype(np.float64) for w in model.weights()], images)
    assert np.array_equal(model.logits(images), expected)
    loss, logits = model.step(images, np.array([1, 2, 3]))
    assert np.array_equal(logits, expected)
    assert not np.array_equal(model.logits(images), expected)
    assert loss > 0


# ---------------------------------------------------------------- calls


@pytest.mark.parametrize(
    ("name", "torch", "keras"),
    [
        ("sgd", "SGD(params, lr=0.5, momentum=0.9)", "SGD(learning_rate=0.5, momentum=0.9)"),
        ("adam", "Adam(params, lr=0.5, eps=1e-12)", "Adam(learning_rate=0.5, epsilon=1e-12)"),
        ("adamw", "AdamW(params, lr=0.5, eps=1e-12)", "AdamW(learning_rate=0.5, epsilon=1e-12, weight_decay=0.01)"),
        ("rmsprop", "RMSprop(params, lr=0.5, eps=1e-12)", "RMSprop(learning_rate=0.5, rho=0.99, epsilon=1e-24)"),
        ("radam", "RAdam(params, lr=0.5)", "conformance.RAdam(learning_rate=0.5, decoupled_weight_decay=False)"),
        ("nadam", "NAdam(params, lr=0.5, momentum_decay=1.0)", "Nadam(learning_rate=0.5, epsilon=1e-08)"),
    ],
)
def test_a_pair_is_what_the_map_translates(name, torch, keras):
    found = training_calls.translated(name, 0.5).calls
    assert found["torch"].text.endswith(torch)
    assert found["keras"].text.endswith(keras)


def test_an_optimizer_of_one_framework_has_no_pair():
    assert list(training_calls.translated("lion", 1e-4).calls) == ["keras"]
    assert list(training_calls.translated("asgd", 1e-2).calls) == ["torch"]
    assert "no ASGD" in training_calls.translated("asgd", 1e-2).alone
    assert training_calls.grid("lion") == (3.33e-4, 1e-3, 3e-3)


@pytest.mark.parametrize(
    ("name", "says"), [("lbfgs", "closure"), ("sparseadam", "sparse"), ("adm", "did you mean 'adam'")]
)
def test_what_cannot_train_this_is_refused(name, says):
    with pytest.raises(BadInput, match=says) as error:
        training_calls.translated(name, None)
    assert "--optimizer" in str(error.value)


@pytest.mark.parametrize("name", training_calls.DEFAULT)
def test_rounded_numbers_are_those_of_float32(name):
    for call in training_calls.translated(name, 0.01).calls.values():
        numbers = np.hstack(
            [v for v in training_calls.rounded(call).arguments.values() if isinstance(v, float | tuple)]
        )
        assert np.array_equal(numbers, numbers.astype(np.float32))
        assert len(numbers) >= 2


# ---------------------------------------------------------------- one training


def without_seconds(record: dict) -> dict:
    return {k: v for k, v in record.items() if k != "seconds"}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_training_is_deterministic(framework, loaded):
    job = compare.job_of(PLAN, "translated", training_calls.translated("adam", 1e-3).calls[framework], 1, epochs=1)
    first, second = (train.train(job, loaded) for _ in range(2))
    assert without_seconds(first) == without_seconds(second)
    assert len(first["first_losses"]) == first["steps"] == 6
    assert first["name"] == f"translated-adam-{framework}-seed1"


class Seen:
    """In the place of a network: keeps what it is given."""

    def __init__(self, loss: float = 1.0):
        self.labels: list[np.ndarray] = []
        self.loss = loss

    def step(self, images, labels):
        self.labels.append(labels)
        return self.loss, np.zeros((len(labels), data.CLASSES))

    def logits(self, images):
        return np.zeros((len(images), data.CLASSES))


@pytest.fixture
def seen(monkeypatch) -> Seen:
    model = Seen()
    monkeypatch.setattr(train, "network", lambda job: model)
    return model


def job(**other) -> train.Job:
    call = training_calls.translated("sgd", 0.03).calls[FRAMEWORKS[0]]
    return replace(compare.job_of(PLAN, "translated", call, 0), **other)


def test_reversed_batches_hold_the_same_images(seen, loaded):
    train.train(job(steps=3), loaded)
    train.train(job(steps=3, turned=True), loaded)
    assert len(seen.labels) == 6
    for plain, turned in zip(seen.labels[:3], seen.labels[3:], strict=True):
        assert np.array_equal(plain, turned[::-1])


def test_the_test_set_is_looked_at_once_and_never_to_choose(seen, loaded, monkeypatch):
    looked = []
    monkeypatch.setattr(
        train, "evaluate", lambda model, part: looked.append(len(part)) or (1.0, np.ones(len(part), bool))
    )
    assert "test" in train.train(job(evaluations=3), loaded)
    assert looked.count(len(loaded.test)) == 1
    assert looked[-1] == len(loaded.test)
    for other in ({"setting": "grid"}, {"steps": 3}):
        assert "test" not in train.train(job(**other), loaded)
    assert looked.count(len(loaded.test)) == 1


def test_a_loss_that_is_not_finite_ends_the_training(seen, loaded):
    seen.loss = float("nan")
    record = train.train(job(), loaded)
    assert record["finite"] is False
    assert len(record["epochs"]) == 1
    assert pool.says(record) == "the loss is not finite"


# ---------------------------------------------------------------- many of them


def test_what_is_finished_is_not_trained_again(small, loaded, here, tmp_path):
    plan = replace(PLAN, frameworks=PLAN.frameworks[:1], seeds=1, probes=(), epochs=1)
    source = pool.Source(*small)
    first = compare.run(plan, source, loaded, tmp_path)
    every = [j.name for j in here]
    assert len(every) == 3  # the grid, the translated one, the default
    here.clear()
    assert compare.run(plan, source, loaded, tmp_path) == first
    assert here == []
    killed = next(tmp_path.glob("translated-*"))
    killed.write_text(killed.read_text()[:100])  # damaged counts as not finished
    again = compare.run(plan, source, loaded, tmp_path)
    assert [j.name for j in here] == [every[1]]
    assert list(map(without_seconds, again.records)) == list(map(without_seconds, first.records))
    here.clear()
    compare.run(replace(plan, seeds=2), source, loaded, tmp_path)  # more seeds: only those
    assert [j.seed for j in here] == [1]


def test_another_question_is_another_record(loaded):
    base = train.key(job(), "data")
    others = [job(seed=1), job(epochs=3), job(dtype="float64"), job(arguments={"lr": 0.5}), job(threads=2)]
    assert len({base, train.key(job(), "other data"), *(train.key(j, "data") for j in others)}) == 7


def test_processes_train_the_same(small, loaded, tmp_path, capsys):
    """The pool itself, with one framework."""
    jobs = [job(epochs=1), job(epochs=1, seed=1)]
    found = pool.run(jobs, pool.Source(*small), loaded, tmp_path, 2, "trainings")
    assert [r["job"]["seed"] for r in found] == [0, 1]
    assert len(list(tmp_path.glob("*.json"))) == 2
    assert "trainings 2/2" in capsys.readouterr().err
    assert without_seconds(found[0]) == without_seconds(train.train(jobs[0], loaded))


def searched(rate: float, *accuracies: float, finite: bool = True) -> list[dict]:
    return [
        {"job": {"optimizer": "adam", "rate": rate}, "validation": [{"accuracy": a}], "finite": finite}
        for a in accuracies
    ]


def test_the_rate_is_the_best_on_average_over_the_frameworks():
    grid = searched(0.1, 0.8, 0.8) + searched(0.2, 0.9, 0.6) + searched(0.3, 0.99, 0.99, finite=False)
    assert compare.chosen(grid, "adam") == 0.1
    assert compare.chosen(grid + searched(0.01, 0.8, 0.8), "adam") == 0.01  # of equals the smallest
    assert compare.chosen([], "adam") is None
    with pytest.raises(Incomplete, match="not finite at any"):
        compare.chosen(searched(0.3, 0.9, finite=False), "adam")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--seeds", "0"], "--seeds: 0"),
        (["--epochs", "-1"], "--epochs: -1"),
        (["--jobs", "0"], "--jobs: 0"),
        (["--default-seeds", "-1"], "--default-seeds"),
        (["--framework", "jax"], "--framework: 'jax'"),
        (["--optimizer", "lbfgs"], "closure"),
        (["--data", "/nowhere"], "--data: '/nowhere' is not there"),
        (["--render"], "results.json"),
    ],
)
def test_bad_input_is_named(arguments, says, capsys, tmp_path):
    assert cli.main(["fashion-mnist", "--reports", str(tmp_path / "reports"), *arguments]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.skipif("keras" not in FRAMEWORKS, reason="Keras is not installed")
def test_keras_on_another_backend_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(verb, "backend", lambda: "jax")
    assert cli.main(["fashion-mnist", "--framework", "keras"]) == 2
    assert "KERAS_BACKEND: 'jax'" in capsys.readouterr().err


# ---------------------------------------------------------------- statistics


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 10, 29])
@pytest.mark.parametrize("t", [0.0, 0.3, 1.0, 2.92, 12.7])
def test_t_cdf_is_the_incomplete_beta_function(freedom, t):
    x = mp.mpf(freedom) / (freedom + mp.mpf(t) ** 2)
    exact = 1 - mp.betainc(mp.mpf(freedom) / 2, mp.mpf(1) / 2, 0, x, regularized=True) / 2
    assert round(statistics.t_cdf(t, freedom), 12) == round(float(exact), 12)
    assert round(statistics.t_cdf(-t, freedom), 12) == round(1 - float(exact), 12)


def test_t_quantile_is_that_of_the_tables():
    table = {(0.95, 1): 6.3138, (0.95, 2): 2.92, (0.975, 2): 4.3027, (0.975, 9): 2.2622}
    assert {k: round(statistics.t_quantile(*k), 4) for k in table} == table


@pytest.mark.parametrize(
    ("differences", "finding"),
    [
        ((0.1, -0.1, 0.05), "equivalent"),
        ((0.1, 0.11, 0.09), "equivalent"),  # though a smaller difference is shown
        ((2.0, 2.1, 2.2), "different"),
        ((1.0, -1.0, 0.3), "no difference shown"),
        ((0.0,), "no difference shown"),
        ((3.0,), "no difference shown"),
    ],
)
def test_a_paired_test_says_what_it_shows(differences, finding):
    found = statistics.paired(differences)
    assert found.finding == finding
    assert ("smaller difference" in found.says) == (differences == (0.1, 0.11, 0.09))


def test_intervals_of_a_share():
    assert round(100 * statistics.sampling_error(0.92, 10_000), 2) == 0.27
    low, high = statistics.wilson(0.9, 10_000)
    assert (round(low, 4), round(high, 4)) == (0.8940, 0.9057)
    assert statistics.wilson(1.0, 10)[1] == 1.0


def test_mcnemar_counts_images_of_one_alone():
    first = np.array([1] * 10 + [1] * 8 + [0] * 2 + [0] * 5, bool)
    second = np.array([1] * 10 + [0] * 8 + [1] * 2 + [0] * 5, bool)
    found = statistics.by_image(first, second)
    assert (found.only_first, found.only_second, found.images) == (8, 2, 25)
    assert found.p == 2 * (1 + 10 + 45) / 2**10


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
    args = parser.parse_args([
        "fashion-mnist", "--data", str(small[0]), "--reports", str(tmp_path), "--framework", FRAMEWORKS[0],
        "--optimizer", "SGD", "--seeds", "1", "--epochs", "1", "--note", "a test ran beside it",
    ])  # fmt: skip
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
