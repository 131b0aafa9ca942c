"""The areas: what is checked beside the steps of optimizers, each a package with an `AREA`.

May import: porting, judge, cases, mutants, bindings, reference. To add one: a package here with its checks, an
entry in `AREAS` of registry.py, a page in conformance/report/area_pages.py. What the areas train on is `training/`.
"""
