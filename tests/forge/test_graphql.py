"""GraphQL: the table against the schema, discovery, connections, and every kind of refusal."""

import json
from collections.abc import Iterator
from pathlib import Path

import graphql
import httpx
import pytest
from tests.forge.graph import ask, data, refused
from tests.forge.proposing import REPO, open_pull, propose, sha_of
from tests.forge.robots import reporter
from tests.forge.world import World, build

from localforge import seed
from localforge.graph.cost import measure
from localforge.graph.execution import schema, table


@pytest.fixture(scope="module")
def populated(tmp_path_factory: pytest.TempPathFactory, clone: Path) -> Iterator[World]:
    """Issues, a pull request with checks and a review; nobody changes them."""
    world = build(tmp_path_factory.mktemp("graph") / "state", clone)
    olga = world.as_("olga")
    for number in range(1, 6):
        olga.post(
            f"{REPO}/issues", json={"title": f"Issue {number}", "labels": ["bug"] if number % 2 else []}
        )
    olga.patch(f"{REPO}/issues/5", json={"state": "closed"})
    olga.post(f"{REPO}/issues/1/comments", json={"body": "first"})
    propose(world, "topic", {"src/widget.py": "def spin():\n    return 3\n"})
    open_pull(world, head="topic", body="Fixes #1")
    head = sha_of(world, "topic")
    world.as_("wim").post(f"{REPO}/statuses/{head}", json={"state": "success", "context": "lint"})
    reporter(world).post(
        f"{REPO}/check-runs", json={"name": "unit", "head_sha": head, "conclusion": "failure"}
    )
    world.as_("wim").post(f"{REPO}/pulls/6/reviews", json={"event": "REQUEST_CHANGES", "body": "no"})
    yield world
    world.forge.close()


def node_ids(world: World) -> dict[str, str]:
    found = data(
        world,
        """{ repository(owner: "acme", name: "widget") {
            id issue(number: 1) { id } pullRequest(number: 6) { id } label(name: "question") { id }
            ref(qualifiedName: "topic") { id } } viewer { id } }""",
    )
    repo = found["repository"]
    return {
        "repository": repo["id"],
        "issue": repo["issue"]["id"],
        "pull": repo["pullRequest"]["id"],
        "label": repo["label"]["id"],
        "ref": repo["ref"]["id"],
        "viewer": found["viewer"]["id"],
    }


def test_every_row_of_the_table_is_a_field() -> None:
    """No resolver for a type or field that GitHub does not have."""
    types = schema().type_map
    wrong = [
        (kind, name)
        for kind, name in table()
        if kind not in types or name not in types[kind].fields  # type: ignore[attr-defined]
    ]
    assert wrong == []
    assert len(table()) > 400


def test_introspection(populated: World) -> None:
    """What clients ask to detect features, and the whole schema."""
    found = data(populated, '{ __type(name: "PullRequest") { fields { name } } }')
    assert "statusCheckRollup" in {field["name"] for field in found["__type"]["fields"]}
    whole = data(populated, graphql.get_introspection_query(descriptions=False))
    rebuilt = graphql.build_client_schema(whole)  # type: ignore[arg-type]
    assert rebuilt.mutation_type is not None


def test_discovery_of_an_organization(tmp_path: Path, clone: Path) -> None:
    """Repositories in pages with the text of a file in each; nothing is lost between the pages."""
    world = build(tmp_path / "state", clone)
    for number in range(7):
        seed.create_repo(world.forge, world.org, f"r{number}", clone=clone if number % 2 else None)
    query = """query($after: String) { organization(login: "acme") { repositories(first: 4, after: $after) {
        totalCount pageInfo { hasNextPage endCursor }
        nodes { nameWithOwner isPrivate object(expression: "HEAD:README.md") { ... on Blob { text byteSize } } } } } }"""
    seen, after, pages = [], None, 0
    while True:
        found = data(world, query, after=after)["organization"]["repositories"]
        seen += found["nodes"]
        pages += 1
        if not found["pageInfo"]["hasNextPage"]:
            break
        after = found["pageInfo"]["endCursor"]
    assert (pages, found["totalCount"]) == (3, 9)
    assert [node["nameWithOwner"] for node in seen] == [
        "acme/widget",
        "acme/secret",
        *(f"acme/r{number}" for number in range(7)),
    ]
    assert seen[0]["object"] == {"text": "# Widget\n", "byteSize": 9}
    assert seen[1]["object"] is None
    strangers = data(world, query, "otto", after=None)["organization"]["repositories"]
    assert strangers["totalCount"] == 8
    world.forge.close()


