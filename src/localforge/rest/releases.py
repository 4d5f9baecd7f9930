"""Releases, the tags they make, and the notes that are written for them."""

from localforge.access import Role
from localforge.assets import drop
from localforge.body import Body
from localforge.call import Answer, Call, created, no_content, ok
from localforge.errors import FieldError, InvalidError, NotFoundError
from localforge.events import ZERO_SHA, ReleaseEvent
from localforge.git import refnames
from localforge.git.history import is_ancestor
from localforge.git.objects import commit
from localforge.guard import move_guarded
from localforge.operations import Area, parse_need
from localforge.paging import page_of
from localforge.refs import Move
from localforge.render.releases import release as render
from localforge.store import assets, releases
from localforge.store.issues import Issue
from localforge.store.releases import Release

area = Area()

_ALL = "/repos/{owner}/{repo}/releases"
_ONE = f"{_ALL}/{{release_id}}"
_WRITE = parse_need("contents:write", Role.WRITE)
_ALREADY = FieldError(resource="Release", field="tag_name", code="already_exists")
_NO_TARGET = FieldError(resource="Release", field="target_commitish", code="invalid")


@area("GET", _ALL, "repos/list-releases", needs="contents:read")
def list_releases(call: Call) -> Answer:
    """Releases, newest first; drafts for who may write."""
    view = call.view
    rows = releases.of_repo(call.db, call.repo.id, drafts=call.may(_WRITE))
    return page_of(call, rows).answer(lambda item: render(view, call.repo, item))


@area("POST", _ALL, "repos/create-release", needs="contents:write", content=True)
def create(call: Call) -> Answer:
    """A release of a tag, which is made where it is not there; as a draft, without one."""
    body, tag = call.body, call.body.text("tag_name")
    draft, prerelease = bool(body.maybe_flag("draft")), bool(body.maybe_flag("prerelease"))
    if not refnames.valid(refnames.TAG + tag):
        raise InvalidError(errors=(FieldError(resource="Release", field="tag_name", code="invalid"),))
    if not draft and releases.of_tag(call.db, call.repo.id, tag):
        raise InvalidError(errors=(_ALREADY,))
    latest = body.choice("make_latest", ("true", "false", "legacy"), "true") != "false"
    target = body.maybe_text("target_commitish") or refnames.head_branch(call.git)
    text = body.maybe_text("body")
    if body.maybe_flag("generate_release_notes"):
        text = "\n\n".join(part for part in (text, _notes(call, tag, target, None)) if part)
    sha = _target(call, tag, target)
    if not draft:
        _tag(call, tag, sha)
    made = commit(call.git, sha)
    with call.forge.store.write() as tx:
        at = call.forge.clock()
        release_id = tx.insert(
            "release",
            repo_id=call.repo.id,
            author_id=call.actor.account.id,
            tag=tag,
            target=target,
            name=body.maybe_text("name") or (tag if body.maybe_flag("generate_release_notes") else None),
            body=text,
            draft=draft,
            prerelease=prerelease,
            latest=latest,
            created_at=made.committer.date if made else at,
            published_at=None if draft else at,
        )
        for action in () if draft else ("published",):
            tx.emit(
                ReleaseEvent(
                    repo_id=call.repo.id, actor_id=call.actor.account.id, action=action, release_id=release_id
                )
            )
    shown = render(call.view, call.repo, found_release(call, release_id))
    return created(shown, location=str(shown["url"]))


@area("POST", f"{_ALL}/generate-notes", "repos/generate-release-notes", needs="contents:write")
def generate_notes(call: Call) -> Answer:
    """What a release of a tag would say: the pull requests merged since the previous one."""
    body, tag = call.body, call.body.text("tag_name")
    target = body.maybe_text("target_commitish") or refnames.head_branch(call.git)
    return ok({"name": tag, "body": _notes(call, tag, target, body.maybe_text("previous_tag_name"))})


@area("GET", f"{_ALL}/latest", "repos/get-latest-release", needs="contents:read")
def get_latest(call: Call) -> Answer:
    """The latest release that is neither a draft nor a prerelease."""
    item = releases.latest(call.db, call.repo.id)
    if item is None:
        raise NotFoundError
    return ok(render(call.view, call.repo, item))


@area("GET", f"{_ALL}/tags/{{tag*}}", "repos/get-release-by-tag", needs="contents:read")
def get_by_tag(call: Call) -> Answer:
    """The published release of a tag."""
    item = releases.of_tag(call.db, call.repo.id, call.params["tag"])
    if item is None:
        raise NotFoundError
    return ok(render(call.view, call.repo, item))


@area("GET", _ONE, "repos/get-release", needs="contents:read")
def get(call: Call) -> Answer:
    """One release."""
    return ok(render(call.view, call.repo, found_release(call, call.number("release_id"))))


