"""`penstock demo`: the main job from a signal to merged pull requests, on an embedded forge."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.prompt import Prompt
from rich.text import Text

from penstock.adapters.git.local import Imported, import_sources
from penstock.bootstrap import Installation
from penstock.bootstrap.embedded import embed, end_embedded, has_other_state
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.cli.following import Follower
from penstock.core.approval import ApprovalScope
from penstock.core.change.model import Change, State
from penstock.core.refs import ChangeId, Digest, RepoRef
from penstock.flows import orders
from penstock.flows.discovery import ref_of
from penstock.flows.intake import issue_signal, take_issue
from penstock.flows.views import (
    Details,
    details_of,
    is_ended,
    is_waiting_for_people,
    needs_merge_approval,
    pending_digests,
    text_of,
)
from penstock.ports import Permanent
from penstock.settings import load

DEMO_ORDER = ("textkit", "linkbuilder", "newsdesk", "clockwork")
"""Providers first: a dependent's CI fetches the library from the forge as soon as it is pushed."""
LIBRARY, UNRELATED = "textkit", "clockwork"
RENAME = "Rename slugify to to_slug"
RENAME_WORDS = (
    "`slugify` reads like a verb on its own in call sites. Call it `to_slug`, here and wherever it is used."
)
STRAY = "Pin the CI to Python 3.12"
STRAY_WORDS = "Every repository should test with the same Python."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    yes: bool
    json: bool
    fresh: bool
    stop: bool
    unsafe: bool


def run(state: Path | None, wishes: Wishes) -> Exit:
    settings = load(state=state)
    if wishes.stop:
        output.say("The forge is stopped." if end_embedded(settings.state) else "No forge was running.")
        return Exit.DONE
    if has_other_state(settings.state):
        output.complain(
            f"{settings.state} belongs to a Penstock that works on another forge; name another with --state."
        )
        return Exit.WRONG_USE
    if wishes.fresh:
        end_embedded(settings.state)
        shutil.rmtree(settings.state, ignore_errors=True)
    home = embed(settings, unsafe_no_sandbox=wishes.unsafe)
    with output.working("Setting up a forge with four repositories and two issues", quiet=wishes.json):
        taken = _signals(home, _prepare(home))
    return _Demo(home, taken, wishes).play()


def _prepare(home: Installation) -> dict[str, int]:
    """Repositories, their protection, and the two issues; whatever is there already stays. Issue numbers by name."""
    hands = home.operator_hands
    for source in demo_sources(home.settings.state):
        hands.publish(source)
        hands.protect(source.name, source.branch, ("test",))
    return {
        LIBRARY: hands.open_issue(LIBRARY, title=RENAME, body=RENAME_WORDS, label="bot-task"),
        UNRELATED: hands.open_issue(UNRELATED, title=STRAY, body=STRAY_WORDS, label="bot-task"),
    }


def _signals(home: Installation, issues: dict[str, int]) -> dict[str, ChangeId]:
    """The change of each issue, started now or before."""
    repos = {
        facts.full_name.split("/")[1]: ref_of(home.forge_name, facts)
        for facts in home.reader.repositories(home.organization)
    }
    return {name: _change_of(home, repos[name], number) for name, number in issues.items()}


def _change_of(home: Installation, repo: RepoRef, number: int) -> ChangeId:
    issue = home.reader.issue(repo, number)
    if issue is None:
        raise Permanent(
            "forge_setup", f"the embedded forge lost issue {number}; `penstock demo --fresh` starts over"
        )
    signal = issue_signal(repo, issue)
    earlier = home.store.of_signal(signal.key)
    if earlier:
        return earlier[-1]
    change = take_issue(home.store, signal, home.circumstances).change
    if change is None:
        raise Permanent(
            "forge_setup", "the demonstration's issue was not taken; `penstock demo --fresh` starts over"
        )
    return change


