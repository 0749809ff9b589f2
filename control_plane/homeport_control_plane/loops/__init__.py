"""Background loops: one file a loop, each a `run_once` that a test can call; `loop.py` runs them again and again.

Any number of servers may run them at once: work is taken by locked rows, never by a lock in a process.
"""
