"""The dependency graph: what a repository depends on as an SPDX document, and what differs between two commits."""

import hashlib
from collections.abc import Sequence

from localforge.call import Answer, Call, ok
from localforge.dependencies.manifests import Dependency, dependencies, is_manifest
from localforge.errors import NotFoundError
from localforge.git import refnames
from localforge.git.directory import GitDir
from localforge.json_types import Json
from localforge.operations import Area

area = Area()

NOBODY = "NOASSERTION"


@area(
    "GET",
    "/repos/{owner}/{repo}/dependency-graph/sbom",
    "dependency-graph/export-sbom",
    needs="contents:read",
)
def export_sbom(call: Call) -> Answer:
    """The default branch's dependencies in SPDX 2.3; 404 while there is no commit."""
    sha = refnames.branch_sha(call.git, refnames.head_branch(call.git))
    if sha is None:
        raise NotFoundError
    full_name = call.view.full_name(call.repo)
    packages = {dependency: _spdx_id(dependency) for dependency in _at(call.git, sha)}
    root = f"SPDXRef-github-{full_name.replace('/', '-')}"
    own: dict[str, Json] = {
        "name": f"com.github.{full_name}",
        "SPDXID": root,
        "versionInfo": refnames.head_branch(call.git),
        "downloadLocation": f"git+{call.urls.page(full_name)}",
        "filesAnalyzed": False,
        "licenseConcluded": NOBODY,
        "licenseDeclared": NOBODY,
        "copyrightText": NOBODY,
        "supplier": NOBODY,
    }
    relationships: list[Json] = [
        {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": root}
    ]
    relationships += [
        {"spdxElementId": root, "relationshipType": "DEPENDS_ON", "relatedSpdxElement": spdx_id}
        for spdx_id in dict.fromkeys(packages.values())
    ]
    listed = {spdx_id: _package(dependency, spdx_id) for dependency, spdx_id in packages.items()}
    document: Json = {
        "SPDXID": "SPDXRef-DOCUMENT",
        "spdxVersion": "SPDX-2.3",
        "creationInfo": {"created": call.repo.pushed_at, "creators": ["Tool: localforge"]},
        "name": f"com.github.{full_name}",
        "dataLicense": "CC0-1.0",
        "documentNamespace": f"{call.urls.page(full_name)}/dependency_graph/sbom-{sha[:16]}",
        "packages": [own, *listed.values()],
        "relationships": relationships,
    }
    return ok({"sbom": document})


@area(
    "GET",
    "/repos/{owner}/{repo}/dependency-graph/compare/{basehead*}",
    "dependency-graph/diff-range",
    needs="contents:read",
)
def diff_range(call: Call) -> Answer:
    """Dependencies removed and added from `base` to `head`, those of `?name=` manifest alone."""
    base, separator, head = call.params["basehead"].partition("...")
    ends = [refnames.commit_sha(call.git, name) if separator else None for name in (base, head)]
    if ends[0] is None or ends[1] is None:
        raise NotFoundError
    before, after = (set(_at(call.git, sha)) for sha in ends if sha)
    only = call.query.get("name")
    changed = [("removed", d) for d in sorted(before - after)] + [
        ("added", d) for d in sorted(after - before)
    ]
    shown: list[Json] = [_changed(kind, d) for kind, d in changed if only in {None, d.manifest}]
    return ok(shown)


def _at(git: GitDir, sha: str) -> Sequence[Dependency]:
    """What the manifests of a commit name."""
    listing = git.run("ls-tree", "-r", "-z", sha).decode("utf-8", "surrogateescape")
    found: list[Dependency] = []
    for line in listing.split("\0")[:-1]:
        facts, _, path = line.partition("\t")
        mode, _, blob = facts.split()
        read = git.object(blob) if mode.startswith("100") and is_manifest(path) else None
        if read:
            found += dependencies(path, read.data)
    return found


def _spdx_id(dependency: Dependency) -> str:
    """The same for the same package and version in any manifest."""
    text = f"{dependency.ecosystem} {dependency.name} {dependency.version}"
    return f"SPDXRef-{dependency.ecosystem}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _package(dependency: Dependency, spdx_id: str) -> dict[str, Json]:
    url = dependency.package_url
    references: list[Json] = (
        [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": url}]
        if url
        else []
    )
    return {
        "name": dependency.name,
        "SPDXID": spdx_id,
        "versionInfo": dependency.version,
        "downloadLocation": NOBODY,
        "filesAnalyzed": False,
        "licenseConcluded": NOBODY,
        "licenseDeclared": NOBODY,
        "copyrightText": NOBODY,
        "supplier": NOBODY,
        "externalRefs": references,
    }


def _changed(kind: str, dependency: Dependency) -> dict[str, Json]:
    """Licences and vulnerabilities are in no manifest: unknown, and none."""
    return {
        "change_type": kind,
        "manifest": dependency.manifest,
        "ecosystem": dependency.ecosystem,
        "name": dependency.name,
        "version": dependency.version,
        "package_url": dependency.package_url,
        "license": None,
        "source_repository_url": None,
        "scope": dependency.scope,
        "vulnerabilities": [],
    }
