"""The agent: pulls runs from the control plane, starts them in the private network and supervises them."""
