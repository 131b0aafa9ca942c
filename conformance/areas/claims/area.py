"""The area of claims."""

from conformance.areas.claims.checks import checks
from conformance.cases.check import Area

AREA = Area(
    name="claims",
    title="The claims of the lab",
    says="What the optimizer lab states, and users believe, about torch and Keras: each claim is tested by checks "
    "and gets a verdict: HOLDS, HOLDS IF, DOES NOT HOLD.",
    subject="Claim",
    checks=checks,
)
