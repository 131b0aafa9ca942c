"""What the area of claims is."""

from conformance.areas.claims.checks import checks
from conformance.cases.check import Area

AREA = Area(
    name="claims",
    title="The claims of the lab",
    says="What the optimizer lab states, and users believe, of torch and Keras: each claim read in checks that "
    "run, and a verdict: HOLDS, HOLDS IF, DOES NOT HOLD.",
    subject="Claim",
    checks=checks,
)
