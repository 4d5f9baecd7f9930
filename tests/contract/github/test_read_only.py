"""A reader cannot write, whatever it is asked to send."""

import json

import graphql
import httpx
import pytest
from tests.contract.github.setting import Reply, serving

from penstock.adapters.github import needs
from penstock.adapters.github.channel import Call
from penstock.adapters.github.queries import ALLOWED, REPOSITORY_NAME
from penstock.adapters.github.transport import NotAReadError, ReadOnly

MUTATION = 'mutation { deleteRef(input: {refId: "x"}) { clientMutationId } }'


def post(path: str, body: object) -> httpx.Request:
    return httpx.Request("POST", f"http://forge.test{path}", json=body)


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE", "OPTIONS", "post", "X"])
def test_no_write_leaves_a_reader_even_through_its_client(method: str) -> None:
    with serving(lambda _: Reply(body={})) as (kit, asked):
        client = kit.reader._client
        call = Call(method=method, url=f"{kit.base_url}/repos/a/b", need=needs.CONTENTS, repeatable=True)
        with pytest.raises(NotAReadError):
            client._channel.exchange(call)
        with pytest.raises(NotAReadError):
            client._channel._http.send(httpx.Request(method, f"{kit.base_url}/repos/a/b"))
    assert asked == []


def test_what_a_writer_looks_with_is_as_harmless() -> None:
    with serving(lambda _: Reply(body={})) as (kit, asked):
        http = kit.writer._look._client._channel._http
        assert isinstance(http, ReadOnly)
        with pytest.raises(NotAReadError):
            http.send(post("/repos/a/b/git/refs", {}))
    assert asked == []


@pytest.mark.parametrize(
    "request_",
    [
        post("/graphql", {"query": MUTATION}),
        post("/graphql", {"query": REPOSITORY_NAME + MUTATION}),
        post("/graphql", {"query": REPOSITORY_NAME, "operationName": "x", "extensions": {}}),
        post("/graphql", [{"query": REPOSITORY_NAME}]),
        post("/graphql", {"query": ["x"]}),
        post("/graphql", "x"),
        post("/repos/a/b/issues", {"query": REPOSITORY_NAME}),
        httpx.Request("POST", "http://forge.test/graphql", content=b"\xff{"),
        httpx.Request("PUT", "http://forge.test/graphql", json={"query": REPOSITORY_NAME}),
    ],
)
def test_only_listed_graphql_passes(request_: httpx.Request) -> None:
    sent: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200)

    with httpx.Client(transport=httpx.MockTransport(handle)) as client, pytest.raises(NotAReadError):
        ReadOnly(client).send(request_)
    assert sent == []


@pytest.mark.parametrize("document", sorted(ALLOWED))
def test_listed_graphql_is_queries_and_passes(document: str) -> None:
    operations = [
        definition.operation
        for definition in graphql.parse(document).definitions
        if isinstance(definition, graphql.OperationDefinitionNode)
    ]
    assert operations == [graphql.OperationType.QUERY]
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200))) as client:
        response = ReadOnly(client).send(post("/api/graphql", {"query": document, "variables": {}}))
    assert response.status_code == 200
    assert json.loads(response.request.content)["query"] == document


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reads_pass(method: str) -> None:
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200))) as client:
        assert ReadOnly(client).send(httpx.Request(method, "http://forge.test/x")).status_code == 200
