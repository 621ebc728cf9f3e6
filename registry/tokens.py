"""Tokens of the API: made, used, counted down, revoked. Owns `tokens`."""
