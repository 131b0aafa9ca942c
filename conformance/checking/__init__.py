"""The public check(): the optimizer that people bring, held to a reference.

Imported by: nothing. Users get it from conformance/__init__.py.

To add a name that people give to a hyperparameter or to state: aliases.py.
"""
