"""`workflow_dispatch`: a run on request, with inputs; `repository_dispatch`: what an outside program tells."""

import math
from collections.abc import Mapping
from dataclasses import replace

from localforge.actions import payload
from localforge.actions.calling import parsed
from localforge.actions.expressions import to_number
from localforge.actions.lifecycle import create
from localforge.actions.triggering import (
    Occasion,
    WorkflowFile,
    begun,
    create_all,
    new_run,
    workflow_files,
)
from localforge.actions.workflow.model import Input, Workflow
from localforge.actions.workflow.tree import literal
from localforge.errors import InvalidError
from localforge.forge import Forge
from localforge.git import objects, refnames
from localforge.hooks.payloads import about
from localforge.json_types import Json, encode
from localforge.store.actions import WorkflowRow
from localforge.store.repos import Repository


def dispatch(
    forge: Forge, repo: Repository, row: WorkflowRow, ref: str, given: Mapping[str, Json], actor_id: int
) -> int:
    """Begin a run of the workflow as it is at `ref` (a branch or tag). 422 in GitHub's words; returns the run's id."""
    git = forge.git(repo.id)
    names = (ref,) if ref.startswith("refs/") else (refnames.BRANCH + ref, refnames.TAG + ref)
    full = next((name for name in names if refnames.ref(git, name)), None)
    sha = refnames.commit_sha(git, full) if full else None
    commit = objects.commit(git, sha) if sha else None
    if full is None or commit is None:
        raise InvalidError(f"No ref found for: {ref}")
    file = next((file for file in workflow_files(git, commit.sha) if file.path == row.path), None)
    inputs = _inputs(_definitions(file), given)
    if file is None:
        raise InvalidError(f"Workflow {row.path} does not exist on {ref}")
    view = payload.stored_view(forge)
    body = {"ref": full, "workflow": row.path, "inputs": inputs, **about(view, repo, actor_id)}
    occasion = _occasion("workflow_dispatch", full, commit.sha, actor_id, body)
    with forge.store.write() as tx:
        return create(forge, tx, new_run(repo, file, replace(occasion, title=row.name)))


def dispatch_event(
    forge: Forge, repo: Repository, event_type: str, details: Mapping[str, Json], actor_id: int
) -> None:
    """Begin the runs of the default branch's workflows that listen to this type of `repository_dispatch`."""
    git = forge.git(repo.id)
    branch = refnames.head_branch(git)
    sha = refnames.branch_sha(git, branch)
    if sha is None:
        return
    view = payload.stored_view(forge)
    body = {
        "action": event_type,
        "branch": branch,
        "client_payload": details,
        **about(view, repo, actor_id),
    }
    plain = _occasion("repository_dispatch", refnames.BRANCH + branch, sha, actor_id, body)
    occasion = replace(plain, action=event_type, title=event_type)
    files = [
        file
        for file in begun(workflow_files(git, sha), occasion)
        if isinstance(parsed(file.path, file.source), Workflow)
    ]
    with forge.store.write() as tx:
        create_all(forge, tx, repo, files, occasion)


def _occasion(event: str, ref: str, sha: str, actor_id: int, body: Mapping[str, Json]) -> Occasion:
    return Occasion(
        event=event,
        action=None,
        sha=sha,
        head_sha=sha,
        ref=ref,
        head_branch=ref.removeprefix(refnames.BRANCH).removeprefix(refnames.TAG),
        filtered_ref=ref,
        actor_id=actor_id,
        title=event,
        payload=body,
    )


def _definitions(file: WorkflowFile | None) -> tuple[Input, ...]:
    read = parsed(file.path, file.source) if file else None
    triggers = read.triggers if isinstance(read, Workflow) else ()
    for trigger in triggers:
        if trigger.event == "workflow_dispatch":
            return trigger.inputs
    raise InvalidError("Workflow does not have 'workflow_dispatch' trigger")


def _inputs(definitions: tuple[Input, ...], given: Mapping[str, Json]) -> dict[str, Json]:
    """The given inputs and the defaults of the others, as the event tells them: all of them texts."""
    unexpected = sorted(given.keys() - {definition.name for definition in definitions})
    if unexpected:
        raise InvalidError(f"Unexpected inputs provided: {unexpected}")
    inputs: dict[str, Json] = {}
    for definition in definitions:
        text = _text(given.get(definition.name, _default(definition)))
        if not text and definition.kind == "boolean":
            text = "false"
        if not text and definition.required:
            raise InvalidError(f"Required input '{definition.name}' not provided")
        if refusal := _refusal(definition, text):
            raise InvalidError(f"Provided value '{text}' for input '{definition.name}' {refusal}")
        inputs[definition.name] = text
    return inputs


def _default(definition: Input) -> str | None:
    """The default, which the grammar lets be no expression here."""
    return None if definition.default is None else literal(definition.default)


def _text(value: Json) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case _:
            return encode(value).decode()


def _refusal(definition: Input, text: str) -> str:
    """Why the text is no value of the input; empty when it is."""
    match definition.kind:
        case "boolean" if text not in {"true", "false"}:
            return "not a boolean"
        case "number" if text and math.isnan(to_number(text)):
            return "not a number"
        case "choice" if text and text not in definition.options:
            return f"not in the list of allowed values {list(definition.options)}"
        case _:
            return ""
