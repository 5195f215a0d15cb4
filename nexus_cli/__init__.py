"""Nexus: describe a platform in blueprints; generate it, run it, test it, ship it, roll it back."""

__version__ = "0.1.0"
