"""The module beside its peers, in one run: ``python -m benchmarks.run``."""
