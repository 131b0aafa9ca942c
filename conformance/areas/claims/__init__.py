"""The claims of the optimizer lab that this project grew from, each put to the test."""

from conformance.areas.claims import checks
from conformance.areas.registry import Area
from conformance.report import claims_page

AREA = Area(
    name="claims",
    title="The claims of the lab",
    says="What the optimizer lab states, and users believe, of torch and Keras: each claim read in checks that "
    "run, and a verdict: HOLDS, HOLDS IF, DOES NOT HOLD.",
    subject="Claim",
    checks=checks.checks,
    tables=claims_page.tables,
)
