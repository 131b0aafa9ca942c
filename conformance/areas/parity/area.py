"""The area of parity."""

from conformance.areas.parity.checks import checks
from conformance.cases.check import Area

AREA = Area(
    name="parity",
    title="Parity of torch and Keras",
    says="One regression with the same data, weights and batches in both frameworks: every loss and step within "
    "the derived bound of the framework's own reference, and the entire difference between the two explained.",
    subject="Optimizer",
    checks=checks,
)
