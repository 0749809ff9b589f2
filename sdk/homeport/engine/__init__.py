"""The engine: what decides is pure, two thin drivers call the user's functions."""
