"""Fashion-MNIST (Xiao, Rasul & Vollgraf 2017): found on this machine, verified, split.

Four files in the format of MNIST (LeCun, IDX): big-endian numbers, a magic number, the sizes, the bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from conformance.errors import BadInput

VARIABLE = "CONFORMANCE_FASHION_MNIST"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
SIDE, CLASSES = 28, 10
NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
# SHA-256 of the uncompressed files.
SHA256: Mapping[str, str] = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
FILES = tuple(SHA256)
HOW = (
    "Get it: `apt-get install dataset-fashion-mnist` (Debian, Ubuntu), or download the four .gz files from "
    "https://github.com/zalandoresearch/fashion-mnist into a folder, and pass it with --data DIR or "
    f"{VARIABLE}=DIR."
)
VALIDATION = 12  # one in this many training images is held out
SPLIT_SEED = 20170825  # the same split for every training


@dataclass(frozen=True)
class Part:
    """Images, (n, 28, 28, 1), float32 from 0 to 1, and labels, (n,), from 0 to 9."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, places: np.ndarray) -> Part:
        return Part(self.images[places], self.labels[places])


@dataclass(frozen=True)
class Data:
    """The training set, the validation set held out of it, and the test set."""

    train: Part
    validation: Part
    test: Part
    digest: str  # of all four files
    folder: str


# ---------------------------------------------------------------- finding it


def find(given: str | Path | None = None, download: bool = True) -> Path:
    """The folder with the four files: the given one, the environment's, Debian's or Keras'; else a download."""
    named = given or os.environ.get(VARIABLE)
    if named:
        folder, by = Path(named), "--data" if given else VARIABLE
        if not _has_all(folder):
            raise BadInput(f"{by}: {str(folder)!r} {_lacks(folder)}. {HOW}")
        return folder
    looked = [DEBIAN, keras_cache()]
    for folder in looked:
        if _has_all(folder):
            return folder
    failed = _download() if download else "no download was requested"
    if not failed and _has_all(keras_cache()):
        return keras_cache()
    tried = "; ".join(f"{folder} {_lacks(folder)}" for folder in looked)
    raise BadInput(f"Fashion-MNIST: not found. Looked in: {tried}; keras.datasets: {failed}. {HOW}")


def keras_cache() -> Path:
    """Where keras.datasets keeps its downloads."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets" / "fashion-mnist"


def _path(folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)


def _has_all(folder: Path) -> bool:
    return all(_path(folder, name) for name in FILES)


def _lacks(folder: Path) -> str:
    if not folder.is_dir():
        return "is not there" if not folder.exists() else "is not a folder"
    return f"has no {', '.join(f'{n}.gz' for n in FILES if not _path(folder, n))}"


def _download() -> str:
    """Let Keras download the files; return why that failed, if it did."""
    try:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        import keras

        keras.datasets.fashion_mnist.load_data()
    except ImportError:
        return "Keras is not installed"
    except Exception as error:  # a network can fail in any way
        return f"the download failed ({' '.join(str(error).split())[:120]})"
    return ""


# ---------------------------------------------------------------- reading it


def load(folder: Path, digests: Mapping[str, str] = SHA256, limit: int | None = None) -> Data:
    """Read, verify, split.

    Arguments:
        folder: holds the four files, compressed or not.
        digests: their expected SHA-256; by default those of the real set.
        limit: train and validate with only this many images, the first of the split.

    Raises BadInput for a file that is missing, truncated or wrong.
    """
    raw = {name: _read(folder, name) for name in FILES}
    for name, content in raw.items():
        found = hashlib.sha256(content).hexdigest()
        if found != digests[name]:
            _format(folder, name, content)  # more specific, if the format itself is broken
            raise BadInput(
                f"{_path(folder, name)}: not the file of Fashion-MNIST (SHA-256 of its content {found}, "
                f"expected {digests[name]}). Replace it. {HOW}"
            )
    arrays = {name: _format(folder, name, content) for name, content in raw.items()}
    parts = []
    for kind in ("train", "t10k"):
        images, labels = arrays[f"{kind}-images-idx3-ubyte"], arrays[f"{kind}-labels-idx1-ubyte"]
        if len(images) != len(labels):
            raise BadInput(f"{folder}: {kind} has {len(images)} images and {len(labels)} labels. {HOW}")
        scaled = images[..., None].astype(np.float32) / np.float32(255)
        parts.append(Part(scaled, labels.astype(np.int64)))
    whole, test = parts
    order = np.random.default_rng(SPLIT_SEED).permutation(len(whole))
    held = max(1, len(whole) // VALIDATION)
    train, validation = order[held:], order[:held]
    if limit is not None:
        train, validation = train[:limit], validation[: max(1, limit // (VALIDATION - 1))]
    digest = hashlib.sha256(" ".join(digests[name] for name in FILES).encode()).hexdigest()
    return Data(whole.take(train), whole.take(validation), test, digest, str(folder))


def _read(folder: Path, name: str) -> bytes:
    path = _path(folder, name)
    if path is None:
        raise BadInput(f"{folder} {_lacks(folder)}. {HOW}")
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{path}: damaged or truncated, it cannot be read ({error}). Replace it. {HOW}") from error


def _format(folder: Path, name: str, content: bytes) -> np.ndarray:
    """The array in an IDX file; BadInput says what is wrong with the file."""
    path, images = _path(folder, name), "images" in name
    dimensions = 3 if images else 1
    head = 4 + 4 * dimensions
    magic = (0x0803 if images else 0x0801).to_bytes(4, "big")
    if len(content) < head or content[:4] != magic:
        raise BadInput(f"{path}: not an IDX file of {'images' if images else 'labels'} (magic number). {HOW}")
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", dimensions, 4))
    if images and shape[1:] != (SIDE, SIDE):
        raise BadInput(f"{path}: images of {shape[1]} x {shape[2]}, expected {SIDE} x {SIDE}. {HOW}")
    if len(content) - head != int(np.prod(shape)):
        raise BadInput(
            f"{path}: truncated, or too long: {len(content) - head:,} bytes for {int(np.prod(shape)):,}. {HOW}"
        )
    found = np.frombuffer(content, np.uint8, offset=head).reshape(shape)
    if not images and found.size and found.max() >= CLASSES:
        raise BadInput(f"{path}: a label is {found.max()}, allowed are 0 to {CLASSES - 1}. {HOW}")
    return found


# ---------------------------------------------------------------- a small set in the same format


def make_small(folder: Path, train: int = 1200, test: int = 200, seed: int = 0) -> dict[str, str]:
    """Write four files in the same format: a bright bar for each class, with noise. Return their digests."""
    rng = np.random.default_rng(seed)
    digests = {}
    folder.mkdir(parents=True, exist_ok=True)
    for kind, n in (("train", train), ("t10k", test)):
        labels = rng.integers(0, CLASSES, n).astype(np.uint8)
        images = rng.integers(0, 100, (n, SIDE, SIDE)).astype(np.uint8)
        for i, label in enumerate(labels):
            row = 2 + 5 * (label % 5)
            bar = (slice(row, row + 4), slice(None)) if label < 5 else (slice(None), slice(row, row + 4))
            images[i][bar] += 120
        for name, array in ((f"{kind}-images-idx3-ubyte", images), (f"{kind}-labels-idx1-ubyte", labels)):
            head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
            content = head + array.tobytes()
            digests[name] = hashlib.sha256(content).hexdigest()
            (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
    return digests
