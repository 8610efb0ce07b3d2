"""Faults on real processes, from one seed: a world, a nemesis that harms it, and a judge. `./dev chaos`."""
