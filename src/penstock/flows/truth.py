"""The world's truth about one repository, re-read now, and what of it no longer is as it was."""

from dataclasses import replace

from penstock.core.approval import (
    WRITERS,
    Approval,
    ApprovalScope,
    approvers,
    judge_approvals,
    judge_own_approvals,
    on_terms,
)
from penstock.core.change.events import Merged, NeedsHuman
from penstock.core.change.model import Change, Lane, LegName, MergePreview
from penstock.core.evidence import CommitFacts, RepositoryFacts
from penstock.core.gates import Verification, judge_verification
from penstock.core.policy.rules import Policy, policy_digest
from penstock.core.proposal import merge_digest
from penstock.core.refs import PENSTOCK, Actor, Digest, RepoRef, Sha
from penstock.core.tap import Heads, Rules, Standing
from penstock.core.verdict import Verdict, all_of, passed
from penstock.core.write import Content, Wanted
from penstock.flows.layering import binding_policy, bound_of
from penstock.flows.owners import ownership
from penstock.flows.reviews import Seen, standing_names, with_reviews
from penstock.flows.shaping import branch_name, inverse_tree
from penstock.flows.standing_in import standing_in
from penstock.flows.world import Scene, World, diff_of, judged
from penstock.ports import Permanent


def rules_of(scene: Scene) -> Rules:
    """The policy's part: the patch set judged anew under the pinned policy and under today's.

    Its exact inverse was approved with it, at any risk: a policy that was tightened since must not keep it in.
    """
    if scene.leg is LegName.INVERSE:
        return contentless(scene.world, scene.lane.repo, "the exact inverse of what was approved")
    bound = bound_of(scene.world, scene.change, scene.lane, scene.texts)
    facts, now = diff_of(scene.world, scene.lane), scene.world.clock.now()
    pinned, current = judged(facts, scene.change, bound, now)
    return Rules(
        toggles=scene.world.toggles(scene.lane.repo),
        policy_digest=policy_digest(bound.current),
        pinned_allows=pinned,
        current_allows=all_of("patch set", (*current.children, bound.layer)) if bound.layer else current,
    )


def contentless(world: World, repo: RepoRef, why: str) -> Rules:
    """The policy's part of what brings no content in: the toggles alone decide."""
    allowed = passed("content", why)
    return Rules(
        toggles=world.toggles(repo),
        policy_digest=policy_digest(world.policy),
        pinned_allows=allowed,
        current_allows=allowed,
    )


def standing_of(scene: Scene) -> Standing:
    """The approvals that this lane's content writes need. Taking back asks for those that let it in: one that was
    revoked does not count, one that has only expired since does."""
    assert scene.lane.patch_set is not None, "only lanes that take part are written"  # noqa: S101
    digest, approvals = scene.lane.patch_set.digest, scene.change.approvals
    if scene.leg is LegName.INVERSE:
        quorum, then = scene.change.terms.quorum, scene.change.created_at
        return Standing(digest=digest, approvals=approvals, quorum=quorum, now=then)
    policy = _binding(scene)
    quorum, approvals = quorum_of(scene, policy), on_terms(approvals, policy)
    rights = rights_now(scene, approvals, digest, ApprovalScope.CONTENT)
    people = frozenset(login for login, right in rights.items() if right)
    return Standing(
        digest=digest,
        approvals=approvals,
        quorum=quorum,
        now=scene.world.clock.now(),
        owners=ownership(scene.world, scene.lane).judge(people) if policy.code_owners else None,
        rights=rights,
        stand_in=standing_in(scene, ApprovalScope.CONTENT, digest, people),
        separation=judge_own_approvals(
            digest, ApprovalScope.CONTENT, approvals, people=people, quorum=quorum, policy=policy
        ),
    )


def rights_now(
    scene: Scene, approvals: tuple[Approval, ...], digest: Digest, scope: ApprovalScope
) -> dict[str, bool | None]:
    """Whose approval of this is among these, and whether they may write there now; None where that could not be read."""
    people = approvers(approvals, scope, digest, scene.world.clock.now())
    read = {login: scene.world.reader.permission(scene.lane.repo, login) for login in sorted(people)}
    return {login: None if level is None else level in WRITERS for login, level in read.items()}


def quorum_of(scene: Scene, policy: Policy) -> int:
    """How many people must have approved: what was asked at creation, and what the binding policy asks."""
    return max(scene.change.terms.quorum, policy.required_reviews)


def _binding(scene: Scene) -> Policy:
    return binding_policy(scene.world, scene.change, scene.lane, scene.texts)


def what_moved(scene: Scene, facts: RepositoryFacts | None) -> str:
    """Why the repository can no longer be written as planned: `gone`, `renamed`, `archived`, or empty."""
    if facts is None or facts.node_id != scene.lane.repo.node_id:
        return "gone"
    if facts.full_name.lower() != scene.lane.repo.full_name.lower():
        return "renamed"
    return "archived" if facts.archived else ""


