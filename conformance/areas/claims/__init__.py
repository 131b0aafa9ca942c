"""The claims of the optimizer lab that this project grew from, each put to the test."""
