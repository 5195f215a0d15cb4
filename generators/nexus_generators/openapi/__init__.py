"""OpenAPI documents: read, repaired, and turned into one typed model that every language is written from."""
