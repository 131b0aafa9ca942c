"""The area of scheduling."""

from conformance.areas.scheduling.checks import checks
from conformance.cases.check import Area

AREA = Area(
    name="scheduling",
    title="Ways of scheduling a learning rate",
    says="One training and one plan for its learning rate: a schedule object, callbacks and manual stepping in "
    "Keras, schedulers and manual stepping in torch. Checked is the learning rate the optimizer actually used.",
    subject="Optimizer",
    checks=checks,
)
