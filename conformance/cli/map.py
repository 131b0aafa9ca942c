"""The verb `map`: the map on the terminal, as pages, as JSON; one optimizer; the translation of one call."""

from __future__ import annotations

import argparse
import ast
import json
import sys
from typing import Any

from conformance.cli.common import common
from conformance.errors import BadInput, choose
from conformance.porting import map_data
from conformance.porting.translation import translate
from conformance.report import map_page as pages
from conformance.report import map_terminal as terminal
from conformance.report.templating import write_all
from conformance.run.gate import GOOD


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("optimizer", nargs="?", help="everything about one optimizer, such as adam")
    parser.add_argument(
        "arguments", nargs="*", metavar="NAME=VALUE", help="constructor arguments: translate this call (lr=0.01)"
    )
    parser.add_argument("--source", default="torch", help="the framework of the call (default: torch)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--measure",
        action="store_true",
        help=f"measure again (takes both frameworks, and minutes), and keep the result in {map_data.PATH.name}",
    )
    common(parser)


def call(args: argparse.Namespace) -> int:
    """Show each torch optimizer's Keras equivalent, and its conditions; write map.html and map.md."""
    if args.arguments:
        return _translated(args)
    if args.measure:
        from conformance.porting.measure import measure_all

        measure_all(lambda text: print(text, file=sys.stderr))
    m = pages.build()
    if args.optimizer:
        row = {r.anchor: r for r in m.rows}[choose("optimizer", args.optimizer.lower(), [r.anchor for r in m.rows])]
        if args.json:
            print(json.dumps(pages.as_json(pages.Map((row,), m.versions, ())), indent=1))
        else:
            terminal.print_row(row)
        return GOOD
    paths = write_all(pages.render(m), args.reports)
    if args.json:
        print(json.dumps(pages.as_json(m), indent=1))
    else:
        terminal.print_map(m)
        print(paths[0])
    return GOOD


def _translated(args: argparse.Namespace) -> int:
    choose("--source", args.source, ("torch", "keras"))
    target = "keras" if args.source == "torch" else "torch"
    found = translate(args.optimizer, dict(_argument(a) for a in args.arguments), args.source, target)
    if args.json:
        print(
            json.dumps(
                {
                    "status": found.status,
                    "call": found.call,
                    "arguments": found.arguments,
                    "conditions": [c.says for c in found.conditions],
                    "outside": [o.says for o in found.outside],
                    "losses": [loss.says for loss in found.losses],
                },
                indent=1,
            )
        )
    else:
        terminal.print_translation(found)
    return GOOD


def _argument(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise BadInput(f"NAME=VALUE: {text!r} is not an argument. An example: lr=0.01 betas=0.9,0.999")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value
