"""Manifests and lock files that can be read honestly without a resolver. Pure: text in, dependencies out.

A file that is not well formed has none, as on GitHub, where it is left out of the graph.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import quote

import tomli

Scope = Literal["runtime", "development", "unknown"]
LARGEST = 5 << 20
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*(?P<range>(===?|~=|!=|<=?|>=?)[^;#]*)?(;.*|#.*|\s)*"
)
_GO = re.compile(r"(?:require\s+)?(?P<name>[\w.~/-]+)\s+(?P<version>v[\w.+-]+)(?:\s*//.*)?")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Dependency:
    """A package that a manifest names; `version` as it says: exact in a lock file, maybe a range elsewhere."""

    manifest: str
    ecosystem: str
    name: str
    version: str
    scope: Scope = "runtime"

    @property
    def exact(self) -> bool:
        """Whether the version is one version."""
        return bool(self.version) and not set(self.version) & set("<>=~^*!, ")

    @property
    def package_url(self) -> str | None:
        """The package as a purl (https://github.com/package-url/purl-spec); None without an exact version."""
        kind = {"pip": "pypi", "rust": "cargo", "go": "golang"}.get(self.ecosystem, self.ecosystem)
        return f"pkg:{kind}/{quote(self.name, safe='/')}@{quote(self.version)}" if self.exact else None


def is_manifest(path: str) -> bool:
    """Whether the file is one that is read."""
    return _reader(path) is not None


def dependencies(path: str, content: bytes) -> list[Dependency]:
    """What one file names, sorted; nothing where it is not well formed."""
    reader = _reader(path)
    if reader is None or len(content) > LARGEST:
        return []
    try:
        return sorted(set(reader(path, content.decode("utf-8"))))
    except (ValueError, AttributeError, TypeError):
        return []


def _reader(path: str) -> Callable[[str, str], Iterable[Dependency]] | None:
    name = PurePosixPath(path).name
    if re.fullmatch(r"requirements[\w.-]*\.txt", name):
        return _requirements
    return _READERS.get(name)


def _requirements(path: str, text: str) -> Iterator[Dependency]:
    scope: Scope = "development" if re.search("dev|test", PurePosixPath(path).name) else "runtime"
    for line in text.replace("\\\n", " ").splitlines():
        found = _REQUIREMENT.fullmatch(re.sub(r"\s--hash=\S+", "", line).strip())
        if found:
            wanted = (found["range"] or "").strip()
            version = wanted.lstrip("= ") if re.fullmatch(r"={2,3}\s*[\w.+!-]+", wanted) else wanted
            yield Dependency(
                manifest=path, ecosystem="pip", name=_normal(found["name"]), version=version, scope=scope
            )


def _package_lock(path: str, text: str) -> Iterator[Dependency]:
    packages: Mapping[str, Mapping[str, object]] = json.loads(text).get("packages", {})
    for place, facts in packages.items():
        name = str(facts.get("name") or place.rpartition("node_modules/")[2])
        if "node_modules/" in place and isinstance(facts.get("version"), str):
            scope: Scope = "development" if facts.get("dev") else "runtime"
            yield Dependency(
                manifest=path, ecosystem="npm", name=name, version=str(facts["version"]), scope=scope
            )


def _toml_lock(ecosystem: str) -> Callable[[str, str], Iterator[Dependency]]:
    def read(path: str, text: str) -> Iterator[Dependency]:
        for package in tomli.loads(text).get("package", []):
            source = package.get("source")
            own = isinstance(source, Mapping) and bool({"editable", "virtual"} & source.keys())
            if own or (ecosystem == "rust" and source is None):
                continue  # the workspace's own
            name = _normal(package["name"]) if ecosystem == "pip" else package["name"]
            yield Dependency(
                manifest=path,
                ecosystem=ecosystem,
                name=name,
                version=package.get("version", ""),
                scope="unknown",
            )

    return read


def _go_mod(path: str, text: str) -> Iterator[Dependency]:
    inside = False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("require ("):
            inside = True
        elif line == ")":
            inside = False
        elif (inside or line.startswith("require ")) and (found := _GO.fullmatch(line)):
            yield Dependency(manifest=path, ecosystem="go", name=found["name"], version=found["version"])


def _normal(name: str) -> str:
    """A Python package's name as the index writes it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


_READERS: Mapping[str, Callable[[str, str], Iterable[Dependency]]] = {
    "package-lock.json": _package_lock,
    "Cargo.lock": _toml_lock("rust"),
    "poetry.lock": _toml_lock("pip"),
    "uv.lock": _toml_lock("pip"),
    "go.mod": _go_mod,
}
