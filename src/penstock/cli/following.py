"""Following changes while a worker drives them: every new record becomes a line."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.markup import escape
from rich.text import Text

from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.cli.telling import told
from penstock.core.change import events as e
from penstock.core.change.model import Change, State
from penstock.core.ledger import Break
from penstock.core.refs import ChangeId
from penstock.flows.views import is_waiting_for_people
from penstock.ports import Permanent

LOOK_SECONDS = 0.05
WORK = {
    State.INGESTED: "reading what is asked",
    State.TRIAGED: "planning",
    State.PLANNED: "running the recipe",
    State.PATCHES_PROPOSED: "judging",
    State.APPLYING_PATCHES: "writing branches and pull requests",
    State.PR_OPEN: "waiting for checks",
    State.VERIFYING_CI: "waiting for checks",
    State.MERGING: "merging",
    State.ROLLING_BACK: "taking back",
}
"""What goes on in a state, for a person who waits."""
SILENCE = timedelta(seconds=30)
"""Where there is no terminal: how long nothing may be said while something goes on."""


class Follower:
    """Prints what happens to some changes, each record once."""

    def __init__(self, home: Installation, changes: Iterable[ChangeId], *, quiet: bool = False) -> None:
        self._home = home
        self._seen: dict[ChangeId, int] = dict.fromkeys(changes, 0)
        self._quiet = quiet
        self._said_at = home.clock.now()

    def until(
        self, reached: Callable[[tuple[Change, ...]], bool], *, skip: bool = False
    ) -> tuple[Change, ...]:
        """Print until all changes are where they should be; `skip`: what is there already is not told again.

        Raises Permanent `ledger` where a log does not hold: no worker carries that change on.
        """
        with self._spinner() as show:
            while True:
                found = tuple(change for name in self._seen if (change := self._change(name)))
                for change in found:
                    self._tell(change, silent=skip)
                skip = False
                if len(found) == len(self._seen) and reached(found):
                    return found
                show(found)
                time.sleep(LOOK_SECONDS)

    @contextmanager
    def _spinner(self) -> Iterator[Callable[[tuple[Change, ...]], None]]:
        """Says below the lines, on a terminal, what goes on until the next of them."""
        if self._quiet:
            yield lambda _: None
        elif output.out.is_terminal:
            with output.out.status("") as status:
                yield lambda changes: status.update(escape(self._going_on(changes)))
        else:
            yield self._say_now_and_then

    def _say_now_and_then(self, changes: tuple[Change, ...]) -> None:
        """What still goes on, after every half minute in which nothing was said."""
        now = self._home.clock.now()
        if now - self._said_at >= SILENCE:
            self._said_at = now
            output.out.print(Text(f"still {self._going_on(changes)}", style="dim"))

    def _going_on(self, changes: tuple[Change, ...]) -> str:
        """What Penstock is at, for each change that it is at work on, and since when."""
        busy = [one for one in changes if one.state in WORK and not is_waiting_for_people(one)]
        return " · ".join(f"{one.id[:6]} {WORK[one.state]}{_where(one)}, {self._time(one)}" for one in busy)

    def _time(self, change: Change) -> str:
        seconds = int((self._home.clock.now() - change.since).total_seconds())
        running = self._home.recipes.get(change.recipe or "") if change.state is State.PLANNED else None
        limit = f" (each run may take {running.recipe.timeout_seconds} s)" if running else ""
        return f"{seconds} s{limit}"

    def skip_all(self) -> None:
        """Follow every change there is, from here on."""
        self._seen = dict(self._home.overview.lengths())

    def catch_up(self) -> None:
        """Print what is new of any change, also of one that did not exist before."""
        for name, n in self._home.overview.lengths().items():
            if self._seen.setdefault(name, 0) < n:
                change = self._home.store.change(name)
                if isinstance(change, Change):
                    self._tell(change, silent=False)
                else:
                    self._seen[name] = n  # whoever drives it says what is wrong

    def _change(self, name: ChangeId) -> Change | None:
        change = self._home.store.change(name)
        if isinstance(change, Break):
            raise Permanent("ledger", f"{change.sentence}. `penstock ledger verify` tells more.")
        return change

    def _tell(self, change: Change, *, silent: bool) -> None:
        name = change.id
        if change.n == self._seen[name]:
            return
        for entry in self._home.store.reader.entries(name):
            if self._seen[name] < entry.n <= change.n and not (silent or self._quiet):
                line = told(entry.event, change, self._home.known_web_address)
                self._said_at = self._home.clock.now()
                if line and not (isinstance(entry.event, e.TapDecided) and entry.event.allowed):
                    output.out.print(
                        Text.assemble(
                            (f"{entry.at.astimezone():%H:%M:%S} ", "dim"), (f"{name[:6]} ", "dim"), line
                        )
                    )
        self._seen[name] = change.n


def _where(change: Change) -> str:
    """The repositories that are still awaited."""
    match change.state:
        case State.PLANNED:
            names = [lane.repo.name for lane in change.lanes if not lane.proposed]
        case State.PR_OPEN | State.VERIFYING_CI:
            names = [lane.repo.name for lane in change.to_verify if not lane.forward.preview]
        case _:
            names = []
    return f": {', '.join(names)}" if names else ""
