"""What head rows alone tell of all changes, without folding one."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import func, or_, select

from penstock.adapters.store.codec import micros
from penstock.adapters.store.database import Database
from penstock.adapters.store.schema import change_head
from penstock.adapters.store.watch import Watch
from penstock.core.autonomy.model import GOVERNANCE
from penstock.core.change.model import State
from penstock.core.refs import ChangeId

_C = change_head.c


class Overview:
    """Counts and positions; cheap where there are many changes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lengths(self) -> Mapping[ChangeId, int]:
        """How many records each change has."""
        with self._database.reading() as connection:
            found = connection.execute(select(_C.change_id, _C.n).where(_C.change_id != GOVERNANCE))
            return {ChangeId(name): n for name, n in found}

    def in_states(self, states: Collection[State], *, besides: str) -> int:
        """How many open changes stand in these states, but for signals whose keys begin so."""
        which = _C.state.in_(sorted(states)) & _C.open & ~_C.signal.startswith(besides, autoescape=True)
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).select_from(change_head).where(which)).scalar_one()

    def names_in(self, states: Collection[State]) -> tuple[ChangeId, ...]:
        """The open changes that stand in these states."""
        which = _C.state.in_(sorted(states)) & _C.open
        with self._database.reading() as connection:
            return tuple(map(ChangeId, connection.execute(select(_C.change_id).where(which)).scalars()))

    def busy(self, now: datetime) -> bool:
        """Is any change due, or held by a worker: whoever it is, and dead or alive."""
        due = or_(_C.owner.is_not(None), _C.ready_at <= micros(now))
        with self._database.reading() as connection:
            return connection.execute(select(_C.change_id).where(due).limit(1)).first() is not None

    def watch(self) -> Watch:
        """Tells when anything was committed; for one thread."""
        return Watch(self._database)
