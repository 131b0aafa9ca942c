"""The conformance run: pytest plugin, suite, run-file header, shards, workers, environments, and the gate.

gate.py holds the verdict on a run and the exit codes; audit.py and follows.py say whether a run file is evidence
of what it states. Imported by: cli, proof, report.

keeping.py keeps what a run found, whatever ends it; names.py says what it is called.

To add an option to a run: plugin.py and conformance/cli/run.py. To add an environment: tox.ini and environments.py.
"""
