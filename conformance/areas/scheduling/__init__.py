"""Ways of scheduling: one plan for the learning rate, followed in every way that the frameworks have."""
