"""Loads the plugin that selects, judges and records the case instances."""

pytest_plugins = ["conformance.run.plugin"]
