"""JSON shapes of resources as GitHub's OpenAPI description has them; one file per kind of resource."""
