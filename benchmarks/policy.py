"""What judging costs: real commits in a repository of 10,000 files, a large patch, and patches made to cost more.

In processor time of this process and of those it starts (git, and the one that reads sources), so that other work on the
machine counts for little.
"""

import os
import resource
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.commits import commits
from benchmarks.measure import Measure
from benchmarks.releases import History, Patch, git, history

from penstock.adapters.git.command import Git, trusted_environment
from penstock.adapters.git.facts import diff_facts
from penstock.adapters.git.mirrors import create
from penstock.adapters.git.objects import Entry, blob_id, quarantine, write_tree
from penstock.adapters.git.patching import apply_patch
from penstock.adapters.secrets import Secrets
from penstock.core.evidence import FileMode
from penstock.core.gates import judge_patches
from penstock.core.policy.patches import Scope
from penstock.core.policy.rules import Policy
from penstock.core.refs import Sha

EVERY = 3
"""Of the real patches."""
TRIES = 3
BEYOND_MS, LARGE_SECONDS, LARGE_LINES, TIMES = 40, 3, 50_000, 5
BYTES = 2_000_000
EVERYWHERE = Scope(allowed=("**",))


def measures() -> Iterator[Measure]:
    with tempfile.TemporaryDirectory() as folder:
        secrets = Secrets(kept=Path(folder))
        secrets.find("")  # its rules are loaded
        known = history()
        own = tuple(commits(known))
        ours = _mirror(known, Path(folder))
        yield from _real(known, ours, ("commits of this repository", own), secrets)
        yield from _real(known, ours, ("differences of releases", known.patches[::EVERY]), secrets)
        yield from _made(Path(folder), secrets)


def _spent(work: Callable[[], object]) -> float:
    """Seconds of processor time, the least of some tries: a core that others share is slower by as much again."""

    def once() -> float:
        began = _processor_seconds()
        work()
        return _processor_seconds() - began

    return min(once() for _ in range(TRIES))


def _processor_seconds() -> float:
    """Of this process, those it has waited for, and those that live. Source: proc(5), /proc/PID/schedstat in nanoseconds."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    alive = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    threads = (thread for pid in alive for thread in Path("/proc", pid, "task").glob("*/schedstat"))
    waiting = sum(int(thread.read_text().split()[0]) for thread in threads)
    return sum(each.ru_utime + each.ru_stime for each in used) + waiting / 1e9


def _judge(ours: Git, base: Sha, tree: Sha, secrets: Secrets) -> None:
    judge_patches(diff_facts(ours, base, tree, secrets), EVERYWHERE, Policy())


def _mirror(known: History, folder: Path) -> Git:
    """Without files and without an index, as Penstock has its repositories."""
    git(known.folder, "clone", "--quiet", "--bare", str(known.folder), str(folder / "mirror.git"))
    return Git(directory=folder / "mirror.git", environment=trusted_environment())


def _real(
    known: History, ours: Git, named: tuple[str, Sequence[Patch]], secrets: Secrets
) -> Iterator[Measure]:
    what, chosen = named
    gits, all_of_it, lines = [], [], []
    for patch in chosen:
        text = git(known.folder, "diff", "--binary", patch.before, patch.after)
        if text:
            lines.append(text.count(b"\n"))
            gits.append(_spent(lambda patch=patch, text=text: _by_git(known, patch, text)))  # type: ignore[misc]
            all_of_it.append(_spent(lambda patch=patch, text=text: _by_us(ours, patch, text, secrets)))  # type: ignore[misc]
    if not gits:
        return
    beyond = [1000 * (whole - own) for whole, own in zip(all_of_it, gits, strict=True)]
    middle = statistics.median(beyond)
    yield Measure(
        what=f"facts and verdict of {len(beyond)} {what} ({statistics.median(lines):.0f} lines of patch) in 10,000 files, "
        f"beyond git's own apply and write-tree ({1000 * statistics.median(gits):.0f} ms): median",
        aim=f"≤ {BEYOND_MS} ms",
        measured=f"{middle:.0f} ms (a quarter under {statistics.quantiles(beyond)[0]:.0f}, "
        f"a quarter over {statistics.quantiles(beyond)[2]:.0f})",
        met=middle <= BEYOND_MS,
    )


def _by_git(known: History, patch: Patch, text: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        index = f"GIT_INDEX_FILE={folder}/index"
        for command in (("read-tree", patch.before), ("apply", "--cached", "-"), ("write-tree",)):
            _env_git(known, index, command, text if command[0] == "apply" else b"")


def _env_git(known: History, index: str, command: tuple[str, ...], stdin: bytes) -> None:
    import subprocess

    subprocess.run(
        ("env", index, "git", *command), cwd=known.folder, input=stdin, check=True, capture_output=True
    )


def _by_us(ours: Git, patch: Patch, text: bytes, secrets: Secrets) -> None:
    base = Sha(patch.before)
    _judge(ours, base, apply_patch(ours, base, text), secrets)


def _made(folder: Path, secrets: Secrets) -> Iterator[Measure]:
    repository = _Repository(folder, secrets)
    large = {"src/large.py": "".join(f"value_{n} = {n}\n" for n in range(LARGE_LINES)).encode()}
    took = repository.cost(large)
    yield Measure(
        what=f"a patch of {LARGE_LINES:,} lines: facts and verdict",
        aim=f"≤ {LARGE_SECONDS} s",
        measured=f"{took:.2f} s",
        met=took <= LARGE_SECONDS,
    )
    scanned = _spent(lambda: secrets.find(large["src/large.py"].decode()))
    yield Measure(what="the same: looking for secrets alone", aim="", measured=f"{scanned:.3f} s", met=None)
    ordinary = _per_byte(repository, _ordinary())
    for name, files in HOSTILE.items():
        times = _per_byte(repository, files()) / ordinary
        yield Measure(
            what=f"hostile: {name}, for each byte, against an ordinary patch ({ordinary * 1e9:.0f} ns)",
            aim=f"≤ {TIMES}×",
            measured=f"{times:.1f}×",
            met=times <= TIMES,
        )


def _per_byte(repository: "_Repository", files: Mapping[str, bytes]) -> float:
    return repository.cost(files) / sum(len(path) + len(content) for path, content in files.items())


def _ordinary() -> dict[str, bytes]:
    """Python's own library, as much of it as the hostile ones have."""
    files: dict[str, bytes] = {}
    for path in sorted(Path(os.__file__).parent.glob("*.py")):
        if sum(map(len, files.values())) > BYTES:
            break
        files[f"src/{path.name}"] = path.read_bytes()
    return files


