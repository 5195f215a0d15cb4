"""The Docker engine: units as containers, through the Docker SDK."""
