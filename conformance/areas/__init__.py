"""The areas: what is checked besides the steps of optimizers, each a package with an `AREA`.

training/ is the task that several of them train on. Imported by: cli, proof, report, run.

To add an area: a package here with its checks, an entry in `AREAS` of registry.py, and its page in
conformance/report/area_pages.py.
"""
