"""The judge: every JSON answer against GitHub's own OpenAPI description.

A client of `World` reports each answer here, so every test of the forge is also a test of its shapes.
"""

import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import httpx

from localforge.app import App
from localforge.mounted import MountedForge

DESCRIPTION = Path(__file__).parent / "data" / "openapi-github-2022-11-28.222ops.json.gz"

# Operations that the forge has beyond the description's 222.
BEYOND = {
    "actions/get-repo-secret",
    "code-scanning/list-alert-instances",
    "pulls/list-review-comments-for-repo",
    "secret-scanning/list-locations-for-alert",
    "actions/add-selected-repo-to-org-secret",
    "actions/add-selected-repo-to-org-variable",
    "actions/create-or-update-org-secret",
    "actions/create-org-variable",
    "actions/delete-org-secret",
    "actions/delete-org-variable",
    "actions/get-org-public-key",
    "actions/get-org-secret",
    "actions/get-org-variable",
    "actions/list-repo-organization-secrets",
    "actions/list-repo-organization-variables",
    "actions/list-selected-repos-for-org-secret",
    "actions/list-selected-repos-for-org-variable",
    "actions/remove-selected-repo-from-org-secret",
    "actions/remove-selected-repo-from-org-variable",
    "actions/set-selected-repos-for-org-secret",
    "actions/set-selected-repos-for-org-variable",
    "actions/update-org-variable",
    "code-scanning/get-sarif",
    "actions/get-workflow-access-to-repository",
    "actions/set-workflow-access-to-repository",
    "activity/mark-notifications-as-read",
    "apps/delete-installation",
    "apps/get-by-slug",
    "apps/get-user-installation",
    "apps/get-webhook-config-for-app",
    "apps/suspend-installation",
    "apps/unsuspend-installation",
    "apps/update-webhook-config-for-app",
    "git/list-refs",
    "graphql (enterprise)",
    "graphql",
    "issues/remove-all-labels",
    "markdown/render",
    "markdown/render-raw",
    "orgs/check-membership-for-user",
    "orgs/delete-webhook",
    "orgs/get-membership-for-authenticated-user",
    "orgs/get-membership-for-user",
    "orgs/get-webhook",
    "orgs/list-memberships-for-authenticated-user",
    "orgs/ping-webhook",
    "orgs/remove-membership-for-user",
    "orgs/update-webhook",
    "pulls/delete-pending-review",
    "pulls/get-review-comment",
    "pulls/list-comments-for-review",
    "pulls/update-review",
    "repos/accept-invitation-for-authenticated-user",
    "repos/add-collaborator",
    "repos/decline-invitation-for-authenticated-user",
    "reactions/delete-for-issue",
    "reactions/delete-for-issue-comment",
    "reactions/list-for-issue",
    "reactions/list-for-issue-comment",
    "repos/create-repo-ruleset",
    "repos/delete",
    "repos/delete-release",
    "repos/delete-release-asset",
    "repos/delete-repo-ruleset",
    "repos/download-tarball-archive (default branch)",
    "repos/download-zipball-archive (default branch)",
    "repos/get-content (root)",
    "repos/get-release-asset",
    "repos/list-forks",
    "repos/list-invitations",
    "repos/list-invitations-for-authenticated-user",
    "repos/list-release-assets",
    "repos/remove-collaborator",
    "repos/update-release",
    "repos/update-release-asset",
    "repos/update-repo-ruleset",
    "repos/upload-release-asset",
}


def _listed(name: str, schema: str) -> Mapping[str, Any]:
    """A list with its total, as most of Actions are."""
    items = {"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}}
    return {
        "type": "object",
        "required": ["total_count", name],
        "properties": {"total_count": {"type": "integer"}, name: items},
    }


# Of these the shapes that the description has all the same.
_SHAPES: Mapping[str, Mapping[str, Any]] = {
    **{
        f"repos/{name}-release-asset": {"$ref": "#/components/schemas/release-asset"}
        for name in ("get", "update", "upload")
    },
    "repos/list-release-assets": {"type": "array", "items": {"$ref": "#/components/schemas/release-asset"}},
    "repos/update-release": {"$ref": "#/components/schemas/release"},
    "actions/get-repo-secret": {"$ref": "#/components/schemas/actions-secret"},
    "code-scanning/list-alert-instances": {
        "type": "array",
        "items": {"$ref": "#/components/schemas/code-scanning-alert-instance"},
    },
    "pulls/list-review-comments-for-repo": {
        "type": "array",
        "items": {"$ref": "#/components/schemas/pull-request-review-comment"},
    },
    "actions/get-org-secret": {"$ref": "#/components/schemas/organization-actions-secret"},
    "actions/get-org-variable": {"$ref": "#/components/schemas/organization-actions-variable"},
    "actions/get-org-public-key": {"$ref": "#/components/schemas/actions-public-key"},
    "actions/list-repo-organization-secrets": _listed("secrets", "actions-secret"),
    "actions/list-repo-organization-variables": _listed("variables", "actions-variable"),
    "actions/list-selected-repos-for-org-secret": _listed("repositories", "minimal-repository"),
    "actions/list-selected-repos-for-org-variable": _listed("repositories", "minimal-repository"),
}

# Operations that GitHub has taken away: each is 410 and nothing else.
REMOVED = {
    *(f"projects/classic ({method})" for method in ("GET", "POST", "PUT", "PATCH", "DELETE")),
    "projects/create-for-authenticated-user",
    "projects/create-for-org",
    "projects/create-for-repo",
    "projects/list-for-org",
    "projects/list-for-repo",
    "projects/list-for-user",
}

# Redirects of renamed repositories and revalidation: documented for the whole API, not per operation.
EVERYWHERE = {301, 304, 307}

# Where the description contradicts itself: by operation, what the judge says there, and why.
WAIVED = {
    # `account` is said to be a user AND an enterprise at once; GitHub's own example of this answer is a user.
    "apps/list-installations": re.compile(
        r"\$\[\d+\]\.account\.(name|slug|created_at|updated_at) is missing"
    ),
}

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}
_FORMATS = {
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
    "uri": re.compile(r"[a-z][a-z0-9+.-]*:\S+"),
    "uri-template": re.compile(r"[a-z][a-z0-9+.-]*:\S+"),
    "email": re.compile(r"\S+@\S+"),
}


