"""TAP records: a decision's signed copy for whoever reads a pull request. Written here, and read back by no flow."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from penstock.core.change.model import Action
from penstock.core.ledger import canonical, plain
from penstock.core.tap import RECORD_TYPE, Standing, TapDecision, TapRecord, part_of, place_of
from penstock.core.write import OpenPull
from penstock.flows.world import Scene

RECORD = TypeAdapter(TapRecord)


def attested(scene: Scene, wanted: OpenPull, decision: TapDecision, standing: Standing) -> OpenPull:
    """The pull request with the record of its decision at the end of its body.

    What the record says follows from the decision, which was taken on everything else in the body.
    """
    record = TapRecord(
        id=decision.digest,
        change=scene.change.id,
        action=Action.PULL_REQUEST.value,
        repository=place_of(wanted.repo),
        subject=standing.digest,
        head=wanted.expected_head,
        policy=part_of(decision.policy),
        authority=part_of(decision.authority),
        truth=part_of(decision.truth),
        policy_digest=decision.policy_digest,
        approvals=decision.approvals,
        at=scene.world.clock.now(),
        expires_at=_until(scene, standing),
    )
    envelope = scene.world.attest(canonical(plain(record)), RECORD_TYPE)
    return replace(wanted, body=f"{uncommented(wanted.body)}\n{as_comment(envelope)}\n")


def _until(scene: Scene, standing: Standing) -> datetime:
    """The first of its approvals to end. An inverse outlives the approvals that let its change in."""
    now = scene.world.clock.now()
    ends = [a.expires_at for a in standing.approvals if a.digest == standing.digest and a.expires_at > now]
    return min(ends, default=now + timedelta(days=scene.world.policy.approval_days))


def uncommented(text: str) -> str:
    """The text without any comment of Markdown's: the one that follows it is the only one."""
    return text.replace("<!--", "<\u2060!--")


def as_comment(envelope: str) -> str:
    """JSON that cannot end the comment it stands in, whatever is in its strings."""
    text = json.dumps(json.loads(envelope), sort_keys=True)
    escaped = text.replace("--", "\\u002d\\u002d").replace("<", "\\u003c").replace(">", "\\u003e")
    return f"<!-- TAP-DECISION: {escaped} -->"
