"""Releases: what they are, how one replaces another without losing a request, and the record of it all."""
