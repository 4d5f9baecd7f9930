"""Real patches: is the tree that is judged the tree that git makes, and are the facts of it git's own numbers."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Measure
from benchmarks.releases import History, Patch, git, history, unpack

from penstock.adapters.git.capture import CaptureLimits, capture_tree
from penstock.adapters.git.command import Git, trusted_environment
from penstock.adapters.git.diff import Changed, compared
from penstock.adapters.git.patching import apply_patch
from penstock.core.refs import Sha
from penstock.ports import Permanent

RAW = ("diff", "--no-renames", "--no-abbrev", "-z")


def measures() -> Iterator[Measure]:
    """Of every patch: git's text of it, whole and as it is without options, the raw facts, and the captured folder."""
    known = history()
    counts: Counter[str] = Counter()
    refused: list[str] = []
    differing: list[str] = []
    for patch in known.patches:
        for what, answer in _answers(known, patch):
            counts[what, answer] += 1  # type: ignore[index]  # pairs are counted
            (refused if answer.startswith("refused") else differing if answer == "differs" else []).append(
                f"{patch.name}, {what}: {answer}"
            )
    asked = len(known.patches)
    for what in (
        "git diff --binary, applied",
        "git diff, applied",
        "paths, modes, objects, lines",
        "folder, captured",
    ):
        same, no = counts[what, "same"], counts[what, "refused, as git does"]  # type: ignore[index]
        measured = f"{same} of {asked}" + (f"; refused, as git does: {no}" if no else "")
        yield Measure(
            what=f"consecutive releases of packages, {what}: as git has it",
            aim="all, or refused",
            measured=measured,
            met=same + no == asked and asked >= 300,
        )
    for line in (*differing, *refused, *(f"not fetched: {release}" for release in known.left_out)):
        print(line)


def _answers(known: History, patch: Patch) -> Iterator[tuple[str, str]]:
    ours = Git(directory=known.folder / ".git", environment=trusted_environment())
    before, after = Sha(patch.before), Sha(patch.after)
    wanted = git(known.folder, "rev-parse", f"{after}^{{tree}}").decode().strip()
    for what, options in (("git diff --binary, applied", ("--binary",)), ("git diff, applied", ())):
        text = git(known.folder, "diff", *options, before, after)
        yield what, _applied(ours, known, patch, text, wanted)
    changed, _ = compared(ours, before, after)
    yield "paths, modes, objects, lines", "same" if _told(changed) == _gits(known, patch) else "differs"
    with tempfile.TemporaryDirectory(dir=known.folder.parent) as folder:
        unpack(Path(patch.archive), Path(folder) / "package")
        captured = capture_tree(ours, {}, Path(folder) / "package", CaptureLimits())
    there = git(known.folder, "rev-parse", f"{after}:{patch.place}").decode().strip()
    yield "folder, captured", "same" if captured == there else "differs"


def _applied(ours: Git, known: History, patch: Patch, text: bytes, wanted: str) -> str:
    if not text and git(known.folder, "rev-parse", f"{patch.before}^{{tree}}").decode().strip() == wanted:
        return "same"  # nothing differs, so there is no patch
    try:
        return "same" if apply_patch(ours, Sha(patch.before), text) == wanted else "differs"
    except Permanent as error:
        return "refused, as git does" if _git_refuses(known, patch, text) else f"refused: {error}"


def _git_refuses(known: History, patch: Patch, text: bytes) -> bool:
    """Plain git, in a work tree of its own."""
    with tempfile.TemporaryDirectory(dir=known.folder.parent) as folder:
        place = Path(folder) / "tree"
        git(known.folder, "worktree", "add", "--quiet", "--detach", str(place), patch.before)
        try:
            git(place, "apply", "--index", "-", stdin=text)
        except OSError:
            raise
        except Exception:  # noqa: BLE001 - whatever git says, it did not apply
            return True
        finally:
            git(known.folder, "worktree", "remove", "--force", str(place))
    return False


Row = tuple[bytes, str, str, str | None, str | None, int, int, bool]


def _told(changed: tuple[Changed, ...]) -> list[Row]:
    return [
        (c.raw, c.old_mode, c.new_mode, c.old_sha, c.new_sha, c.additions, c.deletions, c.binary)
        for c in changed
    ]


def _gits(known: History, patch: Patch) -> list[Row]:
    """By two commands of plain git in the work tree."""
    raw = git(known.folder, *RAW, "--raw", patch.before, patch.after).split(b"\0")[:-1]
    counts = {
        line.split(b"\t", 2)[2]: line.split(b"\t", 2)[:2]
        for line in git(known.folder, *RAW, "--numstat", patch.before, patch.after).split(b"\0")[:-1]
    }
    rows: list[Row] = []
    for head, path in zip(raw[::2], raw[1::2], strict=True):
        old_mode, new_mode, old, new, _ = head[1:].decode().split()
        more, less = counts[path]
        binary = more == b"-"
        shas = (sha if sha.strip("0") else None for sha in (old, new))
        rows.append(
            (path, old_mode, new_mode, *shas, 0 if binary else int(more), 0 if binary else int(less), binary)  # type: ignore[arg-type]
        )
    return rows
