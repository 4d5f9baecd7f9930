"""Looking at pull requests and their checks. Nothing new is no event."""

from penstock.core.change.effects import Observe
from penstock.core.change.events import (
    ChecksStale,
    CiFailed,
    CiObserved,
    CiPassed,
    CiTimedOut,
    Event,
    HeadMoved,
    MergeRefused,
    NeedsHuman,
    PullClosed,
)
from penstock.core.change.model import Change, CheckResult, LegName, Sibling
from penstock.core.evidence import PullFacts
from penstock.core.gates import Verification
from penstock.core.verdict import Outcome, Verdict, failures, first_reason, render_text
from penstock.flows.carrying import carried_merge
from penstock.flows.reviews import NOBODY, news, objection, seen
from penstock.flows.shaping import branch_name
from penstock.flows.truth import preview_of, read_back, verification_of
from penstock.flows.world import Scene, World, lane_of, verdict_text
from penstock.ports import Permanent, Texts


def observe(world: World, change: Change, effect: Observe, texts: Texts) -> Event | None:
    """What is new about one pull request: merged, closed, moved, or its checks; None if nothing is."""
    scene = Scene(world=world, change=change, lane=lane_of(change, effect.repo), leg=effect.leg, texts=texts)
    number = scene.lane.leg(effect.leg).pull
    pull = world.reader.pull(scene.lane.repo, number) if number is not None else None
    if pull is None:
        raise Permanent("gone", f"{scene.lane.repo.full_name}: its pull request cannot be read any more")
    return _moved(scene, pull) or _checks(scene)


def _moved(scene: Scene, pull: PullFacts) -> Event | None:
    repo, leg = scene.lane.repo.node_id, scene.leg
    if pull.merged:
        return read_back(scene)
    if pull.base_ref != scene.lane.base_ref:
        said = f"{scene.lane.repo.full_name}: {pull.url} now goes to {pull.base_ref}, not to {scene.lane.base_ref}."
        return NeedsHuman(reason="retargeted", repo=repo, detail=scene.texts.put(said))
    if not pull.open:
        return PullClosed(repo=repo, leg=leg)
    if pull.head == scene.head or _lags(scene, pull):
        return None
    return HeadMoved(repo=repo, leg=leg, head=pull.head)


def _lags(scene: Scene, pull: PullFacts) -> bool:
    """A forge takes a moment to tell a pull request what was just written to its branch."""
    reader, repo = scene.world.reader, scene.lane.repo
    ours = reader.commit(repo, scene.head)
    before = ours is not None and pull.head in ours.parents[:1]
    return before and reader.branch_head(repo, branch_name(scene.change, scene.leg)) == scene.head


def _checks(scene: Scene) -> Event | None:
    facts, verdict = verification_of(scene)
    leg = scene.lane.leg(scene.leg)
    if not leg.observed and (facts.checks or verdict.allows):
        return CiObserved(repo=scene.lane.repo.node_id, leg=scene.leg, head=scene.head)
    match verdict.outcome:
        case Outcome.PASS | Outcome.WARN:
            return _passed(scene, facts, verdict)
        case Outcome.BLOCK:
            return _failed(scene, facts, verdict)
        case Outcome.UNKNOWN:
            raise Permanent("rules_unreadable", first_reason(verdict))
        case Outcome.PENDING:
            return _pending(scene, verdict)


def _passed(scene: Scene, facts: Verification, verdict: Verdict) -> Event | None:
    preview, repo = preview_of(scene), scene.lane.repo.node_id
    reviews = seen(scene, facts.required) if scene.leg is LegName.FORWARD else NOBODY
    objected = objection(scene, reviews)
    if objected:
        return objected
    if preview is None:
        detail = scene.texts.put(
            f"{scene.lane.repo.full_name}: the branch conflicts with {scene.lane.base_ref}."
        )
        return MergeRefused(repo=repo, leg=scene.leg, reason="conflict", detail=detail)
    if preview == scene.lane.leg(scene.leg).preview:
        return news(scene, reviews, preview)
    return CiPassed(
        repo=repo,
        leg=scene.leg,
        head=scene.head,
        checks=_results(facts),
        siblings=tuple(
            Sibling(repo=name, commit=sha)
            for name, sha in sorted({s for c in facts.checks for s in c.siblings})
        ),
        preview=preview,
        verdict=scene.texts.put(verdict_text(verdict)),
        carried=carried_merge(scene, preview) if scene.leg is LegName.FORWARD else None,
        lacking=reviews.lacking,
    )


def _failed(scene: Scene, facts: Verification, verdict: Verdict) -> Event:
    diagnosis = scene.texts.put(render_text(verdict))
    return CiFailed(
        repo=scene.lane.repo.node_id,
        leg=scene.leg,
        head=scene.head,
        checks=_results(facts),
        diagnosis=diagnosis,
    )


def _results(facts: Verification) -> tuple[CheckResult, ...]:
    return tuple(
        sorted(
            (CheckResult(name=c.name, conclusion=c.conclusion) for c in facts.checks), key=lambda c: c.name
        )
    )


def _pending(scene: Scene, verdict: Verdict) -> Event | None:
    repo, ci = scene.lane.repo.node_id, scene.world.policy.ci
    if [leaf.rule for leaf in failures(verdict)] == ["siblings"]:
        return ChecksStale(repo=repo, leg=scene.leg, head=scene.head)
    waited = (scene.world.clock.now() - scene.change.since).total_seconds()
    limit = ci.timeout_seconds if scene.lane.leg(scene.leg).observed else ci.start_timeout_seconds
    if waited < limit:
        return None
    why = f"{scene.lane.repo.full_name}: {first_reason(verdict)} after {int(waited)} s. "
    hint = "A pull request made with an Actions token starts no checks, and a first-time contributor's run waits for approval."
    return CiTimedOut(repo=repo, leg=scene.leg, head=scene.head, detail=scene.texts.put(why + hint))
