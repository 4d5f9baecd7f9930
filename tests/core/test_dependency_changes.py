"""What two trees differ in, which flaws of lock files that shows, and what G-14 makes of it."""

import json
from dataclasses import replace

import pytest

from penstock.core.dependencies.advisories import Audit, Audited, Standing
from penstock.core.dependencies.changes import Move, package_changes, requirement_changes
from penstock.core.dependencies.facts import DependencyFile, Ecosystem, FilePair
from penstock.core.dependencies.files import kind_of, read
from penstock.core.dependencies.integrity import lock_problems
from penstock.core.evidence import DiffFacts
from penstock.core.policy.dependencies import SHOWN, judge_dependencies, requirable
from penstock.core.policy.rules import Policy
from penstock.core.refs import Digest, Sha
from penstock.core.verdict import Outcome, render_text

Tree = dict[str, str]


def file(path: str, text: str | None) -> DependencyFile | None:
    kind = kind_of(path)
    assert kind is not None, path
    return None if text is None else read(path, kind, text.encode())


def pairs(before: Tree, after: Tree) -> tuple[FilePair, ...]:
    return tuple(
        FilePair(
            before=file(path, before.get(path)),
            after=file(path, after.get(path)),
            touched=before.get(path) != after.get(path),
        )
        for path in sorted(before.keys() | after.keys())
    )


def flaws(before: Tree, after: Tree, **registries: tuple[str, ...]) -> list[str]:
    named = {Ecosystem(key): hosts for key, hosts in registries.items()}
    return [f"{p.flaw} {p.path}: {p.detail}" for p in lock_problems(pairs(before, after), named)]


def moves(before: Tree, after: Tree) -> list[str]:
    return [str(change) for change in package_changes(pairs(before, after))]


def npm(**wanted: str) -> str:
    return json.dumps({"dependencies": wanted})


def npm_lock(recorded: dict[str, str], *packages: tuple[str, str, str, str]) -> str:
    """Packages are (place, version, host, hash)."""
    entries: dict[str, dict[str, object]] = {"": {"dependencies": recorded}}
    for place, version, host, digest in packages:
        entries[f"node_modules/{place}"] = {
            "version": version,
            "resolved": f"https://{host}/x.tgz",
            **({"integrity": f"sha512-{digest}"} if digest else {}),
        }
    return json.dumps({"packages": entries})


HOME = "registry.npmjs.org"
OLD: Tree = {
    "package.json": npm(a="^1"),
    "package-lock.json": npm_lock({"a": "^1"}, ("a", "1.0.0", HOME, "AA"), ("b", "2.0.0", HOME, "BB")),
}
NEW_LOCK = npm_lock({"a": "^1"}, ("a", "1.1.0", HOME, "CC"), ("c", "3.0.0", HOME, "DD"))
CARGO = '[package]\nname = "app"\n[dependencies]\nserde = "%s"\n'
CARGO_LOCK = """
[[package]]
name = "app"
version = "0.1.0"
[[package]]
name = "serde"
version = "%s"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "%s"
"""
GO = "module m\nrequire github.com/a/b v1.%s.0\n"
SUM = "github.com/a/b v1.%s.0 h1:AAAA=\n"
PY = '[project]\nname = "app"\ndependencies = ["a%s"]\n'
UV = """
[[package]]
name = "app"
source = { virtual = "." }
[package.metadata]
requires-dist = [{ name = "a", specifier = "%s" }]
[[package]]
name = "a"
version = "%s"
source = { registry = "https://pypi.org/simple" }
wheels = [{ url = "https://files.pythonhosted.org/a.whl", hash = "sha256:%s" }]
"""
YARN = 'a@^%s:\n  version "%s"\n  resolved "https://registry.yarnpkg.com/a.tgz"\n  integrity sha512-AA\n'

