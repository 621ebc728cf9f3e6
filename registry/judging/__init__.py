"""How good answers are: pure numbers in, records out. Runs inside a locked worker."""
