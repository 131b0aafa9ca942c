"""Ways of scheduling: one plan for the learning rate, followed in every way that the frameworks have."""

from conformance.areas.registry import Area
from conformance.areas.scheduling import checks
from conformance.report import scheduling_page

AREA = Area(
    name="scheduling",
    title="Ways of scheduling a learning rate",
    says="One training and one plan for its learning rate: a schedule object, callbacks and manual stepping in "
    "Keras, schedulers and manual stepping in torch. Checked is the learning rate that the optimizer really used.",
    subject="Optimizer",
    checks=checks.checks,
    figures=scheduling_page.figures,
    tables=scheduling_page.tables,
)
