"""The area of bad input: what each constructor refuses, and what it accepts and should not."""
