"""The suite tested on itself: planted mistakes, changed operations, seeds, blind diagnoses, patched frameworks.

Its figures are kept in proof.json. Imported by: cli, report.

To add a mistake in what drives a rule: faults.py. To add one in a framework's own source: patch_table.py. To add a
part of the proof: a `Section` in sections.py.
"""