def retargeted(scene: Scene) -> bool:
    """Has somebody pointed the pull request at another base branch."""
    number = scene.lane.leg(scene.leg).pull
    pull = scene.world.reader.pull(scene.lane.repo, number) if number is not None else None
    return pull is not None and pull.base_ref != scene.lane.base_ref


def content_heads(scene: Scene, wanted: Wanted, facts: RepositoryFacts | None) -> Heads:
    """For branches and pull requests. A branch that already holds exactly the wanted commit counts as untouched."""
    lane, reader = scene.lane, scene.world.reader
    base = reader.branch_head(lane.repo, lane.base_ref)
    head = reader.branch_head(lane.repo, branch_name(scene.change, scene.leg))
    expected = lane.leg(scene.leg).head
    if isinstance(wanted, Content) and head and head != expected and _is(scene, head, wanted):
        head = expected
    new_forward_branch = isinstance(wanted, Content) and scene.leg is LegName.FORWARD and lane.patch_set
    return Heads(
        repository_unchanged=not what_moved(scene, facts),
        base_commit=base,
        expected_base=lane.patch_set.base_commit if new_forward_branch and lane.patch_set else base,
        branch_head=head,
        expected_head=expected,
    )


def branch_written(scene: Scene) -> CommitFacts | None:
    """The head of the change's branch, if it holds what was to be written there, whatever the base has become."""
    lane, leg, reader = scene.lane, scene.lane.leg(scene.leg), scene.world.reader
    assert lane.patch_set is not None, "only lanes that take part are written"  # noqa: S101
    head = reader.branch_head(lane.repo, branch_name(scene.change, scene.leg))
    commit = reader.commit(lane.repo, head) if head and head != leg.head else None
    if commit is None or not commit.parents:
        return None
    if scene.leg is LegName.FORWARD:
        fits = commit.tree == lane.patch_set.tree and commit.parents[0] in {
            lane.patch_set.base_commit,
            leg.head,
        }
    else:
        fits = commit.tree == inverse_tree(scene.world, lane, commit.parents[0])
    return commit if fits else None


def _is(scene: Scene, head: Sha, wanted: Content) -> bool:
    commit = scene.world.reader.commit(scene.lane.repo, head)
    return commit is not None and commit.tree == wanted.tree and commit.parents == wanted.parents


def merge_heads(scene: Scene, facts: RepositoryFacts | None) -> Heads:
    lane, reader = scene.lane, scene.world.reader
    preview = lane.leg(scene.leg).preview
    return Heads(
        repository_unchanged=not what_moved(scene, facts),
        base_commit=reader.branch_head(lane.repo, lane.base_ref),
        expected_base=preview.base_commit if preview else None,
        branch_head=reader.branch_head(lane.repo, branch_name(scene.change, scene.leg)),
        expected_head=lane.leg(scene.leg).head,
    )


def verification_of(scene: Scene) -> tuple[Verification, Verdict]:
    """G5's evidence on the exact head, and its verdict."""
    lane, ci = scene.lane, _binding(scene).ci
    required = scene.world.reader.required_checks(lane.repo, lane.base_ref)
    if required is not None:
        required = replace(required, names=required.names | set(ci.required))
    facts = Verification(
        head=scene.head,
        checks=scene.world.reader.checks(lane.repo, scene.head),
        required=required,
        sibling_heads=sibling_heads(scene.change, lane) if scene.leg is LegName.FORWARD else (),
        expected=ci.expected,
        silent=scene.world.only_workflows_report and not _has_workflow(scene),
    )
    return facts, judge_verification(facts)


def _has_workflow(scene: Scene) -> bool:
    """Read at the base: a change brings in no workflow without a person's scope for it, and then its checks are waited for."""
    assert scene.lane.patch_set is not None, "only lanes that take part are verified"  # noqa: S101
    paths = scene.world.repositories.paths(scene.lane.repo, scene.lane.patch_set.base_commit)
    return any(path.startswith(".github/workflows/") for path in paths)


def sibling_heads(change: Change, lane: Lane) -> tuple[tuple[str, Sha], ...]:
    """Where each sibling stands. Merged with the very tree that was tested, it stands where it did."""
    return tuple(
        (other.repo.full_name, _stands_at(other))
        for other in change.shipping
        if other is not lane and other.forward.head
    )


def sibling_moved(scene: Scene) -> bool:
    """Is the pull request of another unmerged repository no longer open at its approved head, read now: merging this
    one would then land half a change."""
    lanes = (o for o in scene.change.to_verify if o is not scene.lane and o.forward.pull)
    return any(_has_moved(scene, lane) for lane in lanes)


def _has_moved(scene: Scene, lane: Lane) -> bool:
    assert lane.forward.pull is not None, "asked only where there is a pull request"  # noqa: S101
    pull = scene.world.reader.pull(lane.repo, lane.forward.pull)
    return pull is None or pull.head != lane.forward.head or not (pull.open or pull.merged)


