"""The control plane of Homeport: stores metadata about runs, never code, results or credentials."""

__version__ = "0.1.0"
