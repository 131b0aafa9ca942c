"""The command line: one module for each verb, with its `options` and its `call`.

Imported by: nothing. conformance/__main__.py runs it.

To add a verb: a module here, and a line in `VERBS` of main.py.
"""
