"""Client libraries, written from the one model of an API: a folder for each language."""