class _Demo:
    """Two changes: one that goes all the way, and one that is stopped."""

    def __init__(self, home: Installation, taken: dict[str, ChangeId], wishes: Wishes) -> None:
        self._home = home
        self._good, self._stray = taken[LIBRARY], taken[UNRELATED]
        self._wishes = wishes
        self._asks = sys.stdin.isatty() and not wishes.yes
        self._follower = Follower(home, (self._good, self._stray), quiet=wishes.json)

    def play(self) -> Exit:
        self._say(
            f"Forge: {self._home.address.web}/{self._home.organization}   state: {self._home.settings.state}\n"
        )
        earlier = self._home.store.change(self._good)
        if isinstance(earlier, Change) and earlier.n > 1:
            self._say("[dim]So far:[/]")
        with self._home.working():
            found = self._follower.until(_settled)
            self._show_stopped()
            while not is_ended(change := self._change(found)):
                if change.state in {State.NEEDS_HUMAN, State.BLOCKED_POLICY}:
                    return self._needs_person(change)
                code = self._decide(change)
                if code:
                    return code
                found = self._follower.until(_settled)
        return self._conclude()

    def _change(self, found: tuple[Change, ...]) -> Change:
        return next(change for change in found if change.id == self._good)

    def _say(self, text: str) -> None:
        if not self._wishes.json:
            output.say(text)

    def _show_stopped(self) -> None:
        """The second issue's recipe strays into CI files: shown once, as the policy saw it."""
        shown = self._details(self._stray)
        if self._wishes.json or shown.detail_verdict is None:
            return
        output.say(f"\n[yellow]BLOCKED_POLICY[/]  {self._stray}: its recipe strayed, and nothing was written")
        output.out.print(output.failing_lines(shown.detail_verdict))
        output.say("")

    def _details(self, change: ChangeId) -> Details:
        found = self._home.store.change(change)
        assert isinstance(found, Change), "the demonstration's changes exist"  # noqa: S101
        return details_of(found, self._home.store.texts(), self._home.address.web)

    def _decide(self, change: Change) -> Exit:
        scope = ApprovalScope.MERGE if needs_merge_approval(change) else ApprovalScope.CONTENT
        digests = pending_digests(change, scope)
        if not self._wishes.yes and not self._asks:
            return self._wait_outside(change, scope)
        if scope is ApprovalScope.MERGE:
            return self._merge(change, digests)
        if not self._wishes.json:
            output.details(self._details(change.id))
        for digest in digests:
            code = self._decide_one(change, digest)
            if code:
                return code
        return Exit.DONE

    def _decide_one(self, change: Change, digest: Digest) -> Exit:
        """Show one patch set and take the person's answer."""
        lane = orders.lane_with(change, digest, ApprovalScope.CONTENT)
        if lane is None or lane.patch_set is None:
            return Exit.DONE
        if not self._wishes.json:
            output.out.rule(Text(f"{lane.repo.full_name}  {output.short(digest)}"), align="left")
            output.out.print(output.diff(text_of(self._home.store.texts(), lane.patch_set.patch)))
        answer = (
            "y"
            if self._wishes.yes
            else answered(
                f"Approve this patch set of [bold]{lane.repo.name}[/]? (y)es, (n)o: reject the change, (q)uit",
                "y",
                "n",
                "q",
            )
        )
        if answer == "q":
            return self._wait_outside(change, ApprovalScope.CONTENT)
        desk = self._home.desk(interactive=self._asks)
        if answer == "n":
            orders.reject(desk, change, digest, "rejected in the demonstration")
            return Exit.DONE
        return self._refusals(orders.approve(desk, change, (digest,), ApprovalScope.CONTENT))

    def _merge(self, change: Change, digests: tuple[Digest, ...]) -> Exit:
        order = " → ".join(lane.repo.name for lane in change.shipping)
        if not self._wishes.yes:
            answer = answered(
                f"\nAll checks are green. Merge, providers first: [bold]{order}[/]? (y)es, (q)uit", "y", "q"
            )
            if answer == "q":
                return self._wait_outside(change, ApprovalScope.MERGE)
        return self._refusals(
            orders.approve(self._home.desk(interactive=self._asks), change, digests, ApprovalScope.MERGE)
        )

    def _refusals(self, answers: tuple[orders.Answer, ...]) -> Exit:
        for answer in answers:
            if not answer.verdict.allows:
                output.out.print(output.failing_lines(answer.verdict))
                return Exit.NO
        return Exit.DONE

    def _wait_outside(self, change: Change, scope: ApprovalScope) -> Exit:
        """Nobody is here to ask: say what waits and how to go on."""
        merge = " --merge" if scope is ApprovalScope.MERGE else ""
        if self._wishes.json:
            output.as_json({"waits_for": scope, "change": self._details(change.id)})
        else:
            output.details(self._details(change.id))
            output.say(f"\n[magenta]It waits for {scope} approval.[/] Look at it, decide, and go on:\n")
            output.to_type(
                f"changes diff {change.id}",
                f"approvals approve {change.id}{merge}",
                "demo  # goes on; with --yes it approves and merges by itself",
            )
        return Exit.WAITS

    def _needs_person(self, change: Change) -> Exit:
        if self._wishes.json:
            output.as_json({"change": self._details(change.id)})
        else:
            output.details(self._details(change.id))
            output.say("")
            output.to_type(f"changes resume {change.id}", "demo")
        return Exit.WAITS

    def _conclude(self) -> Exit:
        report = self._home.proof.verify()
        good, stray = self._details(self._good), self._details(self._stray)
        if self._wishes.json:
            output.as_json(
                {"change": good, "blocked": stray, "ledger": report, "forge": self._home.address.web}
            )
            return Exit.DONE if report.holds else Exit.LEDGER
        merged = sum(bool(repo.merged) for repo in good.repositories)
        output.say("")
        output.out.print(
            Text.assemble(
                output.state(good.summary.state),
                f"  {good.summary.title}: {merged} of {len(good.repositories)} pull requests merged, providers first",
            )
        )
        output.out.print(
            Text.assemble(output.state(stray.summary.state), f"  {stray.summary.title}: nothing written")
        )
        verdict = (
            f"The ledger holds: {report.records} records, each chain sealed"
            if report.holds
            else "The ledger does NOT hold"
        )
        output.out.print(Text(verdict, style="green" if report.holds else "red"))
        web, organization = self._home.address.web, self._home.organization
        output.say(f"\nLook at it\n  {web}/{organization}")
        for repo in good.repositories:
            output.say(f"  {repo.pull}")
        output.say("\nWhat to type next")
        output.to_type(
            f"ledger show {self._good}  # what was decided, and why",
            "try PATH… --run 'COMMAND'  # what Penstock would do with your code",
            "init  # set it up for a GitHub organization",
            "demo --stop  # end the forge; --fresh starts over",
        )
        return Exit.DONE if report.holds else Exit.LEDGER


def answered(question: str, *letters: str) -> str:
    """One of the letters, as it was typed: nothing is approved by pressing Enter, and no more input means to quit."""
    try:
        return Prompt.ask(question, console=output.out, choices=list(letters))
    except EOFError:
        return "q"


def _settled(found: tuple[Change, ...]) -> bool:
    """It is a person's turn everywhere, or everything has ended with its notices posted."""
    return all(is_waiting_for_people(change) or _over(change) for change in found)


def _over(change: Change) -> bool:
    from penstock.core.change import is_settled

    return is_settled(change)


def demo_sources(state: Path) -> Iterator[Imported]:
    """The demonstration organization's repositories, ready to publish."""
    shipped = Path(__file__).parents[1] / "demo"
    folder = (shipped if shipped.is_dir() else Path(__file__).parents[3] / "demo") / "acme"
    return import_sources(state / "scratch", tuple(folder / name for name in DEMO_ORDER))
