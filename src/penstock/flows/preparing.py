"""Triage, planning, proposing and judging: everything before anybody is asked to approve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock.core.change.effects import Propose
from penstock.core.change.events import (
    ArtifactsReady,
    Event,
    GatesEvaluated,
    NeedsHuman,
    OwnersNeeded,
    PatchSetsProposed,
    Triage,
    TriageDecided,
)
from penstock.core.change.model import (
    AgentRun,
    Artifact,
    Change,
    Lane,
    Origin,
    PlannedRepo,
    Role,
    ViolationFact,
)
from penstock.core.evidence import DiffFacts, IssueFacts, RepositoryFacts
from penstock.core.fleet.graph import Cycle, providers, waves
from penstock.core.fleet.manifest import PROJECT_FILE, Manifest, read_manifest
from penstock.core.gates import (
    ARTIFACTS,
    Design,
    ForgeIntake,
    Intake,
    judge_design,
    judge_forge_intake,
    judge_intake,
)
from penstock.core.policy.patches import Scope
from penstock.core.policy.rules import stricter
from penstock.core.proposal import Brief, ProposalRefused, RecipeCard
from penstock.core.refs import Digest, NodeId, RepoRef
from penstock.core.risk import assess
from penstock.core.routing.admission import Admission
from penstock.core.routing.agents import Output
from penstock.core.routing.router import Ignored as Unrouted
from penstock.core.routing.router import Undecided
from penstock.core.verdict import Outcome, Verdict, all_of, blocked, passed, refusing, unknown
from penstock.flows.carrying import Judged, carried_patch_sets
from penstock.flows.intake import issue_signal
from penstock.flows.layering import bound_of
from penstock.flows.owners import Ownership, ownership
from penstock.flows.sensing import still
from penstock.flows.words import words
from penstock.flows.world import (
    World,
    diff_of,
    found,
    judged_whole,
    lane_of,
    patch_set_of,
    stored,
    verdict_text,
)
from penstock.ports import Permanent, Texts

FIRST_HOLD, LONGEST_HOLD = timedelta(hours=1), timedelta(days=1)


def triage(world: World, change: Change, texts: Texts) -> Event:
    """G0. A person's own request has been judged by that person; an issue is judged by what it says of itself."""
    if change.recipe:
        verdict = all_of("G0", (passed("requested", f"{change.requester} asked for recipe {change.recipe}"),))
        return TriageDecided(
            decision=Triage.GO, recipe=change.recipe, verdict=texts.put(verdict_text(verdict))
        )
    if change.origin:
        return _triage_told(world, change, change.origin, texts)
    assert change.issue is not None, "a change without a recipe comes from an issue or the forge"  # noqa: S101
    issue = world.reader.issue(change.issue.repo, change.issue.number)
    if issue is None:
        return NeedsHuman(reason="gone", repo=None, detail=texts.put("The issue cannot be read any more."))
    routed = _routed(world, change.issue.repo, issue)
    recipes = routed.recipes
    cards = [card for name in recipes if (card := world.recipes.card(name))]
    claimed = issue.open and bool(issue.labels & set(world.policy.auto_claim_labels))
    verdict = judge_intake(
        Intake(
            labelled_for_us=claimed and not issue.labels & set(world.policy.ignore_labels),
            association=issue.author_association,
            recipes=recipes,
            complexity=max((card.complexity for card in cards), default=0),
            routing=routed.verdict,
            same=_same(world, change, change.issue.repo, recipes),
        ),
        world.policy,
    )
    return _triaged(world, change, routed, verdict, texts)


def _same(world: World, change: Change, repo: RepoRef, recipes: tuple[str, ...]) -> str:
    """The oldest open change that would propose what this one would; empty where there is none."""
    others = (o for o in world.unended(repo.node_id) if o.ending is None and o.issue != change.issue)
    older = (o for o in others if (o.created_at, o.id) < (change.created_at, change.id))
    return next((other.id for other in older if other.recipe and other.recipe in recipes), "")


