"""`workflow_dispatch`: a run on request, with inputs."""

from collections.abc import Mapping

from localforge.actions import payload
from localforge.actions.lifecycle import create, parsed
from localforge.actions.triggering import Occasion, WorkflowFile, new_run, workflow_files
from localforge.actions.workflow.model import Input, Workflow
from localforge.errors import InvalidError
from localforge.forge import Forge
from localforge.git import objects, refnames
from localforge.json_types import Json, encode
from localforge.render.view import View
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
    view = View(forge=forge, urls=payload.PLACEHOLDER)
    occasion = Occasion(
        event="workflow_dispatch",
        action=None,
        sha=commit.sha,
        head_sha=commit.sha,
        ref=full,
        head_branch=full.removeprefix(refnames.BRANCH).removeprefix(refnames.TAG),
        filtered_ref=full,
        actor_id=actor_id,
        title=row.name,
        payload=payload.dispatch_payload(view, repo, full, row.path, inputs, actor_id),
        changed=tuple,
    )
    if file is None:
        raise InvalidError(f"Workflow {row.path} does not exist on {ref}")
    with forge.store.write() as tx:
        return create(forge, tx, new_run(repo, file, occasion))


def _definitions(file: WorkflowFile | None) -> tuple[Input, ...]:
    read = parsed(file.path, file.source) if file else None
    triggers = read.triggers if isinstance(read, Workflow) else ()
    for trigger in triggers:
        if trigger.event == "workflow_dispatch":
            return trigger.inputs
    raise InvalidError("Workflow does not have 'workflow_dispatch' trigger")


def _inputs(definitions: tuple[Input, ...], given: Mapping[str, Json]) -> dict[str, Json]:
    """The given inputs, typed, and the defaults of the others."""
    unexpected = sorted(given.keys() - {definition.name for definition in definitions})
    if unexpected:
        raise InvalidError(f"Unexpected inputs provided: {unexpected}")
    inputs: dict[str, Json] = {}
    for definition in definitions:
        text = _text(given.get(definition.name, definition.default))
        if not text and definition.required:
            raise InvalidError(f"Required input '{definition.name}' not provided")
        inputs[definition.name] = _typed(definition, text)
    return inputs


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


def _typed(definition: Input, text: str) -> Json:
    match definition.kind:
        case "boolean":
            if text not in {"true", "false", ""}:
                raise InvalidError(f"Provided value '{text}' for input '{definition.name}' not a boolean")
            return text == "true"
        case "choice":
            if text and text not in definition.options:
                allowed = list(definition.options)
                raise InvalidError(
                    f"Provided value '{text}' for input '{definition.name}' not in the list of allowed values {allowed}"
                )
            return text
        case _:
            return text
