"""The public check(): compares a custom optimizer with a reference.

Imported by: nothing. Users get it from conformance/__init__.py.

To add a common name of a hyperparameter or of state: aliases.py.
"""
