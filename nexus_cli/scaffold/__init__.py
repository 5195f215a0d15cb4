"""Scaffolding: templates rendered into files, and what `init` and `generate` make of them."""
