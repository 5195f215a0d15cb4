"""Client libraries from OpenAPI documents: where they are read from, written to, and proved complete."""
