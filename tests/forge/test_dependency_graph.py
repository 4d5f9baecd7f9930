"""The dependency graph: read from manifests and lock files, shown as SPDX and as a difference."""

import json

import pytest
from tests.forge.proposing import REPO, commit
from tests.forge.world import World

from localforge.dependencies.manifests import Dependency, dependencies, is_manifest

LOCK = {
    "packages": {
        "": {"name": "own", "version": "1.0.0"},
        "node_modules/left-pad": {"version": "1.3.0"},
        "node_modules/a/node_modules/@scope/b": {"version": "2.0.0", "dev": True},
        "packages/mine": {"version": "0.1.0"},
    }
}
CARGO = '[[package]]\nname = "own"\nversion = "0.1.0"\n[[package]]\nname = "serde"\nversion = "1.0.1"\nsource = "registry+https://x"\n'
UV = '[[package]]\nname = "Own"\nversion = "1"\nsource = { editable = "." }\n[[package]]\nname = "Flask"\nversion = "3.0"\nsource = { registry = "x" }\n'
GO = "module m\n\ngo 1.22\n\nrequire example.com/one v1.2.3\n\nrequire (\n\texample.com/two/v2 v2.0.0 // indirect\n)\n"


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (
            "requirements.txt",
            "# c\nFlask==3.0.1 --hash=sha256:ab\nrequests[socks]>=2,<3 ; python_version > '3'\n-r other.txt\ngit+https://x/y\nzope.interface\n",
            ["flask 3.0.1 runtime", "requests >=2,<3 runtime", "zope-interface  runtime"],
        ),
        ("x/requirements-dev.txt", "pytest == 8\n", ["pytest 8 development"]),
        ("package-lock.json", json.dumps(LOCK), ["@scope/b 2.0.0 development", "left-pad 1.3.0 runtime"]),
        ("Cargo.lock", CARGO, ["serde 1.0.1 unknown"]),
        ("uv.lock", UV, ["flask 3.0 unknown"]),
        ("poetry.lock", '[[package]]\nname = "a_b"\nversion = "1"\n', ["a-b 1 unknown"]),
        ("go.mod", GO, ["example.com/one v1.2.3 runtime", "example.com/two/v2 v2.0.0 runtime"]),
        ("package-lock.json", "{", []),
        ("package-lock.json", "[]", []),
        ("package-lock.json", '{"packages": {"node_modules/a": 1}}', []),
        ("Cargo.lock", "[[package", []),
        ("notes.txt", "flask==1", []),
    ],
)
def test_what_a_file_names(path: str, text: str, expected: list[str]) -> None:
    found = dependencies(path, text.encode())
    assert [f"{entry.name} {entry.version} {entry.scope}" for entry in found] == expected
    assert is_manifest(path) or not found


def test_package_urls() -> None:
    """Only an exact version has one."""
    one = Dependency(manifest="m", ecosystem="npm", name="@scope/b", version="2.0.0")
    assert one.package_url == "pkg:npm/%40scope/b@2.0.0"
    assert Dependency(manifest="m", ecosystem="pip", name="a", version=">=2").package_url is None
    assert dependencies("requirements.txt", b"\xff\xfe") == []


def test_the_graph(world: World) -> None:
    """SPDX of the default branch, and what differs between two commits, also of one manifest alone."""
    olga = world.as_("olga")
    empty = olga.get(f"{REPO}/dependency-graph/sbom").json()["sbom"]
    assert len(empty["packages"]) == 1
    first = commit(world, "main", "requirements.txt", "flask==3.0.1\nclick==8\n")
    commit(world, "main", "package-lock.json", json.dumps(LOCK))
    last = commit(world, "main", "requirements.txt", "flask==3.0.2\nclick==8\n")
    sbom = olga.get(f"{REPO}/dependency-graph/sbom").json()["sbom"]
    assert {package["name"]: package["versionInfo"] for package in sbom["packages"][1:]} == {
        "click": "8",
        "flask": "3.0.2",
        "left-pad": "1.3.0",
        "@scope/b": "2.0.0",
    }
    ids = {package["SPDXID"] for package in sbom["packages"]} | {"SPDXRef-DOCUMENT"}
    assert len(ids) == 6
    assert {
        entry[end] for entry in sbom["relationships"] for end in ("spdxElementId", "relatedSpdxElement")
    } <= ids
    changed = olga.get(f"{REPO}/dependency-graph/compare/{first}...{last}").json()
    assert [(entry["change_type"], entry["name"], entry["version"]) for entry in changed] == [
        ("removed", "flask", "3.0.1"),
        ("added", "@scope/b", "2.0.0"),
        ("added", "left-pad", "1.3.0"),
        ("added", "flask", "3.0.2"),
    ]
    one = olga.get(f"{REPO}/dependency-graph/compare/{first}...main?name=package-lock.json").json()
    assert {entry["manifest"] for entry in one} == {"package-lock.json"}
    for wrong in ("main", "main..main", "main...nowhere", "nowhere...main"):
        assert olga.get(f"{REPO}/dependency-graph/compare/{wrong}").status_code == 404
    assert olga.get("/repos/acme/secret/dependency-graph/sbom").status_code == 404
    assert world.as_("otto").get("/repos/acme/secret/dependency-graph/sbom").status_code == 404