@pytest.mark.parametrize(
    ("arguments", "expected", "more"),
    [
        ("first: 2", [1, 2], (True, False)),
        ("first: 2, orderBy: {field: CREATED_AT, direction: DESC}", [5, 4], (True, False)),
        ("last: 2", [4, 5], (False, True)),
        ('first: 2, after: "Y3Vyc29yOnYyOjE="', [3, 4], (True, True)),
        ('last: 2, before: "Y3Vyc29yOnYyOjM="', [2, 3], (True, True)),
        ("first: 100, states: OPEN", [1, 2, 3, 4], (False, False)),
        ("first: 100, states: CLOSED", [5], (False, False)),
        ('first: 100, labels: ["bug"]', [1, 3, 5], (False, False)),
        ('first: 100, filterBy: {createdBy: "otto"}', [], (False, False)),
        ("first: 0", [], (True, False)),
    ],
)
def test_windows(populated: World, arguments: str, expected: list[int], more: tuple[bool, bool]) -> None:
    """first/after and last/before, filters and order."""
    query = f"""{{ repository(owner: "acme", name: "widget") {{ issues({arguments}) {{
        nodes {{ number }} edges {{ cursor node {{ number }} }} pageInfo {{ hasNextPage hasPreviousPage }} }} }} }}"""
    found = data(populated, query)["repository"]["issues"]
    assert [node["number"] for node in found["nodes"]] == expected
    assert [edge["node"]["number"] for edge in found["edges"]] == expected
    assert (found["pageInfo"]["hasNextPage"], found["pageInfo"]["hasPreviousPage"]) == more


@pytest.mark.parametrize(
    ("query", "kind", "words"),
    [
        ('{ repository(owner: "acme", name: "no") { id } }', "NOT_FOUND", "with the name 'acme/no'"),
        ('{ organization(login: "olga") { id } }', "NOT_FOUND", "Organization with the login of 'olga'"),
        ('{ node(id: "R_zzz") { id } }', "NOT_FOUND", "global id of 'R_zzz'"),
        (
            '{ repository(owner: "acme", name: "widget") { issue(number: 6) { id } } }',
            "NOT_FOUND",
            "an Issue with the number of 6",
        ),
        (
            '{ repository(owner: "acme", name: "widget") { issues { totalCount } } }',
            "MISSING_PAGINATION_BOUNDARIES",
            "`first` or `last`",
        ),
        (
            '{ repository(owner: "acme", name: "widget") { issues(first: 101) { totalCount } } }',
            "EXCESSIVE_PAGINATION",
            "limit of 100",
        ),
        (
            '{ repository(owner: "acme", name: "widget") { issues(first: 1, after: "x") { totalCount } } }',
            "INVALID_CURSOR_ARGUMENTS",
            "valid cursor",
        ),
        ("{ viewer { nonsense } }", None, "Cannot query field 'nonsense'"),
        ("{ viewer { login }", None, "Parse error"),
        ("{ viewer { isHireable } }", "UNSUPPORTED", "is not served by this forge"),
        (
            """{ organization(login: "acme") { repositories(first: 100) { nodes { issues(first: 100) { nodes {
                comments(first: 100) { totalCount } } } } } } }""",
            "MAX_NODE_LIMIT_EXCEEDED",
            "exceeds the maximum limit of 500,000",
        ),
        (
            "{ viewer " + "{ organizations(first: 1) { nodes { viewerIsAMember } } }" * 9000,
            None,
            "Parse error",
        ),
        ("{a" * 5000, None, "nested too deeply"),
        (
            "{ viewer { ...f0 } } fragment f30 on User { login }"
            + "".join(f" fragment f{n} on User {{ ...f{n + 1} ...f{n + 1} }}" for n in range(30)),
            "MAX_NODE_LIMIT_EXCEEDED",
            "asks for 1,073,741,825 fields",
        ),
    ],
)
def test_refusals(populated: World, query: str, kind: str | None, words: str) -> None:
    """GitHub's type and words; always a body, never a server error."""
    found = refused(populated, query)
    assert found[0] == kind
    assert words in found[1]


