"""Pseudonyms, consent, erasure."""
