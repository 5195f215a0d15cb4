"""End-to-end tests: a person's whole way through the gateway and the pages."""
