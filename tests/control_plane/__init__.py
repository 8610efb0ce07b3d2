"""The control plane against real servers."""