MOVES = [
    (
        "up, gone and new, direct and transitive",
        OLD,
        {**OLD, "package-lock.json": NEW_LOCK},
        [
            "a 1.0.0 → 1.1.0 (package-lock.json, direct)",
            "b 2.0.0 removed (package-lock.json, transitive)",
            "c 3.0.0 added (package-lock.json, transitive)",
        ],
    ),
    (
        "down",
        {"go.mod": GO % 10},
        {"go.mod": GO % 9},
        ["github.com/a/b v1.10.0 → v1.9.0 downgraded (go.mod, direct)"],
    ),
    (
        "nobody knows which of several became which",
        {"yarn.lock": YARN % (1, "1.0.0") + YARN % (2, "2.0.0")},
        {"yarn.lock": YARN % (1, "1.1.0") + YARN % (2, "2.1.0")},
        [
            "a 1.1.0 added (yarn.lock)",
            "a 2.1.0 added (yarn.lock)",
            "a 1.0.0 removed (yarn.lock)",
            "a 2.0.0 removed (yarn.lock)",
        ],
    ),
    ("a lock file that goes", {"go.sum": SUM % 1}, {}, []),
    (
        "a commit stands for a version, and what has neither is there all the same",
        {"Pipfile.lock": '{"default": {"own": {"git": "https://git.test/own", "ref": "aaaa"}}}'},
        {"Pipfile.lock": '{"default": {"own": {"git": "https://git.test/own", "ref": "bbbb"}, "x": {}}}'},
        ["own git:aaaa → git:bbbb (Pipfile.lock)", "x ? added (Pipfile.lock)"],
    ),
    ("nothing is touched", OLD, OLD, []),
    ("an unreadable side says nothing", OLD, {**OLD, "package-lock.json": "{"}, []),
]


@pytest.mark.parametrize(("before", "after", "wanted"), [m[1:] for m in MOVES], ids=[m[0] for m in MOVES])
def test_packages_that_moved(before: Tree, after: Tree, wanted: list[str]):
    assert sorted(moves(before, after)) == sorted(wanted)


def test_what_a_manifest_newly_asks_for():
    [pair] = pairs({"package.json": npm(a="^1", b="2")}, {"package.json": npm(a="^2", c="")})
    assert [str(change) for change in requirement_changes(pair)] == [
        "a ^1 → ^2 (package.json)",
        "b 2 (package.json)",
        "c any (package.json)",
    ]


