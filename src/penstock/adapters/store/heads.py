"""The head rows: the queue of changes, and who holds which."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, bindparam, case, func, or_, select, update

from penstock.adapters.store.codec import from_micros, maybe_from_micros, micros
from penstock.adapters.store.database import Database
from penstock.adapters.store.owner import Owner, is_dead
from penstock.adapters.store.schema import change_head
from penstock.adapters.store.watch import Watch
from penstock.core.change.journal import Lease
from penstock.core.change.model import State
from penstock.core.refs import ChangeId

_C = change_head.c
_HELD = (
    (_C.change_id == bindparam("held")) & (_C.owner == bindparam("by")) & (_C.epoch == bindparam("at_epoch"))
)
_RELEASE = (
    update(change_head)
    .where(_HELD)
    .values(
        owner=None,
        claims=0,
        woken=False,
        ready_at=case((_C.woken, bindparam("now")), else_=bindparam("due")),
    )
)
_OTHERS = or_(_C.owner.is_(None), _C.owner != bindparam("me"))
_DUE = (
    select(_C.change_id)
    .where(_C.ready_at <= bindparam("now"), _OTHERS)
    .order_by(_C.ready_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    update(change_head)
    .where(_C.change_id.in_(_DUE.scalar_subquery()))
    .values(
        owner=bindparam("me"),
        epoch=_C.epoch + 1,
        claims=_C.claims + 1,
        woken=False,
        ready_at=bindparam("until"),
    )
    .returning(_C.change_id, _C.epoch, _C.claims)
)
_NEXT = select(func.min(_C.ready_at)).where(_C.ready_at.is_not(None), _OTHERS)
_MINE_WOKEN = (_C.owner == bindparam("me")) & _C.woken
_WOKEN = select(_C.change_id).where(_MINE_WOKEN)
_EXTEND = update(change_head).where(_HELD).values(ready_at=bindparam("until"))


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRow:
    """A change as the queue sees it. `ready_at` is the lease's end while `owner` holds it."""

    change: ChangeId
    n: int
    state: State
    signal: str
    created_at: datetime
    open: bool
    ready_at: datetime | None
    owner: str | None


class Queue:
    """Claims, leases and wakes. `me` names this worker; times are the caller's clock."""

    def __init__(self, database: Database, me: Owner) -> None:
        self._database = database
        self._me = me

    def claim(self, *, limit: int, now: datetime, until: datetime) -> tuple[Lease, ...]:
        """Take up to `limit` changes that are due, the longest due first. Its own are never taken anew."""
        asked = {"me": str(self._me), "now": micros(now), "most": limit}
        with self._database.reading() as connection:
            if connection.execute(_DUE, asked).first() is None:
                return ()
        with self._database.writing() as connection:
            rows = connection.execute(_CLAIM, {**asked, "until": micros(until)}).all()
        return tuple(
            Lease(change=ChangeId(row.change_id), owner=str(self._me), epoch=row.epoch, claims=row.claims)
            for row in rows
        )

    def extend(self, leases: Iterable[Lease], until: datetime) -> frozenset[Lease]:
        """Hold on to these until then; the answer is those that were lost to somebody else."""
        lost = set()
        with self._database.writing() as connection:
            for lease in leases:
                if connection.execute(_EXTEND, {**_held(lease), "until": micros(until)}).rowcount == 0:
                    lost.add(lease)
        return frozenset(lost)

    def release(self, lease: Lease, *, now: datetime, ready_at: datetime | None) -> None:
        """Give the change back, due then, or at once if it was woken meanwhile. A lost lease is let go of silently."""
        due = None if ready_at is None else micros(ready_at)
        with self._database.writing() as connection:
            connection.execute(_RELEASE, {**_held(lease), "now": micros(now), "due": due})

    def wake(self, change: ChangeId, at: datetime) -> None:
        """Have it looked at by then; its holder, if there is one, looks again at once."""
        sooner = case(
            (_C.owner.is_not(None), _C.ready_at), (_C.ready_at <= micros(at), _C.ready_at), else_=micros(at)
        )
        statement = (
            update(change_head)
            .where(_C.change_id == change)
            .values(ready_at=sooner, woken=_C.owner.is_not(None))
        )
        with self._database.writing() as connection:
            connection.execute(statement)

    def take_woken(self) -> frozenset[ChangeId]:
        """Those of my changes that were woken since I asked last."""
        asked = {"me": str(self._me)}
        with self._database.reading() as connection:
            if connection.execute(_WOKEN, asked).first() is None:
                return frozenset()
        taken = update(change_head).where(_MINE_WOKEN).values(woken=False).returning(_C.change_id)
        with self._database.writing() as connection:
            rows = connection.execute(taken, asked).all()
        return frozenset(ChangeId(row.change_id) for row in rows)

    def next_ready(self) -> datetime | None:
        """When the next change that is not mine becomes due."""
        with self._database.reading() as connection:
            return maybe_from_micros(connection.execute(_NEXT, {"me": str(self._me)}).scalar())

    def bury(self, now: datetime) -> bool:
        """End the leases of processes on this machine that died. Says whether there were any."""
        others = select(_C.owner).where(_C.owner.is_not(None), _C.owner != str(self._me)).distinct()
        with self._database.reading() as connection:
            dead = [row.owner for row in connection.execute(others) if is_dead(row.owner, self._me)]
        if dead:
            with self._database.writing() as connection:
                connection.execute(update(change_head).where(_C.owner.in_(dead)).values(ready_at=micros(now)))
        return bool(dead)

    def watch(self) -> Watch:
        return Watch(self._database)


def _held(lease: Lease) -> dict[str, str | int]:
    return {"held": lease.change, "by": lease.owner, "at_epoch": lease.epoch}


def head_row(row: RowMapping) -> HeadRow:
    return HeadRow(
        change=ChangeId(row["change_id"]),
        n=row["n"],
        state=State(row["state"]),
        signal=row["signal"],
        created_at=from_micros(row["created_at"]),
        open=row["open"],
        ready_at=maybe_from_micros(row["ready_at"]),
        owner=row["owner"],
    )