@area("PATCH", _ONE, "repos/update-release", needs="contents:write")
def update(call: Call) -> Answer:
    """Change what it says; a draft that is published makes its tag."""
    item, body = found_release(call, call.number("release_id")), call.body
    draft = body.maybe_flag("draft")
    publishes = item.draft and draft is False
    columns = _changes(item, body)
    if publishes:
        if releases.of_tag(call.db, call.repo.id, str(columns["tag"])):
            raise InvalidError(errors=(_ALREADY,))
        _tag(call, str(columns["tag"]), _target(call, str(columns["tag"]), str(columns["target"])))
        columns |= {"draft": False, "published_at": call.forge.clock()}
    with call.forge.store.write() as tx:
        tx.update("release", item.id, **columns)
        tx.emit(
            ReleaseEvent(
                repo_id=call.repo.id,
                actor_id=call.actor.account.id,
                action="published" if publishes else "edited",
                release_id=item.id,
            )
        )
    return ok(render(call.view, call.repo, found_release(call, item.id)))


@area("DELETE", _ONE, "repos/delete-release", needs="contents:write")
def delete(call: Call) -> Answer:
    """Remove the release with its assets; its tag stays."""
    item = found_release(call, call.number("release_id"))
    kept = assets.of_release(call.db, item.id)
    with call.forge.store.write() as tx:
        tx.execute("DELETE FROM release WHERE id = ?", item.id)
    drop(call.forge, kept)
    return no_content()


def _changes(item: Release, body: Body) -> dict[str, str | bool | None]:
    prerelease, latest = body.maybe_flag("prerelease"), body.maybe_text("make_latest")
    return {
        "tag": body.maybe_text("tag_name") or item.tag if item.draft else item.tag,
        "target": body.maybe_text("target_commitish") or item.target if item.draft else item.target,
        "name": body.maybe_text("name") if "name" in body else item.name,
        "body": body.maybe_text("body") if "body" in body else item.body,
        "prerelease": item.prerelease if prerelease is None else prerelease,
        "latest": item.latest if latest is None else latest != "false",
    }


def found_release(call: Call, release_id: int) -> Release:
    """The release, which the repository has and the caller may see; 404 otherwise."""
    item = releases.by_id(call.db, release_id)
    if item is None or item.repo_id != call.repo.id or (item.draft and not call.may(_WRITE)):
        raise NotFoundError
    return item


def _target(call: Call, tag: str, target: str) -> str:
    """The commit that the tag is at, or that it will be at; 422 when there is none."""
    sha = refnames.commit_sha(call.git, refnames.TAG + tag) or refnames.commit_sha(call.git, target)
    if sha is None:
        raise InvalidError(errors=(_NO_TARGET,))
    return sha


def _tag(call: Call, tag: str, sha: str) -> None:
    name = refnames.TAG + tag
    if refnames.ref(call.git, name) is None:
        move_guarded(call.forge, call.repo, [Move(ref=name, before=ZERO_SHA, after=sha)], call.actor)


def _notes(call: Call, tag: str, target: str, previous: str | None) -> str:
    """GitHub's form: a line for each pull request merged into what is new, and a link to the whole."""
    page = call.urls.page(call.view.full_name(call.repo))
    head = _target(call, tag, target)
    since = previous or _previous(call, tag, head)
    before = refnames.commit_sha(call.git, refnames.TAG + since) if since else None
    if since and before is None:
        raise InvalidError(
            errors=(FieldError(resource="Release", field="previous_tag_name", code="invalid"),)
        )
    new = set(call.git.text("rev-list", head, *([f"^{before}"] if before else [])).split())
    merged = call.db.all(
        Issue,
        "SELECT issue.* FROM issue JOIN pull ON pull.issue_id = issue.id WHERE issue.repo_id = ?"
        " AND pull.merged_at IS NOT NULL AND pull.merge_commit_sha IN (SELECT value FROM json_each(?))"
        " ORDER BY pull.merged_at, issue.number",
        call.repo.id,
        "[" + ",".join(f'"{sha}"' for sha in sorted(new)) + "]",
    )
    lines = [
        f"* {item.title} by @{call.view.account(item.author_id).login} in {page}/pull/{item.number}"
        for item in merged
    ]
    whole = f"{page}/compare/{since}...{tag}" if since else f"{page}/commits/{tag}"
    changed = ["## What's Changed", *lines, "", ""] if lines else []
    return "\n".join([*changed, f"**Full Changelog**: {whole}"])


def _previous(call: Call, tag: str, head: str) -> str | None:
    """The tag of the newest release that the head contains."""
    for item in releases.of_repo(call.db, call.repo.id, drafts=False):
        sha = refnames.commit_sha(call.git, refnames.TAG + item.tag)
        if item.tag != tag and sha and is_ancestor(call.git, sha, head):
            return item.tag
    return None
