"""One attempt of a flow run, from its descriptor to its final state: what the agent starts as a process.

Read process.py first: it is the whole story in one function. Imports are kept few and late on purpose; the time from
the agent's spawn to the first line of user code is a figure we are measured by.
"""