HOSTILE: Mapping[str, Callable[[], dict[str, bytes]]] = {
    "one line of 10 MB": lambda: {"src/a.txt": b"token = " + b"aB3$" * (BYTES * 5 // 4)},
    "one line of 10 MB in Python": lambda: {"src/a.py": b"x = '" + b"a" * BYTES * 5 + b"'\n"},
    "10,000 small files": lambda: {f"src/{n % 100}/{n}.py": b"x = 1\n" * 20 for n in range(10_000)},
    "brackets in brackets": lambda: {
        "a.json": b"[" * (BYTES // 2) + b"]" * (BYTES // 2),
        "a.py": b"(" * 200 + b")" * 200,
    },
    "folders in folders": lambda: {"/".join(["d"] * 60 + [f"{n}.txt"]): b"x\n" * 100 for n in range(5000)},
    "almost secrets": lambda: {"src/a.txt": b"AKIA" * (BYTES // 4)},
    "words for a slow expression": lambda: {
        "tests/test_a.py": b"".join(b"# " + b"assert " * 300 + b"\n" for _ in range(BYTES // 2103))
    },
    "spaces for a slow expression": lambda: {
        ".coveragerc": b"".join(b"fail_under" + b" " * 2000 + b"x\n" for _ in range(BYTES // 2012))
    },
    "letters that pass for others": lambda: {"src/a.txt": ("раураl " * 20 + "\n").encode() * (BYTES // 241)},
    "bytes that are no text": lambda: {"src/a.py": bytes(range(128, 256)) * (BYTES // 128)},
    "lines that come again and again": lambda: {"src/a.txt": b"a\n" * (BYTES // 2)},
}


class _Repository:
    """One file, and every patch adds to it."""

    def __init__(self, folder: Path, secrets: Secrets) -> None:
        self._secrets = secrets
        self._git = create(folder / "made.git", trusted_environment())
        self._base = self._tree({"README.md": b"A\n"})

    def _tree(self, files: Mapping[str, bytes]) -> Sha:
        with quarantine(self._git) as apart:
            apart.add(files.values())
            apart.promote()
        entries = {
            path.encode(): Entry(mode=FileMode.FILE, sha=blob_id(content)) for path, content in files.items()
        }
        return write_tree(self._git, entries)

    def cost(self, files: Mapping[str, bytes]) -> float:
        """Seconds of facts and verdict."""
        tree = self._tree({"README.md": b"A\n", **files})
        return _spent(lambda: _judge(self._git, self._base, tree, self._secrets))
