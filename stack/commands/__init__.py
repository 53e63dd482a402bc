"""Subcommands of `clickloop`, a module a group. Importing them loads neither servers nor models."""
