"""Consecutive releases of registry packages, committed in order by git itself beside the files of this machine's Python.

The registries' own clients fetch them into a cache outside the checkout. None of their code runs: an npm package is only
packed, and the sdists are of packages whose build back end (flit or hatchling, which are installed here) just reads them.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import islice, pairwise
from pathlib import Path

LIST = Path(__file__).with_name("releases.txt")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "penstock-benchmarks"
OTHER_FILES = 10_000
"""Files of the repository besides the packages."""
LARGEST_OTHER = 1 << 18
_SUFFIX = {"sdist": "tar.gz", "npm": "tgz"}
_PERSON = {
    f"GIT_{role}_{part}": f"{role}@{part}" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package and some of its versions, oldest first."""

    kind: str
    name: str
    versions: tuple[str, ...]

    def archive(self, version: str) -> Path:
        return CACHE / self.kind / f"{self.name}-{version}.{_SUFFIX[self.kind]}"

    def fetch(self) -> None:
        """What is not in the cache yet."""
        missing = [version for version in self.versions if not self.archive(version).exists()]
        (CACHE / self.kind).mkdir(parents=True, exist_ok=True)
        if missing and self.kind == "npm" and shutil.which("npm"):
            _client(
                "npm",
                "pack",
                "--silent",
                *(f"{self.name}@{version}" for version in missing),
                cwd=CACHE / "npm",
            )
        for version in missing if self.kind == "sdist" else ():
            options = ("--no-deps", "--no-binary=:all:", "--no-build-isolation", "--quiet", "--dest=.")
            _client(
                sys.executable,
                "-m",
                "pip",
                "download",
                *options,
                f"{self.name}=={version}",
                cwd=CACHE / "sdist",
            )


def _client(*command: str, cwd: Path) -> None:
    """It may well fail: what could not be fetched is told by name afterwards."""
    subprocess.run(command, cwd=cwd, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """From one release to the next: two commits, and the newer release's archive, unpacked at `place`."""

    name: str
    before: str
    after: str
    archive: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A repository with a work tree. `left_out`: releases that could not be fetched."""

    folder: Path
    patches: tuple[Patch, ...]
    left_out: tuple[str, ...]


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """The machine's git as a person runs it, with nobody's configuration."""
    quiet = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
    return subprocess.run(
        ("git", *arguments), cwd=folder, env=quiet | _PERSON, input=stdin, check=True, capture_output=True
    ).stdout


def unpack(archive: Path, into: Path) -> None:
    """Without the folder that all of an archive is in, and with times of now: archives give all files of all releases one
    time, and by that git would take a changed file of the same size for unchanged."""
    into.mkdir(parents=True)
    options = ("--no-same-owner", "--no-same-permissions", "--touch", "--strip-components=1")
    subprocess.run(("tar", "-xzf", archive, "-C", into, *options), check=True, umask=0o022)


def packages() -> tuple[Package, ...]:
    lines = (line.split() for line in LIST.read_text().splitlines() if line and not line.startswith("#"))
    return tuple(Package(kind=kind, name=name, versions=tuple(versions)) for kind, name, *versions in lines)


def history() -> History:
    """Made once and kept in the cache."""
    asked = packages()
    for package in asked:
        package.fetch()
    left_out = tuple(
        f"{package.name} {version}"
        for package in asked
        for version in package.versions
        if not package.archive(version).exists()
    )
    of = sha256(repr((asked, left_out, OTHER_FILES, sys.version, unpack.__doc__)).encode()).hexdigest()[:16]
    folder = CACHE / f"history-{of}"
    told = folder / ".git" / "patches.json"
    if not told.exists():
        shutil.rmtree(folder, ignore_errors=True)
        patches = [asdict(patch) for patch in _committed(folder, asked)]
        told.write_text(json.dumps(patches))
    made = tuple(Patch(**patch) for patch in json.loads(told.read_text()))
    return History(folder=folder, patches=made, left_out=left_out)


def _committed(folder: Path, asked: Sequence[Package]) -> Iterator[Patch]:
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    for path in _other_files():
        copy = folder / "lib" / path.relative_to(path.anchor)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    heads: dict[str, str] = {}
    for package in asked:
        there = [version for version in package.versions if package.archive(version).exists()]
        place = f"packages/{package.name}"
        for version in there:
            shutil.rmtree(folder / place, ignore_errors=True)
            unpack(package.archive(version), folder / place)
            heads[version] = _commit(folder, f"{package.name} {version}")
        yield from _patches(package, there, heads)
    git(folder, "repack", "-a", "-d", "--quiet")


def _patches(package: Package, there: Sequence[str], heads: Mapping[str, str]) -> Iterator[Patch]:
    for before, after in pairwise(there):
        yield Patch(
            name=f"{package.name} {before} to {after}",
            before=heads[before],
            after=heads[after],
            archive=str(package.archive(after)),
            place=f"packages/{package.name}",
        )


def _commit(folder: Path, message: str) -> str:
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD").decode().strip()


def _other_files() -> Iterator[Path]:
    """Of Python's library and what is installed, in the order of their paths."""
    found = (
        path
        for place in ("stdlib", "purelib")
        for path in sorted(Path(sysconfig.get_path(place)).rglob("*"))
        if path.is_file() and path.suffix != ".pyc" and path.stat().st_size <= LARGEST_OTHER
    )
    return islice(found, OTHER_FILES)
