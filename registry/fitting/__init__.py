"""Baselines: a table in, cross-validated pipelines out. Runs inside a locked worker only."""
