"""From one framework to the other: translating calls, the map of the optimizers, and its measurement.

Imported by: areas, cli, lab, report.

To add a pair of optimizers: a row of map_rows.py if there is more to say than is derived. To add a form in which
dialects differ: a function in dialects.py and its name in `DIFFERENCES`.
"""
