"""GraphQL as clients were seen to ask it: every field that `gh` 2.23 and Renovate 44 used is asked for and answered."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)
from tests.judges.board import Judge
from tests.judges.stage import REPORTER, Stage

DATA = Path(__file__).parent / "data"
SCHEMA = Path(__file__).parents[2] / "src" / "localforge" / "graph" / "github.graphql"

judge = Judge(name="GraphQL", version=lambda: "gh 2.23, Renovate 44")

# Arguments that have no default and no obvious value.
ARGUMENTS: Mapping[str, str] = {
    "owner": '"acme"',
    "login": '"acme"',
    "number": "%(number)d",
    "first": "3",
    "last": "3",
    "query": '"repo:%(repo)s is:issue"',
    "type": "ISSUE",
    "qualifiedName": '"refs/heads/main"',
    "refPrefix": '"refs/heads/"',
    "id": '"%(id)s"',
    "tagName": '"v1"',
    "expression": '"HEAD:README.md"',
}


@cache
def _schema() -> GraphQLSchema:
    return build_schema(SCHEMA.read_text(), assume_valid=True)


class Walk:
    """One query that asks for everything used below a type, no type twice on the way down; `asked` is what it names."""

    def __init__(self, used: Mapping[str, list[str]], facts: Mapping[str, object]) -> None:
        self.used, self.facts = used, facts
        self.asked: set[tuple[str, str]] = set()

    def fields(self, kind: GraphQLNamedType, above: tuple[str, ...]) -> Iterator[str]:
        """Selections of a type; of one that it already goes through, the scalars alone."""
        again = kind.name in above
        for name in self.used.get(kind.name, ()):
            field = getattr(kind, "fields", {}).get(name)
            if field is None or (again and not is_leaf_type(get_named_type(field.type))):
                continue
            if selection := self._field(kind.name, name, field, (*above, kind.name)):
                self.asked.add((kind.name, name))
                yield selection
        if is_abstract_type(kind) and not again:
            for option in _schema().get_possible_types(kind):
                inner = " ".join(self.fields(option, (*above, kind.name)))
                if inner:
                    yield f"... on {option.name} {{ {inner} }}"

    def _field(self, kind: str, name: str, field: GraphQLField, above: tuple[str, ...]) -> str:
        given = [
            f"{argument}: {ARGUMENTS[argument] % self.facts}"
            for argument in field.args
            if argument in ARGUMENTS and argument not in {"last", "query" if kind != "Query" else ""}
        ]
        if kind == "Query" and name == "repository":
            given.append(f'name: "{self.facts["name"]}"')
        inner_type = get_named_type(field.type)
        arguments = f"({', '.join(given)})" if given else ""
        if is_leaf_type(inner_type):
            return f"{name}{arguments}"
        inner = " ".join(self.fields(inner_type, above))
        alias = f"{name}_{kind}: " if kind != "Query" else ""
        return f"{alias}{name}{arguments} {{ {inner} }}" if inner else ""


def _setting(stage: Stage, name: str) -> dict[str, object]:
    """Issue 1 and pull request 2 with everything on them."""
    repo = stage.repository(name)
    with stage.client() as olga:
        olga.put(f"/repos/{repo}/collaborators/mia", json={"permission": "push"})
        olga.post(f"/repos/{repo}/milestones", json={"title": "M", "due_on": "2027-01-01T00:00:00Z"})
        marked = {"labels": ["bug"], "assignees": ["olga"], "milestone": 1}
        olga.post(f"/repos/{repo}/issues", json={"title": "One", "body": "Words", **marked})
        node_id = olga.get(f"/repos/{repo}/issues/1").json()["node_id"]
        head = stage.branch(repo, "topic", {"a.txt": "a\n"})
        olga.post(f"/repos/{repo}/pulls", json={"title": "Two", "head": "topic", "base": "main"})
        olga.patch(f"/repos/{repo}/issues/2", json=marked)
        for number in (1, 2):
            olga.post(f"/repos/{repo}/issues/{number}/comments", json={"body": "Yes"})
        olga.post(f"/repos/{repo}/statuses/{head}", json={"state": "success", "context": "lint"})
        olga.post(f"/repos/{repo}/pulls/2/requested_reviewers", json={"reviewers": ["mia"]})
    with stage.client(REPORTER) as app:
        app.post(f"/repos/{repo}/check-runs", json={"name": "u", "head_sha": head, "conclusion": "success"})
    with stage.client("mia") as mia:
        mia.post(f"/repos/{repo}/pulls/2/reviews", json={"event": "APPROVE", "body": "Good"})
    return {"repo": repo, "name": name, "number": 1, "id": node_id}


def _ask(stage: Stage, query: str, **variables: object) -> Any:
    with stage.client() as olga:
        answer = olga.post("/graphql", json={"query": query, "variables": variables}).json()
    wrong = [error for error in answer.get("errors", ()) if error.get("type") != "NOT_FOUND"]
    assert not wrong, wrong
    return answer["data"]


def _used(client: str) -> Mapping[str, list[str]]:
    given: Mapping[str, list[str]] = json.loads((DATA / f"graphql-used-by-{client}.json").read_text())
    return given


def _everything(client: str) -> None:
    @judge.scenario(f"everything that {client} asked for")
    def everything(stage: Stage) -> None:
        used, facts = _used(client), _setting(stage, f"graphql-{client.partition('-')[0]}")
        asked: set[tuple[str, str]] = set()
        for root in used["Query"]:
            if root == "__type":
                continue
            for number in (1, 2):
                walk = Walk({**used, "Query": [root]}, {**facts, "number": number})
                unwanted = "pullRequest" if number == 1 else "issue"
                walk.used = {**walk.used, "Repository": [f for f in used["Repository"] if f != unwanted]}
                query = " ".join(walk.fields(_schema().type_map["Query"], ()))
                _ask(stage, f"{{ {query} }}")
                asked |= walk.asked
        wanted = {(kind, name) for kind, names in used.items() for name in names}
        left = {f"{kind}.{name}" for kind, name in wanted - asked if not _elsewhere(kind, name)}
        assert not left, f"not reached: {', '.join(sorted(left))}"


def _elsewhere(kind: str, name: str) -> bool:
    """Mutations and what they give are asked by the clients themselves; introspection below."""
    return (
        kind.startswith("__") or name == "__type" or kind == "Mutation" or kind.endswith(("Payload", "Edge"))
    )


_everything("gh-2.23")
_everything("renovate-44")


@judge.scenario("introspection, also of one type")
def introspection(stage: Stage) -> None:
    query = '{ __type(name: "PullRequest") { fields(includeDeprecated: true) { name } } __schema { queryType { name } } }'
    found = _ask(stage, query)
    assert {"autoMergeRequest", "statusCheckRollup"} <= {one["name"] for one in found["__type"]["fields"]}


@judge.scenario("an organization's repositories with file contents, in pages of 100")
def discovery(stage: Stage) -> None:
    with stage.client() as olga:
        for number in range(120):
            assert olga.post("/orgs/acme/repos", json={"name": f"page-{number}"}).status_code == 201
    query = """query($after: String) { organization(login: "acme") { repositories(first: 100, after: $after) {
        totalCount pageInfo { hasNextPage endCursor }
        nodes { nameWithOwner object(expression: "HEAD:README.md") { ... on Blob { text } } } } } }"""
    pages = [_ask(stage, query)["organization"]["repositories"]]
    while pages[-1]["pageInfo"]["hasNextPage"]:
        after = pages[-1]["pageInfo"]["endCursor"]
        pages.append(_ask(stage, query, after=after)["organization"]["repositories"])
    nodes = [node for page in pages for node in page["nodes"]]
    assert len(pages[0]["nodes"]) == 100
    assert len({node["nameWithOwner"] for node in nodes}) == len(nodes) == pages[0]["totalCount"]
    texts = {node["nameWithOwner"]: node["object"] for node in nodes}
    assert texts["acme/widget"] == {"text": "# Widget\n"}


@judge.scenario("createCommitOnBranch: two files in one commit; a stale head is refused")
def commit(stage: Stage) -> None:
    repo = stage.repository("graphql-commit")
    with stage.client() as olga:
        head = olga.get(f"/repos/{repo}/git/ref/heads/main").json()["object"]["sha"]
        mutation = """mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) {
            commit { oid parents(first: 1) { nodes { oid } } } ref { name } } }"""
        given = {
            "branch": {"repositoryNameWithOwner": repo, "branchName": "main"},
            "message": {"headline": "Two", "body": "files"},
            "expectedHeadOid": head,
            "fileChanges": {
                "additions": [{"path": "new.txt", "contents": "bmV3Cg=="}],
                "deletions": [{"path": "run.sh"}],
            },
        }
        made = _ask(stage, mutation, input=given)["createCommitOnBranch"]
        assert made["commit"]["parents"]["nodes"] == [{"oid": head}]
        files = olga.get(f"/repos/{repo}/commits/{made['commit']['oid']}").json()["files"]
        assert {one["filename"]: one["status"] for one in files} == {"new.txt": "added", "run.sh": "removed"}
        again = olga.post("/graphql", json={"query": mutation, "variables": {"input": given}}).json()
        assert again["errors"][0]["type"] == "STALE_DATA"
