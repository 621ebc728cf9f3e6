"""What evaluations found. Owns `evaluations` and `evaluated`."""
