"""The area of learning-rate schedules: references, cases, drivers of the frameworks, and the page."""

from conformance.areas.schedules.area import AREA as AREA
