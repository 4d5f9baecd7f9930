"""Rulesets: read by everybody, changed by who administers the repository."""

from localforge.access import Role
from localforge.body import Body
from localforge.call import Answer, Call, created, no_content, ok
from localforge.errors import InvalidError, NotFoundError
from localforge.json_types import Json
from localforge.operations import Area, parse_need
from localforge.paging import page_of
from localforge.render.rulesets import short, whole
from localforge.rulesets import KINDS
from localforge.store import rulesets
from localforge.store.rulesets import Ruleset

area = Area()

_ALL = "/repos/{owner}/{repo}/rulesets"
_ONE = f"{_ALL}/{{ruleset_id}}"
_CHANGE = parse_need("administration:write", Role.ADMIN)
_TARGETS = ("branch", "tag")
_ENFORCEMENTS = ("active", "evaluate", "disabled")
_ACTORS = ("Integration", "OrganizationAdmin", "RepositoryRole", "Team", "DeployKey", "User")


@area("GET", _ALL, "repos/get-repo-rulesets", needs="metadata:read")
def list_rulesets(call: Call) -> Answer:
    """The repository's rulesets, or those for some targets."""
    view, wanted = call.view, (call.query.get("targets") or ",".join(_TARGETS)).split(",")
    rows = [item for item in rulesets.of_repo(call.db, call.repo.id) if item.target in wanted]
    return page_of(call, rows).answer(lambda item: short(view, call.repo, item))


@area("POST", _ALL, "repos/create-repo-ruleset", needs="administration:write")
def create(call: Call) -> Answer:
    """A new ruleset."""
    columns = _columns(call.body, None)
    _refuse_taken(call, str(columns["name"]), None)
    with call.forge.store.write() as tx:
        at = call.forge.clock()
        ruleset_id = tx.insert("ruleset", repo_id=call.repo.id, created_at=at, updated_at=at, **columns)
    return created(whole(call.view, call.repo, _found(call, ruleset_id), administers=True))


@area("GET", _ONE, "repos/get-repo-ruleset", needs="metadata:read")
def get(call: Call) -> Answer:
    """One ruleset with its rules."""
    item = _found(call, call.number("ruleset_id"))
    return ok(whole(call.view, call.repo, item, administers=call.may(_CHANGE)))


@area("PUT", _ONE, "repos/update-repo-ruleset", needs="administration:write")
def update(call: Call) -> Answer:
    """Change what the body names."""
    item = _found(call, call.number("ruleset_id"))
    columns = _columns(call.body, item)
    _refuse_taken(call, str(columns["name"]), item)
    with call.forge.store.write() as tx:
        tx.update("ruleset", item.id, updated_at=call.forge.clock(), **columns)
    return ok(whole(call.view, call.repo, _found(call, item.id), administers=True))


@area("DELETE", _ONE, "repos/delete-repo-ruleset", needs="administration:write")
def delete(call: Call) -> Answer:
    """Remove it."""
    item = _found(call, call.number("ruleset_id"))
    with call.forge.store.write() as tx:
        tx.execute("DELETE FROM ruleset WHERE id = ?", item.id)
    return no_content()


def _found(call: Call, ruleset_id: int) -> Ruleset:
    item = rulesets.by_id(call.db, ruleset_id)
    if item is None or item.repo_id != call.repo.id:
        raise NotFoundError
    return item


def _refuse_taken(call: Call, name: str, own: Ruleset | None) -> None:
    for item in rulesets.of_repo(call.db, call.repo.id):
        if item.name == name and (own is None or item.id != own.id):
            raise InvalidError(errors=("Name must be unique",))


def _columns(body: Body, before: Ruleset | None) -> dict[str, Json]:
    """A ruleset's columns, those that the body leaves out as they were."""
    conditions = body.object("conditions")
    refs = conditions.object("ref_name") if conditions else None
    return {
        "name": body.text("name") if before is None else body.maybe_text("name") or before.name,
        "target": body.choice("target", _TARGETS, before.target if before else "branch"),
        "enforcement": body.choice("enforcement", _ENFORCEMENTS, before.enforcement if before else None),
        "include": refs.texts("include") or [] if refs else before.include if before else [],
        "exclude": refs.texts("exclude") or [] if refs else before.exclude if before else [],
        "bypass": _bypass(body) if "bypass_actors" in body or before is None else before.bypass,
        "rules": _rules(body) if "rules" in body or before is None else before.rules,
    }


def _bypass(body: Body) -> list[Json]:
    return [
        {
            "actor_id": entry.maybe_number("actor_id"),
            "actor_type": entry.choice("actor_type", _ACTORS),
            "bypass_mode": entry.choice("bypass_mode", ("always", "pull_request"), "always"),
        }
        for entry in body.objects("bypass_actors") or []
    ]


def _rules(body: Body) -> list[Json]:
    return [_rule(entry) for entry in body.objects("rules") or []]


def _rule(entry: Body) -> dict[str, Json]:
    kind, given = entry.text("type"), entry.object("parameters")
    if kind not in KINDS:
        raise InvalidError(f"Invalid rule '{kind[:40]}': ")
    parameters = _parameters(kind, given or Body({}))
    if parameters is None and given:
        parameters = dict(given.values)
    return {"type": kind, **({"parameters": parameters} if parameters else {})}


def _parameters(kind: str, given: Body) -> dict[str, Json] | None:
    """The parameters of a rule that we enforce, whole and typed; None for any other kind."""
    match kind:
        case "pull_request":
            count = given.number("required_approving_review_count")
            if not 0 <= count <= 10:
                raise InvalidError(
                    "Invalid rule 'pull_request': required_approving_review_count must be 0 to 10"
                )
            return {
                "required_approving_review_count": count,
                "dismiss_stale_reviews_on_push": given.flag("dismiss_stale_reviews_on_push"),
                "require_code_owner_review": given.flag("require_code_owner_review"),
                "require_last_push_approval": given.flag("require_last_push_approval"),
                "required_review_thread_resolution": given.flag("required_review_thread_resolution"),
            }
        case "required_status_checks":
            checks: list[Json] = [
                {
                    "context": entry.text("context"),
                    **(
                        {"integration_id": number} if (number := entry.maybe_number("integration_id")) else {}
                    ),
                }
                for entry in given.objects("required_status_checks") or []
            ]
            return {
                "required_status_checks": checks,
                "strict_required_status_checks_policy": given.flag("strict_required_status_checks_policy"),
            }
        case "update":
            allows = given.maybe_flag("update_allows_fetch_and_merge")
            return {"update_allows_fetch_and_merge": bool(allows)}
        case _:
            return None