def is_exact_inverse(scene: Scene) -> bool:
    """Would this merge leave every path that was approved as it was before, and touch no other."""
    preview = scene.lane.inverse.preview
    return preview is not None and inverse_tree(scene.world, scene.lane, preview.base_commit) == preview.tree


def _stands_at(lane: Lane) -> Sha:
    leg = lane.forward
    assert leg.head is not None, "asked only where there is a head"  # noqa: S101
    moved = leg.merged is not None and leg.merged_tree != leg.tree
    return leg.merged if moved and leg.merged else leg.head


def preview_of(scene: Scene) -> MergePreview | None:
    """The merge as it would be now, computed locally; None on a conflict."""
    lane, mirror = scene.lane, scene.world.repositories
    base = scene.world.reader.branch_head(lane.repo, lane.base_ref)
    facts = scene.world.reader.repository(lane.repo)
    if base is None or facts is None:
        raise Permanent("gone", f"{lane.repo.full_name} or its branch {lane.base_ref} is gone")
    mirror.sync(lane.repo, facts.clone_url, (base, scene.head))
    tree = mirror.merge_tree(lane.repo, base, scene.head)
    if tree is None:
        return None
    method = scene.change.terms.merge_method
    digest = merge_digest(
        lane.repo, base_ref=lane.base_ref, base_commit=base, head=scene.head, method=method, tree=tree
    )
    return MergePreview(base_commit=base, tree=tree, digest=digest)


def merge_authority(scene: Scene, reviews: Seen) -> tuple[Verdict, tuple[str, ...]]:
    """Who lets this merge happen: its own approvals, or for an inverse those of the change it undoes. What a review at the
    forge approved counts while that review stands."""
    change, preview = scene.change, scene.lane.leg(scene.leg).preview
    if scene.leg is LegName.INVERSE:
        standing = standing_of(scene)
        verdict = judge_approvals(
            standing.digest,
            ApprovalScope.CONTENT,
            standing.approvals,
            quorum=standing.quorum,
            now=standing.now,
        )
        return verdict, tuple(a.id for a in change.approvals if a.digest == standing.digest)
    assert preview is not None, "a merge is decided on only while verified"  # noqa: S101
    stand = standing_names(reviews)
    given = tuple(a for a in change.approvals if not a.review or a.review in stand)
    policy = _binding(scene)
    quorum = quorum_of(scene, policy)
    approvals = on_terms(given, policy)
    rights = rights_now(scene, approvals, preview.digest, ApprovalScope.MERGE)
    verdict = judge_approvals(
        preview.digest,
        ApprovalScope.MERGE,
        approvals,
        quorum=quorum,
        now=scene.world.clock.now(),
        rights=rights,
    )
    people = frozenset(login for login, right in rights.items() if right)
    stands_in = standing_in(scene, ApprovalScope.MERGE, preview.digest, people)
    own = judge_own_approvals(
        preview.digest,
        ApprovalScope.MERGE,
        approvals,
        people=people,
        quorum=quorum,
        policy=policy,
    )
    verdict = all_of("approved", filter(None, (verdict, own, stands_in)))
    return with_reviews(verdict, reviews), tuple(a.id for a in approvals if a.digest == preview.digest)


def read_back(scene: Scene) -> Merged | NeedsHuman | None:
    """If the pull request is merged: who did it, and is the merged tree the three-way merge on its real parent.
    A merge the other way round, with the base as the second parent, is none: it may have thrown the base's work away.

    Merged into another branch than the approved one, it did not do what was approved, and a person is asked.
    """
    lane, world = scene.lane, scene.world
    number = lane.leg(scene.leg).pull
    pull = world.reader.pull(lane.repo, number) if number is not None else None
    if pull is None or not pull.merged or pull.merge_commit is None:
        return None
    if pull.base_ref != lane.base_ref:
        said = f"{lane.repo.full_name}: {pull.url} was merged into {pull.base_ref}, not into {lane.base_ref}."
        return NeedsHuman(reason="merged_elsewhere", repo=lane.repo.node_id, detail=scene.texts.put(said))
    commit = world.reader.commit(lane.repo, pull.merge_commit)
    facts = world.reader.repository(lane.repo)
    if commit is None or facts is None or not commit.parents:
        raise Permanent("gone", f"{lane.repo.full_name}: the merge commit {pull.merge_commit} cannot be read")
    parent, *others = commit.parents
    world.repositories.sync(lane.repo, facts.clone_url, (commit.sha, parent, pull.head))
    person = pull.merged_by is not None and pull.merged_by != world.own_login
    return Merged(
        repo=lane.repo.node_id,
        leg=scene.leg,
        head=pull.head,
        commit=commit.sha,
        tree=commit.tree,
        base=parent,
        faithful=parent != pull.head
        and others in ([], [pull.head])
        and world.repositories.merge_tree(lane.repo, parent, pull.head) == commit.tree,
        by=Actor(login=pull.merged_by) if person and pull.merged_by else PENSTOCK,
    )
