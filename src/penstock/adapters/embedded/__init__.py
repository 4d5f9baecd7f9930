"""The embedded forge's process and accounts: started, found again and stopped; everything else goes over HTTP."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from penstock.ports import Permanent, Transient

ORGANIZATION, OPERATOR, BOT = "acme", "operator", "penstock-bot"
READY_SECONDS = 20.0
_OPERATOR_SCOPES = ("repo", "workflow", "admin:org", "delete_repo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """One embedded forge: its tokens, and where it answered last. Kept in `embedded.json`, for its owner only."""

    state: Path
    port: int
    operator_token: str = field(repr=False)
    writer_token: str = field(repr=False)
    reader_token: str = field(repr=False)
    unsafe_no_sandbox: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def forge_state(self) -> Path:
        return self.state / "forge"


def find(state: Path) -> Embedded | None:
    """The embedded forge of a state directory, if it has one."""
    path, forge = state / "embedded.json", state / "forge"
    if not (path.exists() and forge.exists()):
        return None
    try:
        kept = json.loads(path.read_text())
        return Embedded(state=state, **kept)
    except (ValueError, TypeError) as error:
        raise Permanent(
            "bad_state", f"{path} is not readable ({error}); remove {state} to start over"
        ) from error


def create(
    state: Path, *, writer: Mapping[str, str], reader: Mapping[str, str], unsafe_no_sandbox: bool
) -> Embedded:
    """A new forge with an organization, its operator and a bot, and a token for each role, in a directory of its owner.

    It is there whole or not at all: what an interruption leaves half made is made anew. Raises Permanent `bad_state`
    where a forge stands whose tokens are gone.

    `writer` and `reader`: what the bot's two tokens may, a level by GitHub's name of each permission.
    """
    if (state / "forge").exists():
        raise Permanent(
            "bad_state", f"{state / 'forge'} has lost its embedded.json; remove {state} to start over"
        )
    forge = state / "forge.new"
    shutil.rmtree(forge, ignore_errors=True)
    operator_token, writer_token, reader_token = _admin(
        forge,
        ("user", OPERATOR),
        ("user", BOT),
        ("org", ORGANIZATION, "--owner", OPERATOR),
        ("member", ORGANIZATION, BOT, "--role", "admin"),
        ("token", OPERATOR, *(f"--scope={scope}" for scope in _OPERATOR_SCOPES)),
        ("token", BOT, *_permitting(writer)),
        ("token", BOT, *_permitting(reader)),
    )
    embedded = Embedded(
        state=state,
        port=0,
        operator_token=operator_token,
        writer_token=writer_token,
        reader_token=reader_token,
        unsafe_no_sandbox=unsafe_no_sandbox,
    )
    _keep(embedded)
    forge.rename(embedded.forge_state)
    return embedded


def _permitting(levels: Mapping[str, str]) -> list[str]:
    return [f"--permission={name}={level}" for name, level in levels.items()]


def ensure_running(embedded: Embedded) -> Embedded:
    """The forge, answering: found alive, or started in the background, where it outlives this process."""
    if _pid(embedded) is None:
        _address_file(embedded).unlink(missing_ok=True)
        _spawn(embedded)
    deadline = time.monotonic() + READY_SECONDS
    while not (address := _address(embedded)):
        if _pid(embedded) is None:
            if embedded.port:
                return ensure_running(replace(embedded, port=0))
            raise Transient("forge_down", f"the embedded forge did not start; its log is {_log(embedded)}")
        if time.monotonic() > deadline:
            raise Transient(
                "forge_down",
                f"the embedded forge did not answer in {READY_SECONDS:.0f} s; its log is {_log(embedded)}",
            )
        time.sleep(0.02)
    running = replace(embedded, port=int(address.rsplit(":", 1)[1]))
    if running != embedded:
        _keep(running)
    return running


def _address_file(embedded: Embedded) -> Path:
    return embedded.state / "forge.url"


def _address(embedded: Embedded) -> str:
    """Where it answers, as it wrote down itself; empty until it does."""
    try:
        written = _address_file(embedded).read_text()
    except FileNotFoundError:
        return ""
    return written.strip() if written.endswith("\n") else ""


def _log(embedded: Embedded) -> Path:
    return embedded.state / "forge.log"


def _spawn(embedded: Embedded) -> None:
    """A server in a session of its own, which this process does not own: it stays when this one ends.

    No interrupt comes between its start and its pid file, without which nobody would find it again.
    """
    flags = ["--unsafe-no-sandbox"] if embedded.unsafe_no_sandbox else []
    ready = str(_address_file(embedded))
    where = ["--state", str(embedded.forge_state), "--port", str(embedded.port), "--ready-file", ready]
    writing = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "localforge", "serve", *where, *flags],
            {"PATH": os.defpath, "LANG": "C.UTF-8"},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(_log(embedded)), writing, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigmask=before,
        )
        (embedded.state / "forge.pid").write_text(f"{pid}\n")
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def stop(embedded: Embedded) -> bool:
    """End the forge's own process, by its id; False when it was not running."""
    pid = _pid(embedded)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + READY_SECONDS
    while _pid(embedded) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    (embedded.state / "forge.pid").unlink(missing_ok=True)
    return True


def _pid(embedded: Embedded) -> int | None:
    """The id of this very forge's living process: a pid file may outlive it, and its number be used again."""
    path = embedded.state / "forge.pid"
    try:
        pid = int(path.read_text())
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pid = int(path.read_text())
    except (OSError, ValueError):
        return None
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return None
    words = line.split(b"\0")
    starting = (
        not line and state != "Z"
    )  # for a moment, a process that has just been started has no words yet
    ours = b"localforge" in words and str(embedded.forge_state).encode() in words
    return pid if ours or starting else None


def _admin(forge: Path, *things: Sequence[str]) -> list[str]:
    """Make these in one go, in a process of the forge's own; what it answers: the tokens, in their order."""
    done = subprocess.run(
        [sys.executable, "-m", "localforge", "admin", "--state", str(forge), "lines"],
        input="\n".join(map(shlex.join, things)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Permanent("forge_setup", f"setting up the embedded forge failed: {done.stderr.strip()}")
    return done.stdout.split()


def _keep(embedded: Embedded) -> None:
    path = embedded.state / "embedded.json"
    kept = asdict(embedded)
    del kept["state"]
    temporary = path.with_suffix(".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(kept, file)
    temporary.replace(path)
