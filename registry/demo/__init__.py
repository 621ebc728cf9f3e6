"""The demo: a user with a one-time password, and sample models trained on this very machine."""
