"""Security tests: what strangers get from a platform that runs, and what its files give away."""
