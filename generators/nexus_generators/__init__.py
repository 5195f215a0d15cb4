"""Generators: pure functions from a platform to files."""