@cache
def description() -> dict[str, Any]:
    """The whole OpenAPI document."""
    document: dict[str, Any] = json.loads(gzip.decompress(DESCRIPTION.read_bytes()))
    return document


@cache
def operations() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """(method, path, operation) by operationId."""
    return {
        operation["operationId"]: (method.upper(), path, operation)
        for path, methods in description()["paths"].items()
        for method, operation in methods.items()
    }


def mistakes(schema: Mapping[str, Any], value: object, at: str = "$") -> Iterator[str]:
    """Where the value is not what the schema describes."""
    schema = _resolved(schema)
    if value is None:
        if not schema.get("nullable") and schema.get("type") and not _alternatives(schema):
            yield f"{at}: null, which is not allowed"
        elif _alternatives(schema) and not schema.get("nullable"):
            yield from _of_alternatives(schema, value, at)
        return
    for part in schema.get("allOf", ()):
        yield from mistakes(part, value, at)
    if _alternatives(schema):
        yield from _of_alternatives(schema, value, at)
    yield from _of_type(schema, value, at)


def _of_type(schema: Mapping[str, Any], value: object, at: str) -> Iterator[str]:
    kind = schema.get("type")
    if kind and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{at}: {value!r:.60} is no {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r:.60} is none of {schema['enum']}"
    match value:
        case str():
            form = _FORMATS.get(schema.get("format", ""))
            if form and not form.fullmatch(value):
                yield f"{at}: {value!r:.60} is no {schema['format']}"
        case dict():
            yield from _of_object(schema, value, at)
        case list():
            for index, item in enumerate(value):
                yield from mistakes(schema.get("items", {}), item, f"{at}[{index}]")


def _of_object(schema: Mapping[str, Any], value: Mapping[str, object], at: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at}.{name} is missing"
    others = schema.get("additionalProperties", True)
    for name, item in value.items():
        if name in properties:
            yield from mistakes(properties[name], item, f"{at}.{name}")
        elif others is False:
            yield f"{at}.{name} is not described"
        elif isinstance(others, dict):
            yield from mistakes(others, item, f"{at}.{name}")


def _of_alternatives(schema: Mapping[str, Any], value: object, at: str) -> Iterator[str]:
    found = [list(mistakes(option, value, at)) for option in _alternatives(schema)]
    if all(found):
        yield from min(found, key=len)


def _alternatives(schema: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    alternatives: Sequence[Mapping[str, Any]] = schema.get("oneOf") or schema.get("anyOf") or ()
    return alternatives


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        found: Any = description()
        for part in schema["$ref"].split("/")[1:]:
            found = found[part]
        schema = found
    return schema


def judge(operation_id: str, response: httpx.Response) -> list[str]:
    """What is wrong with an answer of an operation."""
    if response.status_code in EVERYWHERE:
        return []
    if operation_id in REMOVED:
        return [] if response.status_code >= 400 else [f"{operation_id} answers {response.status_code}"]
    if operation_id in BEYOND:
        shape = _SHAPES.get(operation_id) if response.status_code < 300 else None
        return list(mistakes(shape, response.json())) if shape else []
    _, _, operation = operations()[operation_id]
    described = operation["responses"].get(str(response.status_code))
    if described is None:
        if response.status_code < 400:
            return [f"{operation_id} answers {response.status_code}, which is not described"]
        return list(mistakes({"$ref": "#/components/schemas/basic-error"}, response.json()))
    content = _resolved(described).get("content", {})
    media_type = response.headers.get("content-type", "").partition(";")[0]
    asked = response.request.headers.get("accept", "").partition("+json")[0]
    described_as = content.get(asked, content.get(media_type))
    if media_type == "application/json" and described_as:
        waived = WAIVED.get(operation_id)
        found = mistakes(described_as["schema"], response.json())
        return [f"{operation_id} {entry}" for entry in found if not (waived and waived.fullmatch(entry))]
    if response.content and not content and response.status_code < 300:
        return [f"{operation_id} answers {response.status_code} with a body that is not described"]
    return []


class JudgedForge(MountedForge):
    """The mounted forge, each of whose answers is judged; `seen` collects (operation, status)."""

    seen: ClassVar[set[tuple[str, int]]] = set()

    def __init__(self, app: App) -> None:
        super().__init__(app)
        self._router = app.router

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        response.request = request
        path = request.url.raw_path.decode().partition("?")[0].removeprefix("/api/v3")
        found = self._router.match(request.method, [part for part in path.split("/") if part])
        if found and not found[0].page and request.method != "HEAD":
            self.seen.add((found[0].id, response.status_code))
            wrong = judge(found[0].id, response)
            assert not wrong, "\n".join(wrong)
        return response
