"""The verb `lab`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from conformance.errors import BadInput
from conformance.run.gate import GOOD


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run", action="store_true", help="run the cells first and keep their output (takes minutes)"
    )
    parser.set_defaults(name="conformance")


def call(args: argparse.Namespace) -> int:
    """Rebuild the notebook and the page."""
    from conformance.lab import build

    try:
        import nbformat  # noqa: F401
    except ImportError as error:
        raise BadInput(f"lab: {error.name} is not installed. Install it: pip install '.[test]'") from error
    said = None
    if args.run:
        with tempfile.TemporaryDirectory() as folder:
            said = build.run(build.filled(), Path(folder))
    for path in build.write(said=said):
        print(path)
    return GOOD
