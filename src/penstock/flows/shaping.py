"""What exactly would be written: the `Wanted` of each action, from recorded facts and present objects."""

from datetime import datetime

from penstock.core.approval import ApprovalScope, policy_approval
from penstock.core.change.model import Action, Change, Lane, LegName
from penstock.core.refs import Sha, branch_of, revert_branch_of, rollback_tag_of
from penstock.core.verdict import Verdict, render_markdown
from penstock.core.write import (
    CloseIssue,
    Comment,
    Content,
    Merge,
    OpenPull,
    PlaceTag,
    Rerun,
    Revert,
    Wanted,
    Withdraw,
)
from penstock.flows.words import disarmed, harmless, inline, words
from penstock.flows.world import VERDICT, Scene, World, found, stored
from penstock.ports import Permanent, Texts


def branch_name(change: Change, leg: LegName) -> str:
    return branch_of(change.id) if leg is LegName.FORWARD else revert_branch_of(change.id)


def wanted_for(scene: Scene, action: Action) -> Wanted:
    """The write that this action means now, for one leg of one repository's lane."""
    world, change, lane, leg, texts = scene.world, scene.change, scene.lane, scene.leg, scene.texts
    match action:
        case Action.BRANCH if leg is LegName.FORWARD:
            return _forward_content(world, change, lane, texts)
        case Action.BRANCH:
            return _inverse_content(world, change, lane, texts)
        case Action.PULL_REQUEST:
            return _pull(scene)
        case Action.ROLLBACK_POINT:
            base = _base_now(world, lane)
            return PlaceTag(repo=lane.repo, tag=rollback_tag_of(change.id, base), commit=base)
        case Action.MERGE:
            return _merge(change, lane, leg, texts)
        case Action.RERUN:
            return Rerun(repo=lane.repo, head=_head(lane, leg), since=lane.leg(leg).rerun or change.since)
        case Action.WITHDRAW:
            left = lane.leg(leg)
            return Withdraw(repo=lane.repo, branch=branch_name(change, leg), head=left.head, number=left.pull)
        case Action.COMMENT | Action.CLOSE_ISSUE:
            raise AssertionError(f"{action} belongs to no repository's lane")


def notice_for(change: Change, action: Action, notice: str, texts: Texts) -> Wanted:
    """The templated comment on the change's issue, or its closing."""
    assert change.issue is not None, "notices go to an issue"  # noqa: S101
    if action is Action.CLOSE_ISSUE:
        return CloseIssue(repo=change.issue.repo, number=change.issue.number)
    name = notice.split(".", 1)[0]
    return Comment(
        repo=change.issue.repo,
        number=change.issue.number,
        body=words(f"comment-{name}", change=change, detail=detail_lines(change, texts)),
        marker=f"penstock:{change.id}:{notice}",
    )


def detail_lines(change: Change, texts: Texts) -> str:
    """The recorded detail of where a change stands: a verdict tree as a list, or plain words."""
    text = texts.get(change.detail) if change.detail else None
    if text is None:
        return ""
    verdict = as_verdict(text)
    return disarmed(render_markdown(verdict)) if verdict else inline(text, 1500)


def as_verdict(text: str) -> Verdict | None:
    """A stored detail, if it is a verdict; else None."""
    try:
        return VERDICT.validate_json(text)
    except ValueError:
        return None


def _head(lane: Lane, leg: LegName) -> Sha:
    head = lane.leg(leg).head
    assert head is not None, "its branch was written before"  # noqa: S101
    return head


def _base_now(world: World, lane: Lane) -> Sha:
    base = world.reader.branch_head(lane.repo, lane.base_ref)
    if base is None:
        raise Permanent("gone", f"{lane.repo.full_name} has no branch {lane.base_ref} any more")
    return base


def _forward_content(world: World, change: Change, lane: Lane, texts: Texts) -> Content:
    patch_set = lane.patch_set
    assert patch_set is not None, "only lanes that take part are written"  # noqa: S101
    parents = _parents(world, lane, patch_set.base_commit)
    base_tree = world.repositories.tree_of(lane.repo, parents[-1])
    return Content(
        repo=lane.repo,
        branch=branch_of(change.id),
        expected_head=lane.forward.head,
        parents=parents,
        base_tree=base_tree,
        tree=patch_set.tree,
        edits=world.repositories.edits(lane.repo, base_tree, patch_set.tree),
        message=words("commit", change=change, title=_title(change, LegName.FORWARD, texts)),
        at=_approved_at(change, lane),
    )


def _approved_at(change: Change, lane: Lane) -> datetime:
    """When the last approval of this patch set was given: the same in every attempt to write its commit."""
    assert lane.patch_set is not None, "only lanes that take part are written"  # noqa: S101
    return max((a.at for a in change.approvals if a.digest == lane.patch_set.digest), default=change.since)


