"""The optimizer lab: a notebook and a page, made from cells/ by build.py. fashion/ is the Fashion-MNIST comparison.

Imported by: cli.

To add a part of the lab: a file in cells/. To add a plot or a figure of the comparison: fashion/.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.lab.fashion.data import Data

QUICK = "LAB_QUICK"  # if set, the lab trains on a few synthetic images, for tests


def fashion_mnist(images: int) -> Data:
    """Fashion-MNIST with this many training images: found on this machine, or downloaded by Keras."""
    from conformance.lab.fashion import data

    if QUICK not in os.environ:
        return data.load(data.find(), limit=images)
    with tempfile.TemporaryDirectory() as folder:
        digests = data.make_small(Path(folder), train=384, test=100)
        return data.load(Path(folder), digests, limit=images)
