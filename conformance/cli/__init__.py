"""The command line: one module a verb, with its `options` and its `call`.

Imported by: nothing. conformance/__main__.py runs it.

To add a verb: a module here, and its line in `VERBS` of main.py.
"""
