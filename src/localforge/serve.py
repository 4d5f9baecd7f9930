"""Run the forge as a server: granian in this process, one worker."""

import asyncio
import secrets
import signal
import socket
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvloop
from granian.constants import Interfaces, TaskImpl
from granian.server.embed import Server

from localforge.actions.runner import Runner, RunnerSettings
from localforge.app import App
from localforge.control.door import Control
from localforge.control.remote import Door, announce, withdraw
from localforge.forge import Forge
from localforge.running import start, stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What is served beside GitHub's operations.

    The URL is written to `ready_file` once requests are taken. Workflow jobs are run as `actions` says (None: they
    stay queued). `door`: `/_forge` is there, for who knows the secret that this state directory holds meanwhile.
    """

    ready_file: Path | None = None
    actions: RunnerSettings | None = None
    door: bool = False


def serve(forge: Forge, address: Address, house: House) -> None:
    """Serve until SIGTERM or SIGINT. Prints the URL once requests are taken."""
    # granian binds with SO_REUSEPORT: holding the port ourselves lets the system choose it without a race.
    with socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((address.host, address.port))
        host, port = address.host, holder.getsockname()[1]
        forge.origin = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        app = App(forge)
        start(forge)
        if house.door:
            door = Door(url=forge.origin, secret=secrets.token_urlsafe(32))
            app.control = Control(forge, door.secret)
            announce(forge.state, door)
        else:
            withdraw(forge.state)  # of one that was killed
        try:
            # Not `uvloop.run`: what it does in the end trips over the tasks of `TaskImpl.rust`.
            with closing(uvloop.new_event_loop()) as loop:
                loop.run_until_complete(_serve(app, (host, port), house))
        finally:
            withdraw(forge.state)
            stop(forge)


async def _serve(app: App, bound: tuple[str, int], house: House) -> None:
    host, port = bound
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        task_impl=TaskImpl.rust,
        websockets=False,
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    serving = asyncio.create_task(server.serve())
    if await _accepts(host, port, serving):
        if house.actions:
            app.forge.employ(partial(Runner, app.forge, house.actions))
        print(app.forge.origin, flush=True)  # noqa: T201 (the command's answer)
        if house.ready_file:
            house.ready_file.write_text(app.forge.origin + "\n")
    await serving


async def _accepts(host: str, port: int, serving: "asyncio.Task[None]") -> bool:
    """Wait until the server answers; False when it ended instead."""
    while not serving.done():
        try:
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"GET /rate_limit HTTP/1.0\r\n\r\n")
            answered = bool(await reader.read(1))
            writer.close()
            await writer.wait_closed()
            if answered:
                return True
        except OSError:
            await asyncio.sleep(0.005)
    return False
