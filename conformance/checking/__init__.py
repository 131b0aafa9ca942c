"""The public check(): the optimizer that people bring, held to a reference.

Imported by: conformance/__init__.py, when a user asks for `check`.

To add a name that people give to a hyperparameter or to state: aliases.py.
"""
