"""The area of bad input."""

from conformance.areas.refusals.checks import checks
from conformance.cases.check import Area

AREA = Area(
    name="refusals",
    title="Bad input",
    says="What each constructor refuses, what it accepts and should not, and what it refuses and should not.",
    subject="Optimizer",
    checks=checks,
)
