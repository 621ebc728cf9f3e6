"""Measurements that can be run again; the last results stand in docs/performance.md."""
