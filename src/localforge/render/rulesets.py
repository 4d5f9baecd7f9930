"""Rulesets, and their rules as they bind one branch."""

from localforge.json_types import Json
from localforge.render.view import View
from localforge.rulesets import spares
from localforge.store.repos import Repository
from localforge.store.rulesets import Ruleset
from localforge.urls import node_id


def short(view: View, repo: Repository, item: Ruleset) -> dict[str, Json]:
    """`repository-ruleset` in a list."""
    full_name = view.full_name(repo)
    url = f"{view.urls.repo(full_name)}/rulesets/{item.id}"
    return {
        "id": item.id,
        "name": item.name,
        "target": item.target,
        "source_type": "Repository",
        "source": full_name,
        "enforcement": item.enforcement,
        "node_id": node_id("RRS", item.id),
        "_links": {
            "self": {"href": url},
            "html": {"href": view.urls.page(full_name, "rules", item.id)},
        },
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }


def whole(view: View, repo: Repository, item: Ruleset, *, administers: bool) -> dict[str, Json]:
    """`repository-ruleset`; who may bypass it is shown to who may change it."""
    always = spares(view.db, item, repo, view.actor, merging=False)
    merging = spares(view.db, item, repo, view.actor, merging=True)
    return {
        **short(view, repo, item),
        "conditions": {"ref_name": {"include": item.include, "exclude": item.exclude}},
        "rules": item.rules,
        "current_user_can_bypass": "always" if always else "pull_requests_only" if merging else "never",
        **({"bypass_actors": item.bypass} if administers else {}),
    }


def rules(view: View, repo: Repository, item: Ruleset) -> list[Json]:
    """`repository-rule-detailed`: each rule, and where it is from."""
    return [
        {
            **rule,
            "ruleset_source_type": "Repository",
            "ruleset_source": view.full_name(repo),
            "ruleset_id": item.id,
        }
        for rule in item.rules
    ]
