"""Holds what was served against what history says it was, value by value."""
