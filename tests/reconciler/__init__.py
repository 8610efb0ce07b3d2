"""The reconciler on real servers: what it settles, what it puts aside, and how it brings a shard back."""
