"""The GraphQL documents that Penstock sends: nothing else passes the reader's transport."""

REPOSITORY_NAME = """
query RepositoryName($id: ID!) {
  node(id: $id) {
    ... on Repository { nameWithOwner }
  }
}
"""

ALLOWED = frozenset({REPOSITORY_NAME})
