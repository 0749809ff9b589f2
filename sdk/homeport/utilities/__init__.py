"""Module paths of 1.x."""
