"""`pytest` runs the conformance run with everything else; its one test is in the package."""

from conformance.run.suite import test_step  # noqa: F401