FLAWS: list[tuple[str, Tree, Tree, list[str]]] = [
    ("an upgrade in order", OLD, {**OLD, "package-lock.json": NEW_LOCK}, []),
    (
        "other keys of a manifest",
        {"package.json": '{"dependencies": {"a": "1"}}'},
        {"package.json": '{"dependencies": {"a": "1"}, "scripts": {}}'},
        [],
    ),
    (
        "the manifest alone",
        OLD,
        {**OLD, "package.json": npm(a="^2")},
        [
            "incoherent package-lock.json: a: package.json asks for ^2, the lock was made for ^1",
            "lock_not_updated package-lock.json: package.json asks anew for a ^1 → ^2 (package.json)",
        ],
    ),
    (
        "the lock alone, made for something else",
        OLD,
        {**OLD, "package-lock.json": npm_lock({"a": "^1", "evil": "*"}, ("evil", "1.0.0", HOME, "EE"))},
        ["incoherent package-lock.json: evil: package.json asks for nothing, the lock was made for *"],
    ),
    (
        "a new package without hash, from elsewhere",
        OLD,
        {**OLD, "package-lock.json": npm_lock({"a": "^1"}, ("a", "1.0.0", "npm.evil.test", ""))},
        [
            "foreign_registry package-lock.json: a 1.0.0 from npm.evil.test",
            "no_hash package-lock.json: a 1.0.0",
        ],
    ),
    (
        "another content under the same version",
        OLD,
        {**OLD, "package-lock.json": npm_lock({"a": "^1"}, ("a", "1.0.0", HOME, "ZZ"))},
        ["hash_changed package-lock.json: a 1.0.0 has another content than before"],
    ),
    (
        "what was so before",
        {**OLD, "package-lock.json": npm_lock({"a": "^1"}, ("a", "1.0.0", "old.test", ""))},
        {
            **OLD,
            "package-lock.json": npm_lock(
                {"a": "^1"}, ("a", "1.0.0", "old.test", ""), ("b", "1.0.0", HOME, "BB")
            ),
        },
        [],
    ),
    (
        "a manifest without any lock file",
        {"Cargo.toml": CARGO % 1},
        {"Cargo.toml": CARGO % 2},
        ["no_lockfile Cargo.toml: nothing fixes the versions of serde 1 → 2 (Cargo.toml)"],
    ),
    (
        "cargo: a lock above the manifest, whose version does not do",
        {"crates/app/Cargo.toml": CARGO % "1.0", "Cargo.lock": CARGO_LOCK % ("1.0.5", "aa")},
        {"crates/app/Cargo.toml": CARGO % "1.2", "Cargo.lock": CARGO_LOCK % ("1.0.5", "aa")},
        [
            "incoherent Cargo.lock: serde 1.0.5 is not 1.2, which crates/app/Cargo.toml asks for",
            "lock_not_updated Cargo.lock: crates/app/Cargo.toml asks anew for serde 1.0 → 1.2 (crates/app/Cargo.toml)",
        ],
    ),
    (
        "cargo: the lock still does",
        {"Cargo.toml": CARGO % "1.0", "Cargo.lock": CARGO_LOCK % ("1.2.5", "aa")},
        {"Cargo.toml": CARGO % "1.2", "Cargo.lock": CARGO_LOCK % ("1.2.5", "aa")},
        [],
    ),
    (
        "go: no hash of what is asked for",
        {"go.mod": GO % 1, "go.sum": SUM % 1},
        {"go.mod": GO % 2, "go.sum": SUM % 1},
        [
            "incoherent go.sum: has no hash of github.com/a/b v1.2.0, which go.mod asks for",
            "lock_not_updated go.sum: go.mod asks anew for github.com/a/b v1.1.0 → v1.2.0 (go.mod)",
        ],
    ),
    ("go: in order", {"go.mod": GO % 1, "go.sum": SUM % 1}, {"go.mod": GO % 2, "go.sum": SUM % 2}, []),
    (
        "uv: the lock was made for something else",
        {"pyproject.toml": PY % ">=1", "uv.lock": UV % (">=1", "1.0", "aa")},
        {"pyproject.toml": PY % ">=2", "uv.lock": UV % (">=1", "1.1", "bb")},
        [
            "incoherent uv.lock: a 1.1 is not >=2, which pyproject.toml asks for",
            "incoherent uv.lock: a: pyproject.toml asks for >=2, the lock was made for >=1",
        ],
    ),
    (
        "uv: the same requirement in another spelling",
        {"pyproject.toml": PY % ">=1", "uv.lock": UV % (">=1", "1.0", "aa")},
        {"pyproject.toml": PY % " <3, >=1", "uv.lock": UV % (">=1,<3", "1.1", "bb")},
        [],
    ),
    (
        "yarn: no answer",
        {"package.json": npm(a="^1"), "yarn.lock": YARN % (1, "1.0.0")},
        {"package.json": npm(a="^2"), "yarn.lock": YARN % (1, "1.0.0")},
        [
            "incoherent yarn.lock: has no answer to a ^2, which package.json asks for",
            "lock_not_updated yarn.lock: package.json asks anew for a ^1 → ^2 (package.json)",
        ],
    ),
    (
        "pip: the lock of a requirements file",
        {"requirements.in": "a>=1\n", "requirements.txt": "a==1.0 --hash=sha256:aa\n"},
        {"requirements.in": "a>=2\n", "requirements.txt": "a==1.0 --hash=sha256:aa\n"},
        [
            "incoherent requirements.txt: a 1.0 is not >=2, which requirements.in asks for",
            "lock_not_updated requirements.txt: requirements.in asks anew for a >=1 → >=2 (requirements.in)",
        ],
    ),
    (
        "pip: files added to a release are no exchange",
        {"requirements.txt": "a==1.0 --hash=sha256:aa\n"},
        {"requirements.txt": "a==1.0 --hash=sha256:aa --hash=sha256:bb\n"},
        [],
    ),
    (
        "a manifest that fetches from elsewhere",
        {"package.json": npm(a="1"), "package-lock.json": npm_lock({"a": "1"}, ("a", "1.0.0", HOME, "AA"))},
        {
            "package.json": npm(a="git+https://git.evil.test/a"),
            "package-lock.json": npm_lock({"a": "git+https://git.evil.test/a"}, ("a", "1.0.0", HOME, "AA")),
        },
        ["foreign_registry package.json: a from git.evil.test"],
    ),
    (
        "a registry that a manifest names",
        {"Gemfile": "source 'https://rubygems.org'\n"},
        {"Gemfile": "source 'https://gems.evil.test'\n"},
        ["foreign_registry Gemfile: a registry at gems.evil.test is named"],
    ),
    (
        "a lock file that is taken away",
        OLD,
        {"package.json": OLD["package.json"]},
        ["no_lockfile package.json: package-lock.json fixed its versions and is gone"],
    ),
    (
        "a lock file that is exchanged for another kind of it",
        OLD,
        {"package.json": OLD["package.json"], "yarn.lock": YARN % (1, "1.0.0")},
        [],
    ),
    (
        "npm: another name for a package, and a part of the repository",
        {"package.json": npm(a="^1"), "yarn.lock": YARN % (1, "1.0.0")},
        {
            "package.json": npm(a="^1", x="npm:b@^2", own="link:../own"),
            "yarn.lock": YARN % (1, "1.0.0") + (YARN % (2, "2.0.0")).replace("a@^2", "x@npm:b@^2"),
        },
        [],
    ),
    (
        "pnpm: what is expected beside a package may be kept, and nothing else",
        {"package.json": '{"peerDependencies": {"a": "*"}}', "pnpm-lock.yaml": "lockfileVersion: 9\n"},
        {
            "package.json": '{"peerDependencies": {"a": "*"}}',
            "pnpm-lock.yaml": "lockfileVersion: 9\nimporters: {.: {dependencies: {"
            "a: {specifier: '*'}, b: {specifier: '*'}}}}\n",
        },
        ["incoherent pnpm-lock.yaml: b: package.json asks for nothing, the lock was made for *"],
    ),
    (
        "pip: pins beside a project have what is not for development",
        {"pyproject.toml": PY % ">=1", "requirements.lock": "a==1.0 --hash=sha256:aa\n"},
        {
            "pyproject.toml": PY % '>=1", "b'
            + '[project.optional-dependencies]\nx = ["y"]\n[dependency-groups]\ndev = ["z"]\n',
            "requirements.lock": "a==1.0 --hash=sha256:aa\n",
        },
        [
            "incoherent requirements.lock: has no b, which pyproject.toml asks for",
            "lock_not_updated requirements.lock: pyproject.toml asks anew for",
        ],
    ),
    (
        "pins above a project are not its own",
        {"requirements.lock": "b==1 --hash=sha256:aa\n", "go.sum": SUM % 1},
        {
            "requirements.lock": "b==1 --hash=sha256:aa\n",
            "go.sum": SUM % 1,
            "demo/pyproject.toml": PY % ">=1",
        },
        [
            "no_lockfile demo/pyproject.toml: nothing fixes the versions of a >=1 (demo/pyproject.toml)",
        ],
    ),
    (
        "pip: requirements that nothing fixes",
        {"requirements.txt": "a>=1\n"},
        {"requirements.txt": "a>=2\n"},
        ["no_lockfile requirements.txt: nothing fixes the versions of a >=1 → >=2 (requirements.txt)"],
    ),
    (
        "bundler: what is asked for under a condition",
        {"Gemfile": "gem 'a'\n", "Gemfile.lock": "GEM\n\nDEPENDENCIES\n  a\n"},
        {"Gemfile": "gem 'a'\ngem 'b' if windows?\n", "Gemfile.lock": "GEM\n\nDEPENDENCIES\n  a\n  c\n"},
        [],
    ),
    ("unreadable", OLD, {**OLD, "package-lock.json": "{}"}, ["unreadable package-lock.json: no lock file: "]),
]