def _triaged(
    world: World, change: Change, routed: "_Routed", verdict: Verdict, texts: Texts
) -> TriageDecided:
    declined = Triage.DEFER if routed.held else Triage.NO_GO
    decision = Triage.GO if verdict.allows else declined
    return TriageDecided(
        decision=decision,
        recipe=routed.recipes[0] if routed.recipes else "",
        verdict=texts.put(verdict_text(verdict)),
        wake_at=_wake_at(world, change) if decision is Triage.DEFER else None,
        agent=routed.agent,
    )


def _triage_told(world: World, change: Change, origin: Origin, texts: Texts) -> TriageDecided:
    """G0 of what the forge itself tells: by the rules alone, as long as it is so."""
    signal = still(world.signals, origin, found(world, origin.repo))
    if signal is None:
        routed = _Routed(recipes=(), verdict=blocked("routing", "nobody is asked about what is over"))
    elif not world.hub.decides:
        routed = _Routed(recipes=(), verdict=blocked("routing", "there are no rules any more"))
    else:
        routed = _by_rules(world.hub.admit(signal))
    cards = [card for name in routed.recipes if (card := world.recipes.card(name))]
    verdict = judge_forge_intake(
        ForgeIntake(
            still=signal is not None,
            what=stored(change.title, texts, "the title"),
            routing=routed.verdict or unknown("routing", "nobody said"),
            recipes=routed.recipes,
            complexity=max((card.complexity for card in cards), default=0),
        ),
        world.policy,
    )
    return _triaged(world, change, routed, verdict, texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Routed:
    """Who works on an issue, with which recipes. `held`: a guard holds it, or nobody could say."""

    recipes: tuple[str, ...]
    agent: str = ""
    verdict: Verdict | None = None
    held: bool = False


def _routed(world: World, repo: RepoRef, issue: IssueFacts) -> _Routed:
    """By the routing rules, where there are some; else by the recipes' own `match`."""
    if not world.hub.decides:
        return _Routed(recipes=world.recipes.matching(issue.labels, issue.title))
    return _by_rules(world.hub.admit(issue_signal(repo, issue)))


def _by_rules(answer: Admission | Unrouted | Undecided) -> _Routed:
    match answer:
        case Admission():
            specialists = [agent for agent in answer.agents if agent.recipe]
            return _Routed(
                recipes=tuple(dict.fromkeys(agent.recipe for agent in specialists)),
                agent=specialists[0].name if specialists else "",
                verdict=answer.verdict,
                held=bool(answer.holder),
            )
        case Undecided(reason=reason):
            return _Routed(recipes=(), verdict=unknown("routing", reason), held=True)
        case Unrouted(reason=reason):
            return _Routed(recipes=(), verdict=blocked("routing", reason))


def _wake_at(world: World, change: Change) -> datetime:
    """When what is held is looked at again: each time later, since each time is told on its issue, where there is one."""
    doubled: int = 1 << min(change.generation, 10)
    return world.clock.now() + min(FIRST_HOLD * doubled, LONGEST_HOLD)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A repository as planning sees it."""

    repo: RepoRef
    base_ref: str
    takes_part: bool
    manifest: Manifest


def plan(world: World, change: Change, texts: Texts) -> Event:
    """G1. Which repositories take part, in which order, on which paths; written down before any code is."""
    card = world.recipes.card(change.recipe)
    if card is None:
        return NeedsHuman(
            reason="unknown_recipe", repo=None, detail=texts.put(f"There is no recipe {change.recipe}.")
        )
    seen = tuple(_look(world, card, repo, facts) for repo, facts in _candidates(world, change))
    needs = providers({f.repo.node_id: f.manifest for f in seen})
    chosen = tuple(f for f in seen if f.takes_part)
    ids = {f.repo.node_id for f in chosen}
    order = waves({node: frozenset(needs[node] & ids) for node in ids})
    questions = _questions(order, chosen)
    repos = () if isinstance(order, Cycle) else _planned(order, chosen, change)
    unread = bool(change.targets) or any(f.manifest.problem for f in seen)
    outside = [f for f in seen if f.repo.node_id not in ids and needs[f.repo.node_id] & ids]
    dependents = None if unread else len(outside)
    artifacts = _artifacts(change, card, repos, dependents, texts)
    verdict = judge_design(
        Design(
            artifacts=tuple(a.name for a in artifacts),
            repositories=len(repos),
            scope=Scope(allowed=card.allowed_paths),
            open_questions=questions,
        )
    )
    return ArtifactsReady(
        artifacts=artifacts,
        repos=repos,
        scope=card.allowed_paths,
        dependents=dependents,
        outcome=verdict.outcome,
        verdict=texts.put(verdict_text(verdict)),
    )


def _candidates(world: World, change: Change) -> list[tuple[RepoRef, RepositoryFacts]]:
    if change.targets:
        return [(repo, found(world, repo)) for repo in change.targets]
    return [(repo, facts) for repo, facts in world.fleet.repositories(world.reader) if not facts.archived]


def _look(world: World, card: RecipeCard, repo: RepoRef, facts: RepositoryFacts) -> _Found:
    base = world.reader.branch_head(repo, facts.default_branch)
    if base is None:
        return _Found(repo=repo, base_ref=facts.default_branch, takes_part=False, manifest=Manifest())
    mirror = world.repositories
    mirror.sync(repo, facts.clone_url, (base,))

    def read(paths: Sequence[str]) -> Mapping[str, bytes]:
        return mirror.files(repo, base, tuple(paths))

    takes_part = world.recipes.takes_part(card.name, repo.full_name, mirror.paths(repo, base), read)
    manifest = read_manifest(mirror.files(repo, base, (PROJECT_FILE,)).get(PROJECT_FILE))
    return _Found(repo=repo, base_ref=facts.default_branch, takes_part=takes_part, manifest=manifest)


def _questions(order: tuple[tuple[NodeId, ...], ...] | Cycle, chosen: tuple[_Found, ...]) -> tuple[str, ...]:
    names = {f.repo.node_id: f.repo.full_name for f in chosen}
    unreadable = tuple(f"{f.repo.full_name}: {f.manifest.problem}" for f in chosen if f.manifest.problem)
    if isinstance(order, Cycle):
        circle = " → ".join(names.get(node, node) for node in order.members)
        return (
            *unreadable,
            f"these repositories need each other in a circle, so no merge order is right: {circle}",
        )
    return unreadable


def _planned(
    order: tuple[tuple[NodeId, ...], ...], chosen: tuple[_Found, ...], change: Change
) -> tuple[PlannedRepo, ...]:
    by_id = {f.repo.node_id: f for f in chosen}
    primary = change.issue.repo.node_id if change.issue else None
    first = next((node for wave in order for node in wave), None)
    primary = primary if primary in by_id else first
    return tuple(
        PlannedRepo(
            repo=by_id[node].repo,
            role=Role.PRIMARY if node == primary else Role.SECONDARY,
            base_ref=by_id[node].base_ref,
            wave=number,
        )
        for number, wave in enumerate(order, start=1)
        for node in sorted(wave, key=lambda node: by_id[node].repo.full_name)
    )


def _artifacts(
    change: Change, card: RecipeCard, repos: tuple[PlannedRepo, ...], dependents: int | None, texts: Texts
) -> tuple[Artifact, ...]:
    values = {
        "change": change,
        "title": stored(change.title, texts, "the title"),
        "card": card,
        "repos": repos,
        "dependents": dependents,
    }
    return tuple(
        Artifact(name=name, text=texts.put(words(f"artifact-{name}", **values))) for name in ARTIFACTS
    )


def propose(world: World, change: Change, effect: Propose, texts: Texts) -> Event:
    """Have the agent write a tree at the base branch's present commit; what it becomes is read from git."""
    lane = lane_of(change, effect.repo)
    facts = found(world, lane.repo)
    base = world.reader.branch_head(lane.repo, lane.base_ref)
    if base is None:
        raise Permanent("gone", f"{lane.repo.full_name} has no branch {lane.base_ref} any more")
    world.repositories.sync(lane.repo, facts.clone_url, (base,))
    feedback = stored(change.feedback, texts, "the reviewer's words") if change.feedback else ""
    answer = world.proposer.propose(Brief(recipe=change.recipe, repo=lane.repo, base=base, feedback=feedback))
    if isinstance(answer, ProposalRefused):
        detail = texts.put(f"{lane.repo.full_name}: {answer.detail}")
        return NeedsHuman(reason=f"proposal_{answer.code}", repo=effect.repo, detail=detail)
    permitted = world.hub.permits(change.agent, Output.PROPOSAL)
    if not permitted.allows:
        return NeedsHuman(reason="not_permitted", repo=effect.repo, detail=texts.put(verdict_text(permitted)))
    run = AgentRun(
        agent=change.agent or change.recipe,
        backend=answer.backend,
        context=Digest(answer.context),
        duration_ms=answer.duration_ms,
        repeats=answer.repeats,
    )
    patch_set = patch_set_of(world, lane, base, answer.tree, texts)
    return PatchSetsProposed(repo=effect.repo, patch_set=patch_set, run=run)


def evaluate_gates(world: World, change: Change, texts: Texts) -> Event:
    """G2, G3 and risk of every patch set, under the pinned policy and under today's."""
    lanes = tuple((lane, diff_of(world, lane)) for lane in change.shipping)
    bounds = {lane.repo.node_id: bound_of(world, change, lane, texts) for lane, _ in lanes}
    binding = {node: stricter(bound.pinned, bound.current) for node, bound in bounds.items()}
    owners = {
        lane.repo.node_id: ownership(world, lane)
        for lane, _ in lanes
        if binding[lane.repo.node_id].code_owners
    }
    asked = {node: found.unapproved for node, found in owners.items()}
    verdict = judged_whole(world, change, lanes, bounds, asked)
    risk = assess(
        tuple(diff for _, diff in lanes),
        dependents=change.dependents,
        policy=world.policy,
        history=world.steering.of_its_kind(change),
    )
    lines = "\n".join(f"{item.points:+d}: {item.reason}" for item in risk.items)
    return GatesEvaluated(
        digests=tuple(lane.patch_set.digest for lane, _ in lanes if lane.patch_set),
        outcome=verdict.outcome,
        violations=_violations(verdict, lanes),
        tier=risk.tier,
        score=risk.score,
        verdict=texts.put(verdict_text(verdict)),
        risk=texts.put(lines),
        owners=tuple(
            _needed(lane, owners[lane.repo.node_id]) for lane, _ in lanes if lane.repo.node_id in owners
        ),
        carried=carried_patch_sets(world, change, Judged(verdict=verdict, tier=risk.tier), texts),
        quorum=max(policy.required_reviews for policy in binding.values()),
    )


def _needed(lane: Lane, found: Ownership) -> OwnersNeeded:
    assert lane.patch_set is not None, "only lanes that take part are judged"  # noqa: S101
    groups = tuple(tuple(sorted(group.people or ())) for group in found.groups)
    return OwnersNeeded(digest=lane.patch_set.digest, groups=groups)


def _violations(verdict: Verdict, lanes: tuple[tuple[Lane, DiffFacts], ...]) -> tuple[ViolationFact, ...]:
    nodes = {lane.repo.full_name: lane.repo.node_id for lane, _ in lanes}
    return tuple(
        ViolationFact(repo=nodes[part.rule], rule=leaf.rule, severity=leaf.outcome)
        for part in verdict.children
        for leaf in (*refusing(part), *_warnings(part))
    )


def _warnings(verdict: Verdict) -> tuple[Verdict, ...]:
    if not verdict.children:
        return (verdict,) if verdict.outcome is Outcome.WARN else ()
    return tuple(leaf for child in verdict.children for leaf in _warnings(child))
