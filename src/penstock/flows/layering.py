"""A repository's own layer of policy: read at the base of its patch set, never from the patch set itself."""

from penstock.core.change.model import Change, Lane
from penstock.core.policy.layers import Bound, Layer, Layered, bound, read_layer
from penstock.core.policy.rules import Policy, stricter
from penstock.core.refs import RepoRef, Sha
from penstock.core.routing.loading import Refused
from penstock.flows.world import World, pinned_policy
from penstock.ports import Repositories, Texts

POLICY_FILE = ".infinity/policy.yml"
_FOLDER = ".infinity"
_MISTAKEN = {
    ".infinity/policy.yml": f"the file is called {POLICY_FILE}",
    ".infinity/policy.yaml": f"the file is called {POLICY_FILE}",
    ".infinity": f"{_FOLDER} is no folder",
}
"""By names in any case: what was meant as the layer, and is none."""


def layer_at(repositories: Repositories, repo: RepoRef, commit: Sha) -> Layer | Refused | None:
    """The layer of a commit; None where there is none. What is there and cannot be read is refused."""
    there = frozenset(repositories.paths(repo, commit))
    content = (
        repositories.files(repo, commit, (POLICY_FILE,)).get(POLICY_FILE) if POLICY_FILE in there else None
    )
    return layer_of(repo.full_name, there, content)


def layer_of(repository: str, paths: frozenset[str], content: bytes | None) -> Layer | Refused | None:
    """The layer of a tree with these paths; `content`: the file's, None where it is no ordinary file of at most 1 MiB."""
    near = (path for path in paths if path[: len(_FOLDER)].lower() == _FOLDER and path != POLICY_FILE)
    wrong = sorted((path, why) for path in near if (why := _MISTAKEN.get(path.lower())))
    if wrong:
        return Refused(problems=tuple(f"{repository}/{path}:1:1: {why}" for path, why in wrong))
    if POLICY_FILE not in paths:
        return None
    source = f"{repository}/{POLICY_FILE}"
    if content is None:
        return Refused(problems=(f"{source}:1:1: no ordinary file of at most 1 MiB",))
    return read_layer(source, content)


def bound_of(world: World, change: Change, lane: Lane, texts: Texts) -> Bound:
    """What binds a lane: the policy pinned at creation with the layer of the patch set's base, and today's with that of the
    base that it would be merged into, as far as that is known."""
    return _bound(world, lane, pinned_policy(change, texts), world.today)


def bound_alike(world: World, lane: Lane, policy: Layered) -> Bound:
    """As if this had been the policy all the time."""
    return _bound(world, lane, policy.policy, policy)


def _bound(world: World, lane: Lane, pinned: Policy, today: Layered) -> Bound:
    assert lane.patch_set is not None, "only lanes that take part are judged"  # noqa: S101
    base, preview = lane.patch_set.base_commit, lane.forward.preview
    then = layer_at(world.repositories, lane.repo, base)
    onto = preview.base_commit if preview else base
    now = then if onto == base else layer_at(world.repositories, lane.repo, onto)
    return bound(pinned, today, then, now)


def binding_policy(world: World, change: Change, lane: Lane, texts: Texts) -> Policy:
    """Of the policy pinned at creation and today's, both with the repository's layer, the tighter demands (invariant 10)."""
    found = bound_of(world, change, lane, texts)
    return stricter(found.pinned, found.current)
