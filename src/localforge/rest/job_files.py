"""What built-in actions ask of the forge from inside a job, with the job's token: pieces of artifacts and caches.

No part of GitHub's API (there it is another service); the words of refusals are those of its actions.
"""

from localforge.actions import archives as files
from localforge.call import Answer, Call, created, no_content, ok, text
from localforge.errors import NotFoundError, UnauthorizedError
from localforge.json_types import Json
from localforge.operations import Area
from localforge.store import actions, archives
from localforge.store.actions import RunRow
from localforge.store.archives import Artifact, Cache

area = Area()

_FILE = "/_job/{kind}/{id}"


@area("POST", "/_job/artifacts", "job/begin-artifact", page=True)
def begin_artifact(call: Call) -> Answer:
    """Room for an artifact: its id. 409 when there is one of this name."""
    run, body = _run(call), call.body
    days, overwrite = body.maybe_number("days") or 0, body.maybe_flag("overwrite") or False
    artifact_id = files.begin_artifact(call.forge, run, body.text("name"), days, overwrite=overwrite)
    return created({"id": artifact_id})


@area("GET", "/_job/artifacts", "job/list-artifacts", page=True)
def list_artifacts(call: Call) -> Answer:
    """The run's artifacts; of several with one name, from several attempts, the newest."""
    rows = reversed(archives.artifacts_of_run(call.db, _run(call).id))
    return ok([_shown(row) for row in {row.name: row for row in rows}.values()])


@area("POST", "/_job/caches", "job/begin-cache", page=True)
def begin_cache(call: Call) -> Answer:
    """Room for a cache: its id. 409 when the key is taken."""
    run = _run(call)
    key, version = call.body.text("key"), call.body.text("version")
    return created({"id": files.begin_cache(call.forge, run, key, version)})


@area("POST", "/_job/caches/find", "job/find-cache", page=True)
def find_cache(call: Call) -> Answer:
    """The cache that the keys find, or 404."""
    run = _run(call)
    row = files.find_cache(call.forge, run, call.body.texts("keys") or [], call.body.text("version"))
    if row is None:
        raise NotFoundError
    return ok(_shown(row))


@area("PUT", f"{_FILE}/{{offset}}", "job/append", page=True, body_limit=files.PIECE + 1024)
def append(call: Call) -> Answer:
    """The next piece."""
    files.append(call.forge, _own(call), call.number("offset"), call.content)
    return no_content()


@area("POST", f"{_FILE}/ready", "job/finish", page=True)
def finish(call: Call) -> Answer:
    """All pieces have come."""
    row = _own(call)
    if row.ready:
        raise NotFoundError
    done = (
        files.finish_artifact(call.forge, row)
        if isinstance(row, Artifact)
        else files.finish_cache(call.forge, row)
    )
    return ok(_shown(done))


@area("GET", f"{_FILE}/{{offset}}", "job/piece", page=True)
def piece(call: Call) -> Answer:
    """Some bytes from here on; none at the end."""
    run, row = _run(call), _row(call)
    mine = row.run_id == run.id if isinstance(row, Artifact) else row.ref in files.scopes(call.forge, run)
    if row.repo_id != run.repo_id or not mine or not row.ready:
        raise NotFoundError
    return text(files.piece(call.forge, row, max(0, call.number("offset"))), "application/octet-stream")


def _run(call: Call) -> RunRow:
    """The run of the job whose token this is; 401 for any other credential."""
    credential = call.actor.credential
    job = actions.job_of_token(call.db, credential.token_id) if credential else None
    if job is None:
        raise UnauthorizedError
    return actions.existing_run(call.db, job.run_id)


def _row(call: Call) -> Artifact | Cache:
    number = call.number("id")
    match call.params["kind"]:
        case "artifacts":
            row: Artifact | Cache | None = archives.artifact(call.db, number)
        case "caches":
            row = archives.cache(call.db, number)
        case _:
            row = None
    if row is None:
        raise NotFoundError
    return row


def _own(call: Call) -> Artifact | Cache:
    """What this run itself uploads."""
    run, row = _run(call), _row(call)
    mine = row.run_id == run.id if isinstance(row, Artifact) else row.ref == run.ref
    if row.repo_id != run.repo_id or not mine:
        raise NotFoundError
    return row


def _shown(row: Artifact | Cache) -> dict[str, Json]:
    known: dict[str, Json] = {"id": row.id, "size": row.size}
    if isinstance(row, Artifact):
        return {**known, "name": row.name, "digest": row.digest}
    return {**known, "key": row.key}
