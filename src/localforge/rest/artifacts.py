"""Artifacts and caches."""

from localforge.actions import archives as files
from localforge.call import Answer, Call, no_content, ok, redirect, text
from localforge.errors import GoneError, NotFoundError
from localforge.json_types import Json
from localforge.operations import Area
from localforge.paging import page_of
from localforge.rest.actions import found_run
from localforge.signing import check, signed
from localforge.store import actions, archives
from localforge.store.archives import Artifact, Cache
from localforge.urls import node_id

area = Area()

_ACTIONS = "/repos/{owner}/{repo}/actions"
_ARTIFACT = f"{_ACTIONS}/artifacts/{{artifact_id}}"
_FOLDER = "_artifacts"
_SORTS = ("created_at", "last_accessed_at", "size_in_bytes")


@area("GET", f"{_ACTIONS}/artifacts", "actions/list-artifacts-for-repo", needs="actions:read")
def list_artifacts(call: Call) -> Answer:
    """The repository's artifacts, newest first; those of one name."""
    return _artifacts(call, archives.artifacts_of_repo(call.db, call.repo.id))


@area(
    "GET",
    f"{_ACTIONS}/runs/{{run_id}}/artifacts",
    "actions/list-workflow-run-artifacts",
    needs="actions:read",
)
def list_run_artifacts(call: Call) -> Answer:
    """The artifacts of a run, newest first unless told otherwise."""
    rows = archives.artifacts_of_run(call.db, found_run(call).id)
    if call.query.choice("direction", ("asc", "desc"), "desc") == "asc":
        rows.reverse()
    return _artifacts(call, rows)


@area("GET", _ARTIFACT, "actions/get-artifact", needs="actions:read")
def get_artifact(call: Call) -> Answer:
    """One artifact."""
    return ok(_artifact(call, _found(call)))


@area("GET", f"{_ARTIFACT}/{{archive_format}}", "actions/download-artifact", needs="actions:read", login=True)
def download_artifact(call: Call) -> Answer:
    """Where its zip is, for a minute; 410 when its time is over."""
    row = _found(call)
    if call.params["archive_format"] != "zip":
        raise NotFoundError
    if row.expires_at <= call.forge.clock():
        raise GoneError("Artifact has expired")
    return redirect(f"{call.urls.origin}/{signed(_FOLDER, f'{row.id}.zip')}")


@area("GET", f"/{_FOLDER}/{{expires}}/{{signature}}/{{file}}", "artifacts/serve", page=True)
def serve_artifact(call: Call) -> Answer:
    """The zip."""
    check(_FOLDER, call.params["expires"], call.params["signature"], call.params["file"])
    row = archives.artifact(call.db, int(call.params["file"].removesuffix(".zip")))
    if row is None:
        raise NotFoundError
    return text(files.path(call.forge, row).read_bytes(), "application/zip")


@area("DELETE", _ARTIFACT, "actions/delete-artifact", needs="actions:write", login=True)
def delete_artifact(call: Call) -> Answer:
    """Forget an artifact."""
    files.forget(call.forge, [_found(call)])
    return no_content()


@area("GET", f"{_ACTIONS}/caches", "actions/get-actions-cache-list", needs="actions:read")
def list_caches(call: Call) -> Answer:
    """The repository's caches: of one ref, with a key that begins so, in an order."""
    query = call.query
    sort = query.choice("sort", _SORTS, "last_accessed_at")
    descending = query.choice("direction", ("asc", "desc"), "desc") == "desc"
    ref, key = query.get("ref"), query.get("key") or ""
    rows = [
        row
        for row in archives.caches(call.db, call.repo.id)
        if row.key.startswith(key) and ref in {None, row.ref}
    ]
    rows.sort(key=lambda row: (_sorted_by(row, sort), row.id), reverse=descending)
    return page_of(call, rows).wrapped("actions_caches", _cache)


@area("GET", f"{_ACTIONS}/cache/usage", "actions/get-actions-cache-usage", needs="actions:read")
def get_cache_usage(call: Call) -> Answer:
    """How many caches there are and how large they are together."""
    rows = archives.caches(call.db, call.repo.id)
    return ok(
        {
            "full_name": call.view.full_name(call.repo),
            "active_caches_size_in_bytes": sum(row.size for row in rows),
            "active_caches_count": len(rows),
        }
    )


@area(
    "DELETE",
    f"{_ACTIONS}/caches/{{cache_id}}",
    "actions/delete-actions-cache-by-id",
    needs="actions:write",
    login=True,
)
def delete_cache(call: Call) -> Answer:
    """Forget one cache."""
    row = archives.cache(call.db, call.number("cache_id"))
    if row is None or row.repo_id != call.repo.id or not row.ready:
        raise NotFoundError
    files.forget(call.forge, [row])
    return no_content()


@area(
    "DELETE", f"{_ACTIONS}/caches", "actions/delete-actions-cache-by-key", needs="actions:write", login=True
)
def delete_caches(call: Call) -> Answer:
    """Forget the caches with this whole key, of every ref or of one; 404 when there is none."""
    key, ref = call.query.get("key"), call.query.get("ref")
    rows = [
        row for row in archives.caches(call.db, call.repo.id) if row.key == key and ref in {None, row.ref}
    ]
    if not rows:
        raise NotFoundError
    files.forget(call.forge, rows)
    return ok({"total_count": len(rows), "actions_caches": [_cache(row) for row in rows]})


def _found(call: Call) -> Artifact:
    row = archives.artifact(call.db, call.number("artifact_id"))
    if row is None or row.repo_id != call.repo.id or not row.ready:
        raise NotFoundError
    return row


def _artifacts(call: Call, rows: list[Artifact]) -> Answer:
    name = call.query.get("name")
    shown = [row for row in rows if name in {None, row.name}]
    return page_of(call, shown).wrapped("artifacts", lambda row: _artifact(call, row))


def _artifact(call: Call, row: Artifact) -> dict[str, Json]:
    """`artifact`."""
    run = actions.existing_run(call.db, row.run_id)
    url = f"{call.urls.repo(call.view.full_name(call.repo))}/actions/artifacts/{row.id}"
    return {
        "id": row.id,
        "node_id": node_id("A", row.repo_id, row.id),
        "name": row.name,
        "size_in_bytes": row.size,
        "url": url,
        "archive_download_url": f"{url}/zip",
        "expired": row.expires_at <= call.forge.clock(),
        "digest": row.digest,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "expires_at": row.expires_at,
        "workflow_run": {
            "id": run.id,
            "repository_id": run.repo_id,
            "head_repository_id": run.head_repo_id or run.repo_id,
            "head_branch": run.head_branch or "",
            "head_sha": run.head_sha,
        },
    }


def _sorted_by(row: Cache, sort: str) -> str | int:
    match sort:
        case "created_at":
            return row.created_at
        case "size_in_bytes":
            return row.size
        case _:
            return row.last_accessed_at


def _cache(row: Cache) -> dict[str, Json]:
    return {
        "id": row.id,
        "ref": row.ref,
        "key": row.key,
        "version": row.version,
        "last_accessed_at": row.last_accessed_at,
        "created_at": row.created_at,
        "size_in_bytes": row.size,
    }
