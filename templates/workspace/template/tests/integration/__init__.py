"""Neighbours, and what is between them."""
