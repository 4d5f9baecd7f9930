"""The GraphQL endpoint, where github.com and where GitHub Enterprise Server have it."""

from localforge.call import Answer, Call
from localforge.operations import MEBIBYTE, Area

area = Area()


@area("POST", "/graphql", "graphql", login=True, resource="graphql", body_limit=100 * MEBIBYTE)
def graphql(call: Call) -> Answer:
    """Run a query."""
    # The schema and its tables are loaded by the first query, not at start-up.
    from localforge.graph.execution import run

    return run(call)


area(
    "POST", "/api/graphql", "graphql (enterprise)", login=True, resource="graphql", body_limit=100 * MEBIBYTE
)(graphql)
