"""What is said of promoted policies: in force, waiting, taken back, and what is amiss with them."""

from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.core.autonomy.model import Governance
from penstock.core.autonomy.promotion import MILLION, Figures, Order, Promotion, Standing
from penstock.core.ledger import JsonValue, plain
from penstock.core.policy.layers import Layered
from penstock.flows.views import text_of
from penstock.ports import Permanent, Texts

STYLES = {Standing.IN_FORCE: "green", Standing.PROPOSED: "magenta", Standing.TAKEN_BACK: "dim"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What people decided for all. `unheld`: why their log does not hold; then nothing of it is known."""

    governance: Governance
    unheld: str

    @property
    def exit(self) -> Exit:
        return Exit.LEDGER if self.unheld else Exit.DONE


def known(home: Installation) -> Known:
    try:
        return Known(governance=home.governance, unheld="")
    except Permanent as broken:
        return Known(governance=Governance(), unheld=str(broken))


def standing(governance: Governance, now: datetime) -> tuple[Promotion, ...]:
    """What is in force, and what waits for approval."""
    return (*governance.promoted, *governance.waiting(now))


def show_standing(home: Installation, governance: Governance, found: Layered) -> None:
    """A line for each of them, and what is amiss."""
    now, texts = home.clock.now(), home.store.texts()
    for one in standing(governance, now):
        output.out.print(Text.assemble("policy ", line_of(one, texts, now)))
    for problem in amiss(found):
        output.complain(problem)


def amiss(found: Layered) -> tuple[str, ...]:
    """What people have to know of promoted layers that are not, or not wholly, as they were approved."""
    return (
        *(f"policy: {why}: nothing is allowed until that is mended or taken back" for why in found.unsure),
        *(f"policy: {why}; it loosens nothing, and what it tightens is in force" for why in found.clashes),
    )


def document(one: Promotion, texts: Texts) -> dict[str, JsonValue]:
    """A promotion for other tools; reasons in words."""

    def order(given: Order | None) -> JsonValue:
        if given is None:
            return None
        return {"by": given.by.login, "at": plain(given.at), "reason": text_of(texts, given.reason)}

    return {
        "id": one.id,
        "standing": plain(one.standing),
        "candidate": one.candidate,
        "stands_on": one.stands_on,
        "figures": plain(one.figures),
        "until": plain(one.until),
        "proposed": order(one.proposed),
        "approved": order(one.approved),
        "self_approved": one.self_approved,
        "shared_identity": one.shared_identity,
        "taken_back": order(one.taken_back),
    }


def line_of(one: Promotion, texts: Texts, now: datetime) -> Text:
    """Where it stands, who said so, and why."""
    return Text(f"{one.id}  {_line(one, texts, now)}", style=STYLES[one.standing])


def _line(one: Promotion, texts: Texts, now: datetime) -> str:
    proposed = f"proposed by {one.proposed.by.login}"
    approved = f"; approved {_approved(one, one.approved)}" if one.approved else ""
    if back := one.taken_back:
        why = text_of(texts, back.reason)
        return f"{proposed}{approved}; taken back {time_of(back.at)} by {back.by.login}: {why}"
    if order := one.approved:
        why = text_of(texts, order.reason)
        return f"in force since {time_of(order.at)}; {proposed}{approved}: {why}"
    over = now >= one.until
    stands = f"expired {time_of(one.until)}" if over else f"waits for approval before {time_of(one.until)}"
    return f"{stands}; {proposed}: {text_of(texts, one.proposed.reason)}"


def _approved(one: Promotion, order: Order) -> str:
    own = ", who proposed it" if one.self_approved else ""
    shared = ", whose identity is Penstock's too" if one.shared_identity else ""
    return f"by {order.by.login}{own}{shared}"


def time_of(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def proven(figures: Figures) -> str:
    """What its backtest found, in two lines."""
    counted = (
        f"tried on what was recorded: {figures.approved} approved, {figures.escalated} left to a person, "
        f"{figures.blocked} blocked, {figures.not_judged} not judged"
    )
    if not figures.known:
        return f"{counted}\nno outcome was known of those approved, so nothing is proven of it"
    return (
        f"{counted}\nof those approved whose outcome was known, {figures.broke} of {figures.known} were taken back: "
        f"with 95 % confidence, at most {figures.upper_bound_ppm / MILLION:.1%} of such changes break"
    )
