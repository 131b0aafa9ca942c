"""Training on a small regression: one task, in either framework and on the reference, batch by batch."""