@pytest.mark.parametrize(("before", "after", "wanted"), [f[1:] for f in FLAWS], ids=[f[0] for f in FLAWS])
def test_flaws_of_lock_files(before: Tree, after: Tree, wanted: list[str]):
    found = flaws(before, after)
    assert len(found) == len(wanted), found
    assert all(one.startswith(other) for one, other in zip(found, wanted, strict=True)), found


def test_configured_registries_stand_in_for_the_public_one():
    own = {**OLD, "package-lock.json": npm_lock({"a": "^1"}, ("a", "1.2.0", "npm.acme.test", "CC"))}
    assert flaws(OLD, own, npm=("npm.acme.test",)) == []
    public = {**OLD, "package-lock.json": NEW_LOCK}
    assert f"foreign_registry package-lock.json: c 3.0.0 from {HOME}" in flaws(
        OLD, public, npm=("npm.acme.test",)
    )


def test_a_lock_of_a_workspace_covers_its_folders_and_no_others():
    lock = json.dumps(
        {
            "packages": {
                "": {},
                "packages/ui": {"dependencies": {"a": "1"}},
                "node_modules/a": {"version": "1.0.0"},
            }
        }
    )
    before = {
        "package-lock.json": lock,
        "packages/ui/package.json": npm(a="1"),
        "other/package.json": npm(a="1"),
    }
    after = {**before, "packages/ui/package.json": npm(a="2"), "other/package.json": npm(a="2")}
    assert [flaw.split(":")[0] for flaw in flaws(before, after)] == [
        "no_lockfile other/package.json",
        "incoherent package-lock.json",
        "lock_not_updated package-lock.json",
    ]


def diff(before: Tree, after: Tree, *audits: Audited) -> DiffFacts:
    return DiffFacts(
        base_commit=Sha("1" * 40),
        tree=Sha("2" * 40),
        files=(),
        patch_digest=Digest("sha256:" + "0" * 64),
        dependencies=pairs(before, after),
        audits=audits,
    )


