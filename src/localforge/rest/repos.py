"""Repositories: making, reading, changing and deleting them; topics and languages."""

import re
import time

from localforge import repositories
from localforge.access import ARCHIVED, unpermitted
from localforge.body import Body
from localforge.call import Answer, Call, created, no_content, ok
from localforge.errors import ForbiddenError, InvalidError, NotFoundError, field_error
from localforge.events import ZERO_SHA, RepositoryEvent
from localforge.git import refnames
from localforge.git.edit import Leaf, edit_tree
from localforge.git.objects import Draft, write_commit, write_object
from localforge.git.statistics import languages
from localforge.json_types import Json
from localforge.operations import Area
from localforge.refs import Move, move
from localforge.render.commits import ident_of
from localforge.render.repository import full_repository
from localforge.repositories import CHOICES, SWITCHES
from localforge.rest.orgs import organization
from localforge.store import accounts, repos
from localforge.store.accounts import Account
from localforge.store.repos import Repository

area = Area()

TOPIC_RULE = (
    "Topics must start with a lowercase letter or number, consist of 50 characters or less,"
    " and can include hyphens; a repository has at most 20."
)
_TOPIC = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")


@area("POST", "/user/repos", "repos/create-for-authenticated-user", login=True)
def create_for_authenticated_user(call: Call) -> Answer:
    """A new repository of the caller."""
    return _create(call, call.actor.account)


@area("POST", "/orgs/{org}/repos", "repos/create-in-org", login=True)
def create_in_org(call: Call) -> Answer:
    """A new repository of an organization, by one of its members."""
    org = organization(call)
    here = call.actor.installation
    if not (here and here.account_id == org.id) and not accounts.member_role(
        call.db, org.id, call.actor.account.id
    ):
        raise ForbiddenError("You need admin access to the organization before adding a repository to it.")
    return _create(call, org)


@area("GET", "/repos/{owner}/{repo}", "repos/get", needs="metadata:read", memorable=True)
def get(call: Call) -> Answer:
    """A repository."""
    return ok(full_repository(call.view, call.repo))


@area("PATCH", "/repos/{owner}/{repo}", "repos/update", needs="administration:write", archived_too=True)
def update(call: Call) -> Answer:
    """Change what the body names: rename, describe, archive, switch features, choose the default branch."""
    repo, body = call.repo, call.body
    if repo.archived and body.maybe_flag("archived") is not False:
        raise ForbiddenError(ARCHIVED)
    columns: dict[str, Json] = {"settings": {**repo.settings, **_settings(body)}}
    for name in ("description", "homepage"):
        if name in body:
            columns[name] = body.maybe_text(name)
    private, archived = _private(body), body.maybe_flag("archived")
    if private is not None:
        columns["private"] = private
    if archived is not None:
        columns["archived"] = archived
    name = body.maybe_text("name") or repo.name
    branch = body.maybe_text("default_branch")
    if branch is not None:
        columns["languages"] = _set_default_branch(call, branch)
    repositories.change(call.forge, repo, call.actor.account.id, repositories.check_name(name), columns)
    return ok(full_repository(call.view, _reread(call)))


@area("DELETE", "/repos/{owner}/{repo}", "repos/delete", needs="administration:write", archived_too=True)
def delete(call: Call) -> Answer:
    """Delete the repository and its git directory."""
    credential = call.actor.credential
    if credential and credential.scopes is not None and "delete_repo" not in credential.scopes:
        raise ForbiddenError("Must have admin rights to Repository.")
    repositories.delete(call.forge, call.repo)
    return no_content()


@area("GET", "/repos/{owner}/{repo}/topics", "repos/get-all-topics", needs="metadata:read")
def get_all_topics(call: Call) -> Answer:
    """The repository's topics."""
    return ok({"names": call.repo.topics})


@area("PUT", "/repos/{owner}/{repo}/topics", "repos/replace-all-topics", needs="administration:write")
def replace_all_topics(call: Call) -> Answer:
    """Set the topics: up to 20, each of lower-case letters, digits and hyphens."""
    names = call.body.texts("names")
    if names is None:
        raise InvalidError('Invalid request.\n\n"names" wasn\'t supplied.')
    names = [name.lower() for name in names]
    if len(names) > 20 or not all(_TOPIC.fullmatch(name) for name in names):
        raise InvalidError(errors=(TOPIC_RULE,))
    with call.forge.store.write() as tx:
        tx.update("repository", call.repo.id, topics=list(dict.fromkeys(names)))
    return ok({"names": list(dict.fromkeys(names))})


@area("GET", "/repos/{owner}/{repo}/languages", "repos/list-languages", needs="metadata:read")
def list_languages(call: Call) -> Answer:
    """Bytes of code per language on the default branch."""
    return ok(call.repo.languages)


def _create(call: Call, owner: Account) -> Answer:
    body = call.body
    private = bool(_private(body))
    credential = call.actor.credential
    if credential and credential.scopes is not None:
        if "repo" not in credential.scopes and (private or "public_repo" not in credential.scopes):
            raise NotFoundError
    elif credential and credential.permissions.get("administration") != "write":
        raise unpermitted(call.actor)
    name = body.text("name")
    columns: dict[str, Json] = {
        "description": body.maybe_text("description"),
        "homepage": body.maybe_text("homepage"),
        "settings": _settings(body),
    }
    repo = repositories.create(call.forge, owner, name, private=private, columns=columns)
    if body.maybe_flag("auto_init"):
        _first_commit(call, repo)
    with call.forge.store.write() as tx:
        tx.emit(RepositoryEvent(repo_id=repo.id, actor_id=call.actor.account.id, action="created"))
    full = full_repository(call.view, repos.by_id(call.db, repo.id) or repo)
    return created(full, location=call.urls.repo(f"{owner.login}/{repo.name}"))


def _first_commit(call: Call, repo: Repository) -> None:
    git = call.forge.git(repo.id)
    description = f"\n{repo.description}\n" if repo.description else ""
    blob = write_object(git, "blob", f"# {repo.name}\n{description}".encode())
    ident = ident_of(call.actor.account, int(time.time()))
    tree = edit_tree(git, None, {"README.md": Leaf(mode="100644", sha=blob)})
    draft = Draft(tree=tree, parents=(), message="Initial commit", author=ident, committer=ident)
    sha = write_commit(git, draft).sha
    ref = refnames.BRANCH + refnames.head_branch(git)
    move(call.forge, repo.id, [Move(ref=ref, before=ZERO_SHA, after=sha)], call.actor.account.id)


def _settings(body: Body) -> dict[str, Json]:
    """The switches and choices that the body sets."""
    switches = {name: body.maybe_flag(name) for name in SWITCHES if name in body}
    choices = {name: body.choice(name, allowed) for name, allowed in CHOICES.items() if name in body}
    return {**switches, **choices}


def _private(body: Body) -> bool | None:
    if "visibility" in body:
        return body.choice("visibility", ("public", "private")) == "private"
    return body.maybe_flag("private")


def _set_default_branch(call: Call, branch: str) -> dict[str, int]:
    """Point HEAD at an existing branch. Returns the languages found there."""
    with call.forge.ref_lock(call.repo.id):
        if refnames.branch_sha(call.git, branch) is None:
            message = f"The branch {branch} was not found. Please push that ref first or create it via the Git Data API."
            raise field_error("Repository", "default_branch", "invalid", message)
        call.git.run("symbolic-ref", "HEAD", refnames.BRANCH + branch)
    return languages(call.git)


def _reread(call: Call) -> Repository:
    repo = repos.by_id(call.db, call.repo.id)
    if repo is None:
        raise NotFoundError
    return repo
