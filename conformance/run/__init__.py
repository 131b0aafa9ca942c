"""The conformance run: pytest plugin, suite, run file's header, shards, workers, environments, and the gate.

gate.py has the verdict on a run and the exit codes. Imported by: cli, proof, report.

To add an option of a run: plugin.py and conformance/cli/run.py. To add an environment: tox.ini and environments.py.
"""