def test_what_is_no_query(populated: World) -> None:
    """Nobody anonymous, no query, malformed JSON."""
    assert populated.client().post("/graphql", json={"query": "{ viewer { login } }"}).status_code in {
        401,
        403,
    }
    assert populated.as_("olga").post("/graphql", json={"q": 1}).status_code == 400
    assert populated.as_("olga").post("/graphql", content=b"{").status_code == 400
    assert ask(populated, "{ viewer { login } }", "mia")["data"] == {"viewer": {"login": "mia"}}
    enterprise = populated.as_("olga").post("/api/graphql", json={"query": "{ viewer { login } }"})
    assert enterprise.json()["data"]["viewer"]["login"] == "olga"


def test_what_is_hidden_stays_hidden(populated: World) -> None:
    """A private repository is not found by name, node id or search."""
    secret = data(populated, '{ repository(owner: "acme", name: "secret") { id } }')["repository"]["id"]
    by_name = '{ repository(owner: "acme", name: "secret") { id } }'
    assert refused(populated, by_name, "otto")[0] == "NOT_FOUND"
    assert refused(populated, f'{{ node(id: "{secret}") {{ id }} }}', "otto")[0] == "NOT_FOUND"
    search = '{ search(query: "secret", type: REPOSITORY, first: 9) { repositoryCount } }'
    assert data(populated, search, "otto")["search"]["repositoryCount"] == 0
    assert data(populated, search)["search"]["repositoryCount"] == 1


def test_a_pull_request(populated: World) -> None:
    """Counts, checks, review decision, and what it would close, consistent with REST."""
    query = """{ repository(owner: "acme", name: "widget") { pullRequest(number: 6) {
        number state isDraft mergeable mergeStateStatus additions deletions changedFiles reviewDecision headRefOid
        commits(last: 1) { totalCount nodes { commit { oid messageHeadline statusCheckRollup { state
            contexts(first: 10) { checkRunCount nodes { __typename
              ... on CheckRun { name conclusion isRequired(pullRequestNumber: 6) checkSuite { app { slug } } }
              ... on StatusContext { context state } } } } } } }
        reviews(first: 10) { nodes { state body author { login } } }
        closingIssuesReferences(first: 10) { nodes { number } }
        labels(first: 10) { totalCount } reviewThreads(first: 1) { totalCount }
        files(first: 10) { nodes { path changeType } } headRepository { nameWithOwner } } } }"""
    pull = data(populated, query)["repository"]["pullRequest"]
    rest = populated.as_("olga").get(f"{REPO}/pulls/6").json()
    assert (pull["state"], pull["mergeable"], pull["mergeStateStatus"]) == ("OPEN", "MERGEABLE", "UNSTABLE")
    assert (pull["additions"], pull["changedFiles"]) == (rest["additions"], rest["changed_files"])
    assert (pull["headRefOid"], pull["reviewDecision"]) == (rest["head"]["sha"], "CHANGES_REQUESTED")
    rollup = pull["commits"]["nodes"][0]["commit"]["statusCheckRollup"]
    assert (rollup["state"], rollup["contexts"]["checkRunCount"]) == ("FAILURE", 1)
    assert rollup["contexts"]["nodes"] == [
        {
            "__typename": "CheckRun",
            "name": "unit",
            "conclusion": "FAILURE",
            "isRequired": False,
            "checkSuite": {"app": {"slug": "reporter"}},
        },
        {"__typename": "StatusContext", "context": "lint", "state": "SUCCESS"},
    ]
    assert pull["reviews"]["nodes"] == [
        {"state": "CHANGES_REQUESTED", "body": "no", "author": {"login": "wim"}}
    ]
    assert pull["closingIssuesReferences"]["nodes"] == [{"number": 1}]
    assert pull["files"]["nodes"] == [{"path": "src/widget.py", "changeType": "MODIFIED"}]


