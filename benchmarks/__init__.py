"""Figures of nexus: `make bench` measures them and prints a table."""
