"""Baselines that a person lets the server train. Owns `trainings`."""
