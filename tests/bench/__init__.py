"""The benchmark's own honesty: its arithmetic, its clocks, its checks, its null engine."""
