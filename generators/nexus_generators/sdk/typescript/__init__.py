"""The TypeScript client: ESM on fetch, without dependencies, for Node and browsers."""
