"""What mutations share: their input, the nodes it names, and whether the viewer may."""

from typing import TypeVar

from localforge.access import ARCHIVED, Role, refusal
from localforge.body import Body
from localforge.errors import ForbiddenError
from localforge.graph.fields import Ask, QueryError
from localforge.graph.nodes import type_of
from localforge.graph.query import present
from localforge.operations import parse_need
from localforge.store.repos import Repository

T = TypeVar("T")


def read(ask: Ask) -> Body:
    """The mutation's `input`."""
    return ask.args.object("input") or Body({})


def named(ask: Ask, kind: type[T], node_id: str) -> T:
    """The node of the wanted kind with this id; NOT_FOUND otherwise."""
    node = present(ask, node_id)
    if not isinstance(node, kind):
        raise QueryError(
            f"Could not resolve to a node of the wanted type: '{node_id[:80]}' is a {type_of(node)}.",
            "NOT_FOUND",
        )
    return node


def permit(ask: Ask, repo: Repository, needs: str, role: Role | None = None, *, content: bool = False) -> int:
    """The viewer's id, once they are known to be allowed this on the repository; a refusal otherwise.

    `content` counts on the limit of what may be created per minute and hour.
    """
    account = ask.view.actor.account
    error = refusal(ask.db, ask.view.actor, repo, parse_need(needs, role))
    if error:
        raise error
    if repo.archived:
        raise ForbiddenError(ARCHIVED)
    if content:
        ask.call.forge.limiter.create_content(ask.call.limit_key)
    return account.id


def payload(given: Body, **fields: object) -> dict[str, object]:
    """A mutation's answer, with the caller's `clientMutationId` in it."""
    return {"clientMutationId": given.values.get("clientMutationId"), **fields}
