"""Protection of a branch: read, set whole, removed."""

from dataclasses import asdict

from localforge.body import Body
from localforge.call import Answer, Call, no_content, ok
from localforge.errors import InvalidError, NotFoundError
from localforge.operations import Area
from localforge.protection import Check, RequiredChecks, RequiredReviews, Rules
from localforge.render.branches import protected_branch
from localforge.rest.branches import branch_head
from localforge.store import accounts, apps, repos, teams

area = Area()

PATH = "/repos/{owner}/{repo}/branches/{branch*}/protection"
_REQUIRED = ("required_status_checks", "enforce_admins", "required_pull_request_reviews", "restrictions")


@area("GET", PATH, "repos/get-branch-protection", needs="administration:read")
def get_branch_protection(call: Call) -> Answer:
    """The branch's rules; 404 when it is not protected."""
    branch_head(call, call.params["branch"])
    row = repos.protection_of(call.db, call.repo.id, call.params["branch"])
    if row is None:
        raise NotFoundError("Branch not protected")
    return ok(protected_branch(call.view, call.repo, row))


@area("PUT", PATH, "repos/update-branch-protection", needs="administration:write")
def update_branch_protection(call: Call) -> Answer:
    """Set all rules of the branch at once."""
    branch = call.params["branch"]
    branch_head(call, branch)
    rules = _rules(call, call.body)
    with call.forge.store.write() as tx:
        tx.execute("DELETE FROM protection WHERE repo_id = ? AND branch = ?", call.repo.id, branch)
        tx.insert("protection", repo_id=call.repo.id, branch=branch, rules=asdict(rules))
    row = repos.protection_of(call.db, call.repo.id, branch)
    if row is None:
        raise NotFoundError("Branch not protected")
    return ok(protected_branch(call.view, call.repo, row))


@area("DELETE", PATH, "repos/delete-branch-protection", needs="administration:write")
def delete_branch_protection(call: Call) -> Answer:
    """Remove the protection."""
    with call.forge.store.write() as tx:
        removed = tx.execute(
            "DELETE FROM protection WHERE repo_id = ? AND branch = ?", call.repo.id, call.params["branch"]
        )
    if not removed:
        raise NotFoundError("Branch not protected")
    return no_content()


def _rules(call: Call, body: Body) -> Rules:
    missing = [name for name in _REQUIRED if name not in body]
    if missing:
        sentences = ", ".join(f'"{name}" wasn\'t supplied' for name in missing)
        raise InvalidError(f"Invalid request.\n\n{sentences}.")
    checks = body.object("required_status_checks")
    reviews = body.object("required_pull_request_reviews")
    restrictions = body.object("restrictions")
    return Rules(
        enforce_admins=body.maybe_flag("enforce_admins") or False,
        checks=_checks(checks) if checks else None,
        reviews=_reviews(call, reviews) if reviews else None,
        push_users=_names(call, restrictions) if restrictions else None,
        linear_history=body.maybe_flag("required_linear_history") or False,
        allow_force_pushes=body.maybe_flag("allow_force_pushes") or False,
        allow_deletions=body.maybe_flag("allow_deletions") or False,
        block_creations=body.maybe_flag("block_creations") or False,
        conversation_resolution=body.maybe_flag("required_conversation_resolution") or False,
        lock_branch=body.maybe_flag("lock_branch") or False,
        allow_fork_syncing=body.maybe_flag("allow_fork_syncing") or False,
    )


def _checks(body: Body) -> RequiredChecks:
    detailed = body.objects("checks")
    if detailed is None:
        checks = [Check(context=context) for context in body.texts("contexts") or []]
    else:
        checks = [Check(context=entry.text("context"), app_id=_app(entry)) for entry in detailed]
    unique = {check.context: check for check in checks}
    return RequiredChecks(strict=body.flag("strict"), checks=tuple(unique.values()))


def _app(entry: Body) -> int | None:
    """The app that must report; -1 means any."""
    app = entry.maybe_number("app_id")
    return None if app == -1 else app


def _reviews(call: Call, body: Body) -> RequiredReviews:
    count = body.maybe_number("required_approving_review_count")
    if count is not None and not 0 <= count <= 6:
        raise InvalidError("Invalid request.\n\nrequired_approving_review_count must be between 0 and 6.")
    dismissal, bypass = body.object("dismissal_restrictions"), body.object("bypass_pull_request_allowances")
    return RequiredReviews(
        count=1 if count is None else count,
        dismiss_stale=body.maybe_flag("dismiss_stale_reviews") or False,
        code_owners=body.maybe_flag("require_code_owner_reviews") or False,
        last_push_approval=body.maybe_flag("require_last_push_approval") or False,
        bypass_users=_names(call, bypass) if bypass and bypass.values else (),
        dismissal_users=_names(call, dismissal) if dismissal and dismissal.values else None,
    )


def _names(call: Call, body: Body) -> tuple[str, ...]:
    """The users, teams and Apps that a rule names, each of which must exist, as the names that rules keep of them."""
    org = accounts.by_id(call.db, call.repo.owner_id)
    if org.kind != "Organization":
        raise InvalidError(errors=("Only organization repositories can have users and team restrictions",))
    found: list[str] = []
    for login in body.texts("users") or []:
        user = accounts.by_login(call.db, login)
        found.append(_existing("user", login, user.login if user and user.kind == "User" else None))
    for slug in body.texts("teams") or []:
        team = teams.by_slug(call.db, org.id, slug)
        found.append(_existing("team", slug, f"{org.login}/{team.slug}" if team else None))
    for slug in body.texts("apps") or []:
        app = apps.by_slug(call.db, slug)
        found.append(_existing("app", slug, accounts.by_id(call.db, app.bot_id).login if app else None))
    return tuple(dict.fromkeys(found))


def _existing(kind: str, given: str, name: str | None) -> str:
    if name is None:
        raise InvalidError(f"Validation Failed: the {kind} {given} does not exist")
    return name
