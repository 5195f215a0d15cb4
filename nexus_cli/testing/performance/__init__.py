"""Performance: load on the running platform, judged by what its services promise."""
