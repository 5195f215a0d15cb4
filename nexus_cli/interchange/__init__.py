"""Descriptions of platforms in other tools' languages, read into blueprints."""
