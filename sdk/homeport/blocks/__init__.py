"""Blocks: named, typed configuration of storage and infrastructure. Never a secret: those are named by references."""
