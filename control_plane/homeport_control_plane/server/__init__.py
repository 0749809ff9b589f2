"""The control plane's process: what it needs at its start, in which order, and how it ends."""
