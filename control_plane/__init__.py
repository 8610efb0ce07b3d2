"""The control plane: everything that a checkout does not wait for, on Litestar. Never imports the engine."""
