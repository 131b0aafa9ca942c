"""Parity: torch and Keras in the same training, and what the difference between them is made of."""
