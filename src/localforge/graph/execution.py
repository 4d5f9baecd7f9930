"""One way to run a query: parse, validate, measure, resolve, and answer in GitHub's shape."""

import logging
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    build_schema,
    execute_sync,
    parse,
    validate,
)
from graphql.validation import OverlappingFieldsCanBeMergedRule, specified_rules

from localforge.call import Answer, Call, ok
from localforge.errors import FieldError, ForgeError
from localforge.graph.accounts import rate_limit
from localforge.graph.cost import MOST_FIELDS, MOST_NODES, fields, measure
from localforge.graph.fields import QueryError, resolver_of
from localforge.graph.nodes import type_of
from localforge.json_types import Json

log = logging.getLogger(__name__)

# `gh issue close` asks for fields that cannot be merged, and GitHub answers: that rule is off.
RULES = tuple(rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule)
MOST_TOKENS = 20_000
MOST_ERRORS = 20

# Modules whose `fields` make up the table.
FILES = (
    *("accounts", "repositories", "git", "issues", "pulls", "checks", "releases", "query"),
    *("auto_merge", "issue_mutations", "pull_mutations", "ref_mutations"),
)

_KINDS = {401: "UNAUTHENTICATED", 403: "FORBIDDEN", 404: "NOT_FOUND", 409: "STALE_DATA"}


@cache
def schema() -> GraphQLSchema:
    """GitHub's schema, read when the first query comes."""
    return build_schema((Path(__file__).parent / "github.graphql").read_text(), assume_valid=True)


@cache
def table() -> Mapping[tuple[str, str], Callable[..., object]]:
    """Every resolver of every file."""
    found: dict[tuple[str, str], Callable[..., object]] = {}
    for name in FILES:
        found |= import_module(f"localforge.graph.{name}").fields.table
    return found


def run(call: Call) -> Answer:
    """Answer a query. Like GitHub, 200 also for a query that fails; `errors` says how."""
    query = call.body.values.get("query")
    if not isinstance(query, str):
        message = "A query attribute must be specified and must be a string."
        return ok({"errors": [{"message": message}]}, status=400)
    given = call.body.object("variables")
    variables: Mapping[str, Json] = given.values if given else {}
    operation_name = call.body.maybe_text("operationName") or None
    try:
        document = parse(query, max_tokens=MOST_TOKENS)
        errors = validate(schema(), document, RULES, max_errors=MOST_ERRORS)
        if errors:
            return ok({"errors": [_invalid(error) for error in errors]})
        return _execute(call, document, variables, operation_name)
    except GraphQLSyntaxError as error:
        return ok({"errors": [_syntax(error)]})
    except RecursionError:
        return ok(
            {"errors": [{"type": "MAX_NODE_LIMIT_EXCEEDED", "message": "The query is nested too deeply."}]}
        )


def _execute(
    call: Call, document: DocumentNode, variables: Mapping[str, Json], operation_name: str | None
) -> Answer:
    if (asked := fields(document)) > MOST_FIELDS:
        message = f"This query asks for {asked:,} fields which exceeds the maximum limit of {MOST_FIELDS:,}."
        return ok({"errors": [{"type": "MAX_NODE_LIMIT_EXCEEDED", "message": message}]})
    cost = measure(document, variables, operation_name)
    if cost.nodes > MOST_NODES:
        message = (
            f"This query requests up to {cost.nodes:,} possible nodes which exceeds the maximum limit of"
            f" {MOST_NODES:,}."
        )
        return ok({"errors": [{"type": "MAX_NODE_LIMIT_EXCEEDED", "message": message}]})
    call.forge.limiter.spend(call.limit_key, "graphql", cost.points - 1)
    result = execute_sync(
        schema(),
        document,
        root_value={"rateLimit": rate_limit(call, cost.points, cost.nodes)},
        variable_values=dict(variables),
        operation_name=operation_name,
        field_resolver=resolver_of(table(), call),
        type_resolver=lambda value, _info, _type: type_of(value),
    )
    answer: dict[str, Json] = {"data": result.data}
    if result.errors:
        answer["errors"] = [_failed(error) for error in result.errors]
    return ok(answer)


def _locations(error: GraphQLError) -> list[Json]:
    return [{"line": place.line, "column": place.column} for place in error.locations or ()]


def _syntax(error: GraphQLError) -> dict[str, Json]:
    return {"message": f"Parse error: {error.message}", "locations": _locations(error)}


def _invalid(error: GraphQLError) -> dict[str, Json]:
    return {"message": error.message, "locations": _locations(error), "extensions": {"code": "invalid"}}


def _failed(error: GraphQLError) -> dict[str, Json]:
    """An error of resolving: a refusal in its own words, or what must not be told."""
    kind, message = "INTERNAL", "Something went wrong while executing your query."
    match error.original_error or error:
        case QueryError() as refused:
            kind, message = refused.kind, refused.message
        case ForgeError() as refused:
            kind, message = _KINDS.get(refused.status, "UNPROCESSABLE"), _words(refused)
        case GraphQLError() as plain:
            kind, message = "UNPROCESSABLE", plain.message
        case bug:
            log.error("a field could not be resolved", exc_info=bug)
    return {"type": kind, "path": error.path or [], "locations": _locations(error), "message": message}


def _words(error: ForgeError) -> str:
    """What a REST refusal says, in one line."""
    details = [
        entry.message or f"{entry.field or entry.resource} is {entry.code.replace('_', ' ')}"
        if isinstance(entry, FieldError)
        else entry
        for entry in error.errors
    ]
    return ", ".join(details) or error.message
