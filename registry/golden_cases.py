"""Inputs with expected answers, and what versions answered. Owns `golden_cases`, `golden_runs`."""