def _parents(world: World, lane: Lane, base: Sha) -> tuple[Sha, ...]:
    """What comes later follows the branch's head; where it was made on a newer base, that becomes a second parent, so that
    the branch is up to date without ever being moved back."""
    facts = found(world, lane.repo)
    head = lane.forward.head
    wanted = (base,) if head is None else (head,)
    world.repositories.sync(lane.repo, facts.clone_url, (base, *wanted))
    if head is None or _is_ancestor(world, lane, base):
        return wanted
    return (head, base)


def _is_ancestor(world: World, lane: Lane, base: Sha) -> bool:
    commit = world.reader.commit(lane.repo, lane.forward.head) if lane.forward.head else None
    return commit is not None and base in commit.parents


def _inverse_content(world: World, change: Change, lane: Lane, texts: Texts) -> Revert:
    base = _base_now(world, lane)
    tree = inverse_tree(world, lane, base)
    if tree is None:
        raise Permanent(
            "changed_since",
            f"{lane.repo.full_name}: paths of this change were changed again since, so its exact inverse no longer applies",
        )
    base_tree = world.repositories.tree_of(lane.repo, base)
    return Revert(
        repo=lane.repo,
        branch=revert_branch_of(change.id),
        expected_head=lane.inverse.head,
        parents=(base,),
        base_tree=base_tree,
        tree=tree,
        edits=world.repositories.edits(lane.repo, base_tree, tree),
        message=words("commit", change=change, title=_title(change, LegName.INVERSE, texts)),
        at=_approved_at(change, lane),
    )


def inverse_tree(world: World, lane: Lane, onto: Sha) -> Sha | None:
    """The tree of a commit with this lane's patch set undone; None where its paths were changed again since."""
    patch_set = lane.patch_set
    assert patch_set is not None, "only lanes that took part are reverted"  # noqa: S101
    url = found(world, lane.repo).clone_url
    world.repositories.sync(lane.repo, url, (onto, patch_set.base_commit))
    return world.repositories.inverse_tree(lane.repo, onto, patch_set.base_commit, patch_set.tree)


def _title(change: Change, leg: LegName, texts: Texts) -> str:
    """Of a commit, a pull request, a merge: the change's title, which a stranger may have written."""
    title = harmless(stored(change.title, texts, "the title"))
    return title if leg is LegName.FORWARD else f"Revert: {title}"


def _pull(scene: Scene) -> OpenPull:
    """A draft while in quarantine (G-11)."""
    change, lane, leg = scene.change, scene.lane, scene.leg
    return OpenPull(
        repo=lane.repo,
        branch=branch_name(change, leg),
        base_ref=lane.base_ref,
        expected_head=scene.head,
        title=_title(change, leg, scene.texts),
        body=_pull_body(change, lane, leg, scene.texts),
        labels=(f"risk:{change.tier or 'unknown'}", *_verified(scene)),
        draft=scene.world.toggles(lane.repo).quarantine,
    )


def _verified(scene: Scene) -> tuple[str, ...]:
    """The label that says that policy approved it, and no person."""
    patch_set, forward = scene.lane.patch_set, scene.leg is LegName.FORWARD
    given = patch_set and policy_approval(
        scene.change.approvals, ApprovalScope.CONTENT, patch_set.digest, scene.world.clock.now()
    )
    return ("autonomous-verified",) if given and forward else ()


def _pull_body(change: Change, lane: Lane, leg: LegName, texts: Texts) -> str:
    judgement = (
        VERDICT.validate_json(stored(change.judgement, texts, "the gates' verdict"))
        if change.judgement
        else None
    )
    mine = [part for part in judgement.children if part.rule == lane.repo.full_name] if judgement else []
    plan = next((a.text for a in change.artifacts if a.name == "plan"), None)
    return words(
        "pull-request",
        change=change,
        lane=lane,
        revert=leg is LegName.INVERSE,
        title=stored(change.title, texts, "the title"),
        plan=stored(plan, texts, "the plan") if plan else "",
        gates="\n".join(disarmed(render_markdown(part)) for part in mine),
        risk=(stored(change.risk, texts, "the risk") if change.risk else "").splitlines(),
        approvals=[a for a in change.approvals if lane.patch_set and a.digest == lane.patch_set.digest],
    )


def _merge(change: Change, lane: Lane, leg: LegName, texts: Texts) -> Merge:
    pull = lane.leg(leg).pull
    assert pull is not None, "its pull request was opened before"  # noqa: S101
    return Merge(
        repo=lane.repo,
        number=pull,
        base_ref=lane.base_ref,
        expected_head=_head(lane, leg),
        method=change.terms.merge_method,
        title=f"{_title(change, leg, texts)} (#{pull})",
        message=words("commit", change=change, title="").strip(),
    )
