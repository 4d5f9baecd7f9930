"""GraphQL as tests speak it."""

from typing import Any

from tests.forge.world import World


def ask(world: World, query: str, login: str = "olga", **variables: object) -> dict[str, Any]:
    answer = world.as_(login).post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    given: dict[str, Any] = answer.json()
    return given


def data(world: World, query: str, login: str = "olga", **variables: object) -> dict[str, Any]:
    answer = ask(world, query, login, **variables)
    assert "errors" not in answer, answer["errors"]
    given: dict[str, Any] = answer["data"]
    return given


def refused(world: World, query: str, login: str = "olga", **variables: object) -> tuple[str | None, str]:
    error = ask(world, query, login, **variables)["errors"][0]
    return error.get("type"), error["message"]


def mutate(world: World, name: str, wanted: str, login: str = "olga", /, **given: object) -> dict[str, Any]:
    kind = f"{name[0].upper()}{name[1:]}Input!"
    query = f"mutation($input: {kind}) {{ {name}(input: $input) {{ clientMutationId {wanted} }} }}"
    answer: dict[str, Any] = data(world, query, login, input={"clientMutationId": "mine", **given})[name]
    assert answer.pop("clientMutationId") == "mine"
    return answer


def refusal(world: World, name: str, login: str = "olga", /, **given: object) -> tuple[str | None, str]:
    kind = f"{name[0].upper()}{name[1:]}Input!"
    query = f"mutation($input: {kind}) {{ {name}(input: $input) {{ clientMutationId }} }}"
    return refused(world, query, login, input=given)


def node_of(world: World, wanted: str) -> dict[str, Any]:
    found: dict[str, Any] = data(world, f'{{ repository(owner: "acme", name: "widget") {{ {wanted} }} }}')
    repo: dict[str, Any] = found["repository"]
    return repo
