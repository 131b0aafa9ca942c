"""The images of Fashion-MNIST: where they are looked for, and that they are those."""

from __future__ import annotations

import gzip
import shutil

import numpy as np
import pytest
from small_comparison import FRAMEWORKS

from conformance.cli import main as cli
from conformance.errors import BadInput
from conformance.lab.fashion import data


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
