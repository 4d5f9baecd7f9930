"""GitHub's GraphQL: the schema, what its fields mean here as tables, and one way to run a query."""
