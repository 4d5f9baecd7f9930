"""The wire types against GitHub's own OpenAPI description: its examples, and what it promises to send."""

import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from tests.forge.openapi import description

from penstock.adapters.github import wire
from penstock.adapters.github.wire import parsed

READ_AS: list[tuple[str, str, type[BaseModel]]] = [
    ("users/get-authenticated", "200", wire.Login),
    ("users/get-by-username", "200", wire.OwnerKind),
    ("repos/list-for-org", "200", wire.Repositories),
    ("repos/get", "200", wire.Repository),
    ("git/get-ref", "200", wire.Ref),
    ("git/get-tag", "200", wire.Ref),
    ("git/get-commit", "200", wire.Commit),
    ("git/create-blob", "201", wire.ObjectName),
    ("git/create-tree", "201", wire.ObjectName),
    ("git/create-commit", "201", wire.Commit),
    ("git/create-ref", "201", wire.Ref),
    ("repos/get-branch-protection", "200", wire.Protection),
    ("repos/get-branch-rules", "200", wire.Rules),
    ("repos/get-collaborator-permission-level", "200", wire.CollaboratorPermission),
    ("repos/get-combined-status-for-ref", "200", wire.CombinedStatus),
    ("checks/list-for-ref", "200", wire.CheckRuns),
    ("checks/list-annotations", "200", wire.Annotations),
    ("issues/get", "200", wire.Issue),
    ("issues/list-for-repo", "200", wire.Issues),
    ("issues/list-comments", "200", wire.Comments),
    ("issues/create-comment", "201", wire.Identified),
    ("issues/list-labels-on-issue", "200", wire.Labels),
    ("pulls/list", "200", wire.ListedPulls),
    ("pulls/get", "200", wire.Pull),
    ("pulls/create", "201", wire.Numbered),
    ("pulls/merge", "200", wire.ObjectName),
    ("actions/list-workflow-runs-for-repo", "200", wire.Runs),
]

# Fields that we require and the description only lists as possible, because GitHub always sends them.
ALWAYS_SENT = {
    "Label.name",
    "Protection.url",
    "Repository.archived",
    "Repository.clone_url",
    "Repository.default_branch",
    "Run.run_started_at",
}


def answers(operation: str, status: str) -> dict[str, Any]:
    operations = {o["operationId"]: o for path in description()["paths"].values() for o in path.values()}
    content: dict[str, Any] = operations[operation]["responses"][status]["content"]["application/json"]
    return content


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        _, *steps = node["$ref"].split("/")
        node = description()
        for step in steps:
            node = node[step]
    return node


def value_of(example: dict[str, Any]) -> object:
    """An example's value; some refer to another example instead."""
    value = resolved(example)["value"]
    return value_of(value) if isinstance(value, dict) and "$ref" in value else value


@pytest.mark.parametrize(("operation", "status", "kind"), READ_AS, ids=[row[0] for row in READ_AS])
def test_githubs_own_examples_are_read(operation: str, status: str, kind: type[BaseModel]) -> None:
    examples = answers(operation, status)["examples"]
    for example in examples.values():
        parsed(json.dumps(value_of(example)).encode(), kind, operation)


@pytest.mark.parametrize(("operation", "status", "kind"), READ_AS, ids=[row[0] for row in READ_AS])
def test_nothing_is_required_that_github_may_leave_out(
    operation: str, status: str, kind: type[BaseModel]
) -> None:
    schema = answers(operation, status)["schema"]
    assert set(beyond(kind, schema)) <= ALWAYS_SENT


def beyond(kind: type[BaseModel], schema: dict[str, Any]) -> Iterator[str]:
    """Required fields, however deep, that the schema does not promise."""
    schema = resolved(schema)
    if schema.get("type") == "array":
        schema = resolved(schema["items"])
    for name, field in kind.model_fields.items():
        inner = next(models(field.annotation), None)
        if name == "root":
            if inner:
                yield from beyond(inner, schema)
            continue
        if field.is_required() and not promised(schema, name):
            yield f"{kind.__name__}.{name}"
        for option in options(schema):
            if inner and name in option.get("properties", {}):
                yield from beyond(inner, option["properties"][name])


def promised(schema: dict[str, Any], name: str) -> bool:
    return all(name in option.get("required", ()) for option in options(schema))


def options(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects that a schema may be; `allOf` is joined, `null` and plain strings are left out."""
    schema = resolved(schema)
    if schema.get("type") == "array":
        return options(schema["items"])
    if "allOf" in schema:
        parts = [resolved(part) for part in schema["allOf"]]
        return [
            {
                "properties": {k: v for part in parts for k, v in part.get("properties", {}).items()},
                "required": [name for part in parts for name in part.get("required", ())],
            }
        ]
    several = schema.get("oneOf") or schema.get("anyOf")
    if several:
        return [found for part in several for found in options(part)]
    return [schema] if "properties" in schema else []


def models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models(argument)
