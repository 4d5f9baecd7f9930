"""The same fold without memory: one change driven to its next wait in this thread, for tests and dry runs."""

from datetime import datetime, timedelta

from penstock.core.change.events import Entry
from penstock.core.change.fold import apply
from penstock.core.change.journal import Draft
from penstock.core.change.model import Change
from penstock.core.refs import ChangeId
from penstock.flows.driving import Perform
from penstock.flows.schedule import agenda, fired, look_again
from penstock.ports import Clock, NewTexts

SHORTEST_LOOK = timedelta(seconds=0.5)


class Always:
    """The stop flag of an effect that nobody can overtake."""

    def wanted(self) -> bool:
        return True


class Inline:
    """One change's log in memory. `texts` keeps its texts; a key counts once, as it does in the store."""

    def __init__(
        self, change: ChangeId, first: Draft, perform: Perform, texts: NewTexts, clock: Clock
    ) -> None:
        self.log: list[Entry] = []
        self._perform = perform
        self._texts = texts
        self._clock = clock
        self._id = change
        self.change: Change = self._applied(None, first)

    def record(self, draft: Draft) -> Change:
        """Append; what has a known key is left out."""
        if draft.key not in {entry.key for entry in self.log}:
            self.change = self._applied(self.change, draft)
        return self.change

    def run(self, until: datetime) -> Change:
        """Perform effects one after the other until nothing is due by then; waits are slept through."""
        asleep: dict[str, datetime] = {}
        while True:
            now = self._clock.now()
            todo = agenda(self.change, now, asleep=asleep)
            if todo.fires is not None:
                self.record(fired(self.change, todo.fires))
            elif todo.start:
                effect = todo.start[0]
                event = self._perform(effect, self.change, self._texts, Always())
                if event is None:
                    asleep[effect.key] = look_again(self.change, effect, now, SHORTEST_LOOK)
                else:
                    self.record(Draft(key=effect.key, event=event))
            elif todo.next_at is None or todo.next_at > until:
                return self.change
            else:
                self._clock.sleep((todo.next_at - now).total_seconds())

    def _applied(self, before: Change | None, draft: Draft) -> Change:
        entry = Entry(
            change=self._id,
            n=len(self.log) + 1,
            at=self._clock.now(),
            key=draft.key,
            event=draft.event,
        )
        self.log.append(entry)
        return apply(before, entry)
