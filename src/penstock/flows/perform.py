"""Effect → port call → Event. The one place where any failure becomes a fact instead of ending the process."""

import traceback
from datetime import timedelta

from penstock.core.change.effects import (
    AskPolicy,
    Decide,
    Effect,
    EvaluateGates,
    Observe,
    Plan,
    Propose,
    TriageSignal,
    Watch,
    Write,
)
from penstock.core.change.events import EffectFailed, Event, NeedsHuman
from penstock.core.change.model import Change
from penstock.flows.approving import ask_policy
from penstock.flows.observing import observe
from penstock.flows.preparing import evaluate_gates, plan, propose, triage
from penstock.flows.watching import watch
from penstock.flows.world import World
from penstock.flows.writing import decide, write
from penstock.ports import Permanent, StopFlag, Texts, Transient

NOT_YET = frozenset({"still_running", "not_computed"})
"""Nothing failed: the forge is not as far yet, so it is looked at again like any observation."""
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 2.0, 300.0
LONGEST_WAIT_SECONDS = 3600.0
"""Whatever the other side says, it is asked again by then."""


def perform(world: World, effect: Effect, change: Change, texts: Texts, stop: StopFlag) -> Event | None:
    """One effect's event; None where an observation found nothing new. Raises port errors."""
    match effect:
        case TriageSignal():
            return triage(world, change, texts)
        case Plan():
            return plan(world, change, texts)
        case Propose():
            return propose(world, change, effect, texts)
        case EvaluateGates():
            return evaluate_gates(world, change, texts)
        case AskPolicy():
            return ask_policy(world, change, effect, texts)
        case Decide():
            return decide(world, change, effect, texts)
        case Write():
            return write(world, change, effect, texts, stop)
        case Observe():
            return observe(world, change, effect, texts)
        case Watch():
            return watch(world, change, effect, texts)


def perform_safely(
    world: World, effect: Effect, change: Change, texts: Texts, stop: StopFlag
) -> Event | None:
    """`perform`, with failures as events: transient ones are due again, others ask a person.

    Raises only Transient `stopped`: the effect is not wanted any more, and left nothing behind.
    """
    try:
        return perform(world, effect, change, texts, stop)
    except Transient as error:
        if error.code == "stopped":
            raise
        if error.code in NOT_YET:
            return None
        return _failed(world, effect, change, error, texts)
    except Permanent as error:
        return NeedsHuman(reason=error.code, repo=effect.repo, detail=texts.put(str(error)))
    except Exception:
        # A bug stops this change and says where; it must not stop the others.
        return NeedsHuman(reason="bug", repo=effect.repo, detail=texts.put(traceback.format_exc(limit=-6)))


def _failed(world: World, effect: Effect, change: Change, error: Transient, texts: Texts) -> Event:
    lane = change.lane(effect.repo) if effect.repo else None
    failures = (lane.trouble if lane else change.trouble).failures
    wait = seconds_until_retry(error, failures)
    return EffectFailed(
        effect=effect.key,
        repo=effect.repo,
        reason=error.code,
        due_at=world.clock.now() + timedelta(seconds=wait),
        detail=texts.put(str(error)),
        notice=effect.notice if isinstance(effect, Decide | Write) else "",
    )


def seconds_until_retry(error: Transient, failures: int) -> float:
    """As long as the other side asks for, else ever longer after `failures` that came before."""
    asked = error.retry_after
    if asked is not None and asked > 0:
        return min(asked, LONGEST_WAIT_SECONDS)
    return min(FIRST_RETRY_SECONDS * 2.0 ** min(failures, 10), LAST_RETRY_SECONDS)
