"""One push: `git receive-pack` with the forge's judgement before refs move and its journal around it."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from localforge.access import Actor
from localforge.forge import Forge
from localforge.git.directory import environment
from localforge.guard import ProtectedBranchError, judge
from localforge.refs import PUSH, Move, intend, settle
from localforge.rulesets import RULE_VIOLATIONS
from localforge.store.repos import RefChange, Repository

HOOKS = Path(__file__).parent / "git" / "hooks"
LARGEST_PUSH = 2 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """What became of the question that the hook asked: journalled changes, or the refusal."""

    changes: Sequence[RefChange] = ()
    refusal: bytes | None = None


def receive_pack(forge: Forge, repo: Repository, actor: Actor, request: BinaryIO) -> bytes:
    """Carry out the push in `request` (a receive-pack request body). Returns the response body."""
    with tempfile.TemporaryFile() as output:
        ask, asked = os.pipe()
        answered, answer = os.pipe()
        # Left in reverse order: whatever happens, the hook is answered (refused) before git is waited for.
        with (
            os.fdopen(ask, "rb") as questions,
            _start(forge, repo, request, output, (asked, answered)) as process,
            os.fdopen(answer, "wb", buffering=0) as answers,
        ):
            os.close(asked)
            os.close(answered)
            moves, quarantine = _read_question(questions, forge.git_path(repo.id))
            with forge.ref_lock(repo.id):
                judged = _judge(forge, repo, actor, moves, quarantine)
                if moves and judged.refusal is None:
                    answers.write(b"ok\n")
                answers.close()
                process.wait()
                settle(forge, judged.changes)
        if judged.refusal is not None:
            return judged.refusal
        output.seek(0)
        return output.read()


def _start(
    forge: Forge, repo: Repository, request: BinaryIO, output: IO[bytes], pipes: tuple[int, int]
) -> "subprocess.Popen[bytes]":
    asked, answered = pipes
    return subprocess.Popen(
        ["git", "receive-pack", "--stateless-rpc", str(forge.git_path(repo.id))],
        stdin=request,
        stdout=output,
        stderr=subprocess.DEVNULL,
        pass_fds=pipes,
        env=environment(
            {"LOCALFORGE_ASK": f"/dev/fd/{asked}", "LOCALFORGE_ANSWER": f"/dev/fd/{answered}"},
            {"core.hooksPath": str(_hooks(forge)), "receive.maxInputSize": str(LARGEST_PUSH)},
        ),
    )


def _hooks(forge: Forge) -> Path:
    """The hook in the state directory, where it is executable however the package was installed."""
    folder = forge.state / "hooks"
    hook = folder / "pre-receive"
    text = (HOOKS / "pre-receive").read_text()
    if not hook.exists() or hook.read_text() != text:
        folder.mkdir(exist_ok=True)
        fresh = folder / f"pre-receive.{os.getpid()}"
        fresh.write_text(text)
        fresh.chmod(0o755)
        fresh.rename(hook)
    return folder


def _read_question(questions: BinaryIO, git_path: Path) -> tuple[list[Move], dict[str, str]]:
    """What the hook asks: the moves and the environment in which their objects can be read.

    No moves when git refused the push before asking (the pack was bad, nothing changes).
    """
    lines = iter(questions.readline, b"")
    quarantine = next(lines, b"").decode().strip()
    moves = []
    for line in lines:
        if line == b"\n":
            break
        before, after, ref = line.decode("utf-8", "surrogateescape").rstrip("\n").split(" ", 2)
        moves.append(Move(ref=ref, before=before, after=after))
    objects = git_path / "objects"
    waiting = {
        "GIT_OBJECT_DIRECTORY": str(objects),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(git_path / quarantine),
    }
    return moves, waiting if quarantine else {}


def _judge(
    forge: Forge, repo: Repository, actor: Actor, moves: Sequence[Move], quarantine: dict[str, str]
) -> _Judged:
    try:
        judge(forge, repo, moves, actor, quarantine)
    except ProtectedBranchError as error:
        return _Judged(refusal=_report(moves, error))
    return _Judged(changes=intend(forge, repo.id, moves, actor.account.id, PUSH) if moves else ())


def _report(moves: Sequence[Move], error: ProtectedBranchError) -> bytes:
    """The refusal as receive-pack would report it: reasons for people, then each ref's fate."""
    lines = []
    for ref, reasons in error.reasons.items():
        by_rules = any(reason.startswith(RULE_VIOLATIONS) for reason in reasons)
        what = f"GH013: {RULE_VIOLATIONS}" if by_rules else "GH006: Protected branch update failed"
        lines.append(f"error: {what} for {ref}.")
        lines += [f"error: {reason}" for reason in reasons]
    said = b"".join(_packet(b"\x02" + f"{line}\n".encode("utf-8", "surrogateescape")) for line in lines)
    fates = [f"ng {item.ref} {_fate(item.ref, error)}\n".encode("utf-8", "surrogateescape") for item in moves]
    report = b"".join(map(_packet, [b"unpack ok\n", *fates])) + b"0000"
    return said + _packet(b"\x01" + report) + b"0000"


def _fate(ref: str, error: ProtectedBranchError) -> str:
    return "protected branch hook declined" if ref in error.reasons else "atomic push failed"


def _packet(data: bytes) -> bytes:
    """A pkt-line: four hex digits of length, themselves included, and the data."""
    return f"{len(data) + 4:04x}".encode() + data
