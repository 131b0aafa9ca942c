"""Parity: torch and Keras in the same training, and what the difference between them is made of."""

from conformance.areas.parity import checks
from conformance.areas.registry import Area
from conformance.report import parity_page

AREA = Area(
    name="parity",
    title="Parity of torch and Keras",
    says="One regression with the same data, weights and batches in both frameworks: every loss and step within "
    "the derived bound of the framework's own reference, and the whole difference between the two explained.",
    subject="Optimizer",
    checks=checks.checks,
    figures=parity_page.figures,
    tables=parity_page.tables,
)
