"""Labelled rows that people store to judge versions by. Owns `datasets`."""
