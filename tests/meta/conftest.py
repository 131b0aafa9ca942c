"""Runs that no version of the suite made: what only the case table can tell of them is left to test_audit*.py."""

import pytest
from sample_runs import COMMIT

from conformance.run import audit

RECORDED = "7e6be8ef330d+changes"  # of the real runs of four checks in recorded/


@pytest.fixture(autouse=True)
def sample_runs_are_of_no_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample run, or a recorded one, is audited by itself; any other run beside the suite too."""
    of_no_suite, elsewhere, beside = (COMMIT, RECORDED), audit.another_suite, audit.beside_the_suite
    monkeypatch.setattr(audit, "another_suite", lambda h: "" if h.commit in of_no_suite else elsewhere(h))
    monkeypatch.setattr(
        audit, "beside_the_suite", lambda r, o: audit.Audit() if r.header.commit in of_no_suite else beside(r, o)
    )