def test_git_objects(populated: World) -> None:
    """Refs, commits, trees, blobs and tags."""
    query = """{ repository(owner: "acme", name: "widget") {
        defaultBranchRef { name prefix target { ... on Commit { history(first: 5) { totalCount nodes { messageHeadline
            messageBody author { name user { login } } parents(first: 1) { totalCount } } } } } }
        refs(refPrefix: "refs/heads/", first: 9) { nodes { name } }
        tag: object(expression: "v1:run.sh") { ... on Blob { isBinary text } }
        tree: object(expression: "main:") { __typename ... on Tree { entries { name type mode } } }
        absent: object(expression: "main:none") { id }
        ref(qualifiedName: "refs/tags/v1") { target { __typename ... on Tag { name message } } } } }"""
    repo = data(populated, query)["repository"]
    history = repo["defaultBranchRef"]["target"]["history"]
    assert (repo["defaultBranchRef"]["name"], history["totalCount"]) == ("main", 2)
    assert history["nodes"][0]["messageBody"] == "With a body."
    assert history["nodes"][0]["author"]["user"] == {"login": "olga"}
    assert {ref["name"] for ref in repo["refs"]["nodes"]} == {"feature/side", "main", "topic"}
    assert repo["tag"]["text"].startswith("#!/bin/sh")
    assert {"name": "src", "type": "tree", "mode": 0o040000} in repo["tree"]["entries"]
    assert repo["absent"] is None
    assert repo["ref"]["target"] == {"__typename": "Tag", "name": "v1", "message": "Version 1"}


def test_nodes_by_id(populated: World) -> None:
    """Every id that is given out leads back to its node."""
    ids = node_ids(populated)
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    found = data(populated, query, ids=[*ids.values(), "R_kgDOAAAAAQ", "PR_x"])["nodes"]
    assert [node["id"] for node in found[:6]] == list(ids.values())
    assert found[7] is None
    rest = populated.as_("olga").get(f"{REPO}/issues/1").json()
    assert rest["node_id"] == ids["issue"]
    resource = '{ resource(url: "http://forge.test/acme/widget/pull/6") { ... on PullRequest { number } } }'
    assert data(populated, resource)["resource"] == {"number": 6}


def test_search(populated: World) -> None:
    """The same language as REST's."""
    query = """query($q: String!) { search(query: $q, type: ISSUE, first: 10) { issueCount
        nodes { __typename ... on Issue { number } ... on PullRequest { number } } } }"""
    found = data(populated, query, q="repo:acme/widget is:open label:bug")["search"]
    assert [node["number"] for node in found["nodes"]] == [3, 1]
    found = data(populated, query, q="repo:acme/widget is:pr")["search"]
    assert found["nodes"] == [{"__typename": "PullRequest", "number": 6}]


def test_rate_limit(populated: World) -> None:
    """What a query costs is what it takes from the limit."""
    query = """{ rateLimit { cost nodeCount remaining } organization(login: "acme") {
        repositories(first: 100) { nodes { issues(first: 50) { nodes { labels(first: 5) { totalCount } } } } } } }"""
    before = populated.as_("olga").get("/rate_limit").json()["resources"]["graphql"]["used"]
    limit = data(populated, query)["rateLimit"]
    assert (limit["cost"], limit["nodeCount"]) == (51, 100 + 5000 + 25000)
    after = populated.as_("olga").get("/rate_limit").json()["resources"]["graphql"]
    assert after["used"] == before + 51
    assert after["remaining"] == limit["remaining"]


@pytest.mark.parametrize(
    ("query", "variables", "points", "nodes"),
    [
        ("{ viewer { login } }", {}, 1, 0),
        ("query($n: Int!) { viewer { repositories(first: $n) { totalCount } } }", {"n": 30}, 1, 30),
        ("{ viewer { ...f } } fragment f on User { repositories(last: 7) { totalCount } }", {}, 1, 7),
        ("{ viewer { ... on User { repositories(first: 9) { totalCount } } } }", {}, 1, 9),
    ],
)
def test_the_cost_of_a_query(query: str, variables: dict[str, int], points: int, nodes: int) -> None:
    """From the query alone: a hundred requests are a point, every possible node counts."""
    cost = measure(graphql.parse(query), variables, None)
    assert (cost.points, cost.nodes) == (points, nodes)


def test_an_answer_is_json_like_githubs(populated: World) -> None:
    """One failing field: its path and type, and null where it was."""
    query = '{ viewer { login } lost: repository(owner: "acme", name: "no") { id } }'
    answer: httpx.Response = populated.as_("olga").post("/graphql", json={"query": query})
    assert json.loads(answer.content) == {
        "data": {"viewer": {"login": "olga"}, "lost": None},
        "errors": [
            {
                "type": "NOT_FOUND",
                "path": ["lost"],
                "locations": [{"line": 1, "column": 20}],
                "message": "Could not resolve to a Repository with the name 'acme/no'.",
            }
        ],
    }
    assert answer.headers["x-ratelimit-resource"] == "graphql"