def audited(name: str, version: str, standing: Standing, *ids: str) -> Audited:
    return Audited(
        ecosystem=Ecosystem.NPM,
        name=name,
        version=version,
        audit=Audit(standing=standing, ids=ids, reason="why"),
    )


UPGRADE = {**OLD, "package-lock.json": NEW_LOCK}
STRICT = replace(Policy(), require=("lockfile_integrity", "dependency_audit"))


def test_nothing_touched_is_nothing_to_judge():
    assert judge_dependencies(diff({}, {}), STRICT).outcome is Outcome.PASS
    assert judge_dependencies(diff(OLD, OLD), STRICT).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("standing", "lenient", "strict"),
    [
        (Standing.CLEAN, Outcome.PASS, Outcome.PASS),
        (Standing.NOT_AUDITED, Outcome.WARN, Outcome.UNKNOWN),
        (Standing.VULNERABLE, Outcome.BLOCK, Outcome.BLOCK),
    ],
)
def test_what_audits_say_is_what_is_allowed(standing: Standing, lenient: Outcome, strict: Outcome):
    facts = diff(OLD, UPGRADE, audited("a", "1.1.0", standing, "X-1"), audited("c", "3.0.0", Standing.CLEAN))
    assert judge_dependencies(facts, Policy()).outcome is lenient
    assert judge_dependencies(facts, STRICT).outcome is strict


def test_an_audit_of_another_version_or_of_none_is_not_clean():
    facts = diff(OLD, UPGRADE, audited("a", "1.0.0", Standing.CLEAN), audited("c", "3.0.0", Standing.CLEAN))
    assert render_text(judge_dependencies(facts, Policy())).splitlines() == [
        "! G-14",
        "  ✓ lockfile_integrity: no flaw found",
        "  ✓ new_dependency: nothing new is asked for directly",
        "  ! known_vulnerability",
        "    ! not_audited: a 1.0.0 → 1.1.0 (package-lock.json, direct): no advisories were asked",
        "    ✓ clean: c 3.0.0 added (package-lock.json, transitive)",
    ]


def test_a_package_without_a_version_is_not_audited():
    without = json.dumps({"packages": {"": {"dependencies": {"a": "^1"}}, "node_modules/evil": {}}})
    text = render_text(judge_dependencies(diff(OLD, {**OLD, "package-lock.json": without}), Policy()))
    assert "! not_audited: evil ? added (package-lock.json, transitive)" in text


def test_a_new_dependency_is_named():
    after = {
        "package.json": npm(a="^1", left="^2"),
        "package-lock.json": npm_lock(
            {"a": "^1", "left": "^2"}, ("a", "1.0.0", HOME, "AA"), ("left", "2.0.0", HOME, "FF")
        ),
    }
    text = render_text(judge_dependencies(diff(OLD, after), Policy()))
    assert "! new_dependency: left ^2 (package.json)" in text
    assert "new_dependency: a" not in text


def test_many_packages_are_counted():
    many = npm_lock({"a": "^1"}, *((f"p{n}", "1.0.0", "x.test", "") for n in range(100)))
    text = render_text(judge_dependencies(diff(OLD, {**OLD, "package-lock.json": many}), Policy()))
    assert "! not_audited: and 80 more" in text
    assert "! lockfile_integrity: and 180 more flaws" in text
    assert len(text.splitlines()) < 3 * SHOWN


@pytest.mark.parametrize("trees", [f[1:3] for f in FLAWS] + [m[1:3] for m in MOVES])
def test_the_order_of_files_does_not_matter(trees: tuple[Tree, Tree]):
    straight = pairs(*trees)
    back = tuple(reversed(straight))
    assert package_changes(straight) == package_changes(back)
    assert lock_problems(straight, {}) == lock_problems(back, {})


def test_a_package_that_only_goes_is_not_audited():
    gone = {**OLD, "package-lock.json": npm_lock({"a": "^1"}, ("a", "1.0.0", HOME, "AA"))}
    assert {c.move for c in package_changes(pairs(OLD, gone))} == {Move.REMOVED}
    assert judge_dependencies(diff(OLD, gone), STRICT).outcome is Outcome.PASS


@pytest.mark.parametrize("text", ["lockfile_integrity", "dependency_audit", "gh_version>=2.0.0"])
def test_what_can_be_required(text: str):
    assert requirable(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lockfile_integrty", "did you mean `lockfile_integrity`"),
        ("xyz", "cannot be required"),
        ("", "cannot"),
    ],
)
def test_what_cannot_be_required(text: str, said: str):
    with pytest.raises(ValueError, match=said):
        requirable(text)
