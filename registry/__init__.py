"""Vitrine's registry: import the topic you need, as in ``from registry import models``."""
