"""Tests of a platform: every kind of them, one report."""
