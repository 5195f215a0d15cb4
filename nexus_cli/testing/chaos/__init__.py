"""Chaos: parts of a running platform are taken away or disturbed, and it must be well again afterwards."""
