"""Measured speed and memory of versions. Owns `benchmarks`."""
