"""`penstock start`: poll, take webhooks, and drive every change until it waits for somebody."""

import difflib
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from penstock.bootstrap import Installation
from penstock.cli import output
from penstock.cli.exits import Exit
from penstock.cli.following import Follower
from penstock.cli.logs import cleaned_by
from penstock.cli.looking import named, show_waiting, sorted_out
from penstock.cli.preflight import missing_permissions
from penstock.cli.summary import add_decisions
from penstock.core.policy.rules import Mode
from penstock.core.policy.tools import lacking
from penstock.flows.durable import Durable
from penstock.flows.listening import BEING_STARTED, REFUSED, Door, Listener, listen
from penstock.flows.views import is_waiting_for_people, summarize
from penstock.ports import Permanent, PortError, Transient
from penstock.settings import Misconfigured, load

LOOK_SECONDS = 0.25
GOODBYE_SECONDS = 2.0
"""How long a request that is under way may hold up the end; whatever it brings is found again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """`port` 0: no webhooks. `once`: one poll, what is due then, and no webhooks either."""

    mode: str | None
    host: str
    port: int
    once: bool


def start(state: Path | None, config: Path | None, wishes: Wishes) -> Exit:
    logging.getLogger("penstock").setLevel(logging.INFO)
    home = Installation(load(state=state, config_path=config, mode=_mode(wishes.mode)))
    cleaned_by(home.secrets.redact)
    with ExitStack() as stack:
        stack.callback(home.close)
        if not home.organization:
            nobody = (
                "nothing says whom to work for: set discovery.organization in config/orchestrator.yml, which "
                "`penstock init --organization NAME` writes; nothing was started"
            )
            raise Misconfigured(problems=(nobody,))
        if lacks := lacking(home.host, home.policy):
            said = tuple(f"{leaf.rule}: {leaf.reason}" for leaf in lacks)
            raise Misconfigured(problems=(*said, "nothing was started"))
        missing = missing_permissions(home, patient=not wishes.once)
        if missing:
            nothing = "Nothing was started. `penstock init` lists every permission."
            output.complain("\n".join((*missing, nothing)))
            return Exit.FORGE
        work = _Work(home)
        if wishes.once:
            return work.once()
        with work.webhooks_taken(wishes) if wishes.port else nullcontext():
            stack.pop_all()  # a request that is under way at the end needs the store as long as the process
            return work.until_told()


def _mode(name: str | None) -> Mode | None:
    """The mode of this name. Raises Misconfigured."""
    names = [mode.value for mode in Mode]
    if name is None or name in names:
        return Mode(name) if name else None
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}`? " if near else ""
    raise Misconfigured(
        problems=(f"--mode {name}: {hint}There are {', '.join(names)}. Nothing was started.",)
    )


class _Work:
    """A worker, and what goes on beside it until `stop`."""

    def __init__(self, home: Installation) -> None:
        self._home = home
        self._worker = home.worker()
        self._listener = Listener(door_of(home, self._worker))
        self._follower = Follower(home, ())
        self._follower.skip_all()
        self._stop, self._arrived = threading.Event(), threading.Event()
        self._began = home.clock.now()

    def until_told(self) -> Exit:
        every = timedelta(seconds=self._home.settings.config.forge.poll_seconds)
        self._drive(partial(listen, self._listener, self._stop, self._arrived, poll_every=every))
        output.say("Ended. Nothing is lost: `penstock start` goes on.")
        return Exit.DONE

    def once(self) -> Exit:
        """Drive until nothing is due. 4 where something then waits for a person."""
        self._listener.deliver()
        failed = self._listener.checked_poll()
        self._drive(self._rest)
        if self._home.overview.busy(self._home.clock.now()):
            output.complain("Interrupted. Nothing is lost: run it again to continue.")
            return Exit.INTERRUPTED
        texts = self._home.store.texts()
        found, broken = sorted_out(self._home, ended=False)
        waiting = [summarize(change, texts) for change in found if is_waiting_for_people(change)]
        show_waiting(waiting)
        if failed or named(broken):
            return Exit.FORGE if failed else Exit.LEDGER
        return Exit.WAITS if waiting else Exit.DONE

    def _drive(self, beside: Callable[[], None]) -> None:
        """The worker has this thread, which is the one that signals reach."""
        with _ended_by_signals(self._stop), self._beside(beside), self._beside(self._tell):
            self._worker.run(self._stop)
        self._follower.catch_up()
        add_decisions(self._home, self._began)

    def _tell(self) -> None:
        watch = self._home.overview.watch()
        while not self._stop.wait(LOOK_SECONDS):
            try:
                if watch.changed():
                    self._follower.catch_up()
            except Transient:
                continue  # the worker says so, and the next commit is told with this one
        watch.close()

    def _rest(self) -> None:
        """End when nothing is due any more, for this process or another."""
        while self._home.overview.busy(self._home.clock.now()):
            if self._stop.wait(LOOK_SECONDS):
                return

    @contextmanager
    def webhooks_taken(self, wishes: Wishes) -> Iterator[None]:
        """Beside another `start` at the same address, this one polls and drives all the same."""
        with ExitStack() as stack:
            try:
                url = stack.enter_context(_webhooks(self._home, wishes, self._arrived))
            except Permanent as failure:
                if failure.code != "address_taken":
                    raise Misconfigured(problems=(f"{failure}; nothing was started",)) from failure
                output.complain(f"{failure}: this one takes no webhooks; --port names another address.")
            else:
                secret = "" if self._home.settings.webhook_secret else ", once PENSTOCK_WEBHOOK_SECRET is set"
                output.say(f"Webhooks are taken at {url}/webhooks{secret}")
            yield

    @contextmanager
    def _beside(self, work: Callable[[], None]) -> Iterator[None]:
        """Another thread. However it ends, everything ends; its port errors are raised here."""
        failures: list[PortError] = []
        finished = threading.Event()

        def run() -> None:
            try:
                work()
                finished.set()
            except PortError as failure:
                failures.append(failure)
            finally:
                self._stop.set()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._arrived.set()
            thread.join(GOODBYE_SECONDS)
        if failures:
            raise failures[0]
        assert finished.is_set() or thread.is_alive(), "a bug beside the worker ended it; see above"  # noqa: S101


def door_of(home: Installation, worker: Durable) -> Door:
    return Door(
        reader=home.reader,
        signals=home.signals,
        log=home.store,
        inbox=home.inbox,
        tallies=home.tallies,
        wake=worker.wake,
        clock=home.clock,
        fleet=home.fleet,
        circumstances_now=lambda: home.circumstances,
        starting=partial(home.overview.in_states, BEING_STARTED, besides="request:"),
        max_starting=home.settings.config.issue_processing.max_concurrent,
        rules=home.rules,
    )


@contextmanager
def _webhooks(home: Installation, wishes: Wishes, arrived: threading.Event) -> Iterator[str]:
    """Take deliveries, and say where. Imported only here: without webhooks, no server is in memory."""
    from penstock.api.app import make_app
    from penstock.api.refusals import Refusals
    from penstock.api.server import serving
    from penstock.api.webhooks import Hooks

    def accept(name: str, event: str, body: bytes) -> bool:
        fresh = home.deliver(name, event, body)
        arrived.set()
        return fresh

    refusals = Refusals(lambda count: home.tallies.add(REFUSED, home.clock.now(), count=count))
    secret = home.settings.webhook_secret
    hooks = Hooks(secret=secret.value.encode() if secret else None, accept=accept, refused=refusals.add)
    with serving(make_app(hooks), wishes.host, wishes.port) as at:
        yield at.url
    refusals.flush()


@contextmanager
def _ended_by_signals(stop: threading.Event) -> Iterator[None]:
    """SIGINT and SIGTERM end the work in order, instead of the process at once."""
    # A handler may interrupt whoever holds the event's lock; only a SimpleQueue's put is safe from there.
    told: SimpleQueue[int] = SimpleQueue()

    def pass_on() -> None:
        told.get()
        stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda number, _frame: told.put(number)) for number in numbers]
    threading.Thread(target=pass_on, daemon=True).start()
    try:
        yield
    finally:
        told.put(0)
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
