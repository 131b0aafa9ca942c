"""The area of learning-rate schedules: their cases, and how the frameworks' schedules are driven."""
