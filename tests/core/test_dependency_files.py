"""Manifests and lock files of every ecosystem, as facts; and that no bytes are too strange for their reader."""

import json
import re
from dataclasses import dataclass, field
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from penstock.core.dependencies import parsing
from penstock.core.dependencies.changes import Move, package_changes
from penstock.core.dependencies.facts import UNTOLD, DependencyFile, FilePair, Role
from penstock.core.dependencies.files import kind_of, read
from penstock.core.dependencies.integrity import lock_problems

A, B = "a" * 40, "b" * 64
SRI = "sha512-" + "A" * 86 + "=="


def facts(path: str, content: str | bytes) -> DependencyFile:
    kind = kind_of(path)
    assert kind is not None, path
    raw = content if isinstance(content, bytes) else dedent(content).encode()
    return read(path, kind, raw)


@dataclass
class Case:
    """`asks`: name to what is wanted. `fixes`: (name, version), with `dev`, `local`, `bare` (no hash), or hosts."""

    path: str
    text: str
    role: Role
    asks: dict[str, str] = field(default_factory=dict)
    fixes: dict[tuple[str, str], str] = field(default_factory=dict)
    recorded: dict[str, dict[str, str]] | None = None
    hosts: tuple[str, ...] = ()


def shown(file: DependencyFile) -> dict[tuple[str, str], str]:
    return {
        (p.name, p.version): " ".join(
            [*["dev"] * p.dev, *["local"] * p.local, *["bare"] * (not p.hashes), *p.hosts]
        )
        for p in file.locked
    }


M, L, S = Role.MANIFEST, Role.LOCKFILE, Role.SUMS
CASES = [
    Case(
        path="web/package.json",
        text="""{"name": "web", "dependencies": {"left-pad": "^1.3.0", "@acme/ui": "workspace:*"},
          "optionalDependencies": {"fsevents": "2.x"}, "peerDependencies": {"react": "*"}, "devDependencies": {"tool": "github:acme/tool#v1"}}""",
        role=M,
        asks={
            "left-pad": "^1.3.0",
            "@acme/ui": "workspace:*",
            "fsevents": "2.x",
            "react": "*",
            "tool": "github:acme/tool#v1",
        },
    ),
    Case(
        path="package-lock.json",
        text=f"""{{"name": "web", "lockfileVersion": 3, "packages": {{
          "": {{"dependencies": {{"left-pad": "^1.3.0"}}, "devDependencies": {{"tool": "1"}}}},
          "packages/ui": {{"name": "@acme/ui", "version": "1.0.0", "dependencies": {{"left-pad": "1"}}}},
          "node_modules/@acme/ui": {{"resolved": "packages/ui", "link": true}},
          "node_modules/left-pad": {{"version": "1.3.0", "integrity": "{SRI}",
            "resolved": "https://registry.npmjs.org/left-pad/-/left-pad-1.3.0.tgz"}},
          "node_modules/tool": {{"version": "1.0.1", "dev": true,
            "resolved": "git+ssh://git@github.com/acme/tool.git#{A}"}},
          "node_modules/tool/node_modules/left-pad": {{"version": "1.0.0", "dev": true,
            "resolved": "https://npm.evil.test/left-pad-1.0.0.tgz"}}}}}}""",
        role=L,
        fixes={
            ("left-pad", "1.3.0"): "registry.npmjs.org",
            ("tool", "1.0.1"): "dev github.com",
            ("left-pad", "1.0.0"): "dev bare npm.evil.test",
        },
        recorded={"": {"left-pad": "^1.3.0", "tool": "1"}, "packages/ui": {"left-pad": "1"}},
    ),
    Case(
        path="npm-shrinkwrap.json",
        text=f"""{{"lockfileVersion": 1, "dependencies": {{"a": {{"version": "1.0.0", "integrity": "{SRI}",
          "dependencies": {{"b": {{"version": "2.0.0", "bundled": true}}}}}}}}}}""",
        role=L,
        fixes={("a", "1.0.0"): "", ("b", "2.0.0"): ""},
    ),
    Case(
        path="pnpm-lock.yaml",
        text=f"""
        lockfileVersion: '9.0'
        overrides: {{c: 3.0.0}}
        importers:
          .:
            dependencies:
              a: {{specifier: ^1.0.0, version: 1.10.0(b@2.0.0)}}
              c: {{specifier: 3.0.0, version: 3.0.0}}
          packages/ui:
            devDependencies:
              b: {{specifier: '2', version: 2.0.0}}
        packages:
          a@1.10.0:
            resolution: {{integrity: {SRI}}}
          '@acme/b@2.0.0':
            resolution: {{tarball: https://codeload.github.com/acme/b/tar.gz/x}}
          c@3.0.0(a@1.10.0):
            resolution: {{integrity: {SRI}}}
        """,
        role=L,
        fixes={
            ("a", "1.10.0"): "",
            ("@acme/b", "2.0.0"): "bare codeload.github.com",
            ("c", "3.0.0"): "",
        },
        recorded={"": {"a": "^1.0.0", "c": UNTOLD}, "packages/ui": {"b": "2"}},
    ),
    Case(
        path="old/pnpm-lock.yaml",
        text=f"""
        lockfileVersion: 5.4
        specifiers: {{'@acme/a': ^1.0.0}}
        dependencies: {{'@acme/a': 1.1.0}}
        packages:
          /@acme/a/1.1.0:
            resolution: {{integrity: {SRI}}}
            dev: true
        """,
        role=L,
        fixes={("@acme/a", "1.1.0"): "dev"},
        recorded={"": {"@acme/a": "^1.0.0"}},
    ),
    Case(
        path="yarn.lock",
        text=f"""\
        # yarn lockfile v1


        "@babel/core@^7.0.0", "@babel/core@^7.1.0":
          version "7.2.0"
          resolved "https://registry.yarnpkg.com/@babel/core/-/core-7.2.0.tgz#{A}"
          integrity {SRI}
          dependencies:
            left-pad "^1.0.0"

        left-pad@^1.0.0:
          version "1.3.0"
          resolved "http://mirror.test/left-pad-1.3.0.tgz"
        """,
        role=L,
        fixes={
            ("@babel/core", "7.2.0"): "registry.yarnpkg.com",
            ("left-pad", "1.3.0"): "bare mirror.test",
        },
    ),
    Case(
        path="berry/yarn.lock",
        text=f"""
        __metadata:
          version: 8
          cacheKey: 10c0

        "left-pad@npm:^1.0.0":
          version: 1.3.0
          resolution: "left-pad@npm:1.3.0"
          checksum: 10c0/{B}
          languageName: node
          linkType: hard

        "web@workspace:.":
          version: 0.0.0-use.local
          resolution: "web@workspace:."
          dependencies:
            left-pad: "npm:^1.0.0"
          languageName: unknown
          linkType: soft
        """,
        role=L,
        fixes={("left-pad", "1.3.0"): ""},
        recorded={"": {"left-pad": "^1.0.0"}},
    ),
    Case(
        path="pyproject.toml",
        text="""
        [project]
        name = "app"
        dependencies = ["Httpx[http2]>=0.27,<1; python_version >= '3.11'", "tool @ git+https://git.test/tool"]
        [project.optional-dependencies]
        fast = ["ujson"]
        [dependency-groups]
        dev = ["pytest>=8", {include-group = "lint"}]
        lint = ["ruff"]
        [tool.uv]
        index = [{name = "own", url = "https://pypi.acme.test/simple"}]
        """,
        role=M,
        asks={"httpx": "<1,>=0.27", "tool": "", "ujson": "", "pytest": ">=8", "ruff": ""},
        hosts=("pypi.acme.test",),
    ),
    Case(
        path="poetry/pyproject.toml",
        text="""
        [tool.poetry.dependencies]
        python = "^3.11"
        Django = "^4.2"
        own = {git = "https://github.com/acme/own.git"}
        [tool.poetry.group.dev.dependencies]
        pytest = {version = "*", optional = true}
        """,
        role=M,
        asks={"django": "^4.2", "own": "", "pytest": "*"},
    ),
    Case(
        path="uv.lock",
        text=f"""
        version = 1
        [[package]]
        name = "app"
        source = {{ editable = "." }}
        [package.metadata]
        requires-dist = [{{ name = "httpx", extras = ["http2"], specifier = ">=0.27,<1" }}]
        [package.metadata.requires-dev]
        dev = [{{ name = "pytest", specifier = ">=8" }}]
        [[package]]
        name = "httpx"
        version = "0.28.1"
        source = {{ registry = "https://pypi.org/simple" }}
        sdist = {{ url = "https://files.pythonhosted.org/httpx.tar.gz", hash = "sha256:{B}", size = 1 }}
        wheels = [{{ url = "https://files.evil.test/httpx.whl", hash = "sha256:{B}" }}]
        """,
        role=L,
        fixes={
            ("app", ""): "local bare",
            ("httpx", "0.28.1"): "files.evil.test files.pythonhosted.org pypi.org",
        },
        recorded={"": {"httpx": "<1,>=0.27", "pytest": ">=8"}},
    ),
    Case(
        path="poetry.lock",
        text=f"""
        [[package]]
        name = "Django"
        version = "4.2.1"
        groups = ["dev"]
        files = [{{file = "Django.whl", hash = "sha256:{B}"}}]
        [[package]]
        name = "own"
        version = "1.0"
        files = []
        [package.source]
        type = "git"
        url = "https://github.com/acme/own.git"
        resolved_reference = "{A}"
        [metadata]
        lock-version = "2.1"
        """,
        role=L,
        fixes={("django", "4.2.1"): "dev", ("own", "1.0"): "github.com"},
    ),
    Case(
        path="pdm.lock",
        text="""
        [[package]]
        name = "a"
        version = "1.0"
        groups = ["default"]
        files = [{url = "https://pypi.org/a.whl"}]
        """,
        role=L,
        fixes={("a", "1.0"): "bare pypi.org"},
    ),
    Case(
        path="pylock.toml",
        text=f"""
        lock-version = "1.0"
        [[packages]]
        name = "a"
        version = "1.0"
        index = "https://pypi.org/simple"
        wheels = [{{url = "https://files.pythonhosted.org/a.whl", hashes = {{sha256 = "{B}"}}}}]
        [[packages]]
        name = "b"
        vcs = {{type = "git", url = "https://git.test/b", commit-id = "{A}"}}
        """,
        role=L,
        fixes={("a", "1.0"): "files.pythonhosted.org pypi.org", ("b", ""): "git.test"},
    ),
    Case(
        path="Pipfile",
        text='[packages]\nRequests = "==2.31"\n[dev-packages]\npytest = "*"\n',
        role=M,
        asks={"requests": "==2.31", "pytest": "*"},
    ),
    Case(
        path="Pipfile.lock",
        text=f"""{{"_meta": {{"sources": [{{"name": "pypi", "url": "https://pypi.org/simple"}}]}},
          "default": {{"requests": {{"version": "==2.31.0", "index": "pypi", "hashes": ["sha256:{B}"]}}}},
          "develop": {{"own": {{"git": "https://git.test/own", "ref": "{A}"}}}}}}""",
        role=L,
        fixes={("requests", "2.31.0"): "pypi.org", ("own", ""): "dev git.test"},
    ),
    Case(
        path="requirements.txt",
        text=f"""\
        --index-url https://pypi.acme.test/simple
        Requests==2.31.0 \\
            --hash=sha256:{B}  # via -r requirements.in
        urllib3[socks]==2.0 ; python_version > "3"
        -e git+https://git.test/own@{A}#egg=own
        """,
        role=L,
        fixes={
            ("requests", "2.31.0"): "pypi.acme.test",
            ("urllib3", "2.0"): "bare pypi.acme.test",
            ("own", ""): "git.test",
        },
        hosts=("pypi.acme.test",),
    ),
    Case(
        path="dev-requirements.txt",
        text="pytest>=8\nruff==0.6.0\n-r requirements.txt\n",
        role=M,
        asks={"pytest": ">=8", "ruff": "==0.6.0"},
        fixes={("ruff", "0.6.0"): "dev bare"},
    ),
    Case(
        path="go.mod",
        text="""\
        module acme.test/app

        go 1.22
        require github.com/a/b v1.2.3
        require (
            golang.org/x/net v0.17.0 // indirect
            acme.test/own v0.0.0
            acme.test/old v1.0.0
        )
        replace acme.test/own => ../own
        replace acme.test/old v1.0.0 => github.com/fork/old v1.0.1
        """,
        role=M,
        asks={
            "github.com/a/b": "v1.2.3",
            "golang.org/x/net": "v0.17.0",
            "acme.test/own": "v0.0.0",
            "acme.test/old": "v1.0.0",
        },
        fixes={
            ("github.com/a/b", "v1.2.3"): "bare",
            ("golang.org/x/net", "v0.17.0"): "bare",
            ("../own", ""): "local bare",
            ("github.com/fork/old", "v1.0.1"): "bare",
        },
    ),
    Case(
        path="go.sum",
        text=f"github.com/a/b v1.2.3 h1:{A}=\ngithub.com/a/b v1.2.3/go.mod h1:{B}=\n",
        role=S,
        fixes={("github.com/a/b", "v1.2.3"): ""},
    ),
    Case(
        path="Cargo.toml",
        text="""
        [dependencies]
        serde = { version = "1.0", features = ["derive"] }
        own = { path = "../own" }
        renamed = { package = "tokio", git = "https://git.test/tokio" }
        [dev-dependencies]
        insta = "1"
        [target.'cfg(unix)'.dependencies]
        libc.workspace = true
        """,
        role=M,
        asks={"serde": "1.0", "own": "", "tokio": "", "insta": "1", "libc": UNTOLD},
    ),
    Case(
        path="Cargo.lock",
        text=f"""
        version = 4
        [[package]]
        name = "app"
        version = "0.1.0"
        [[package]]
        name = "serde"
        version = "1.0.200"
        source = "registry+https://github.com/rust-lang/crates.io-index"
        checksum = "{B}"
        [[package]]
        name = "tokio"
        version = "1.0.0"
        source = "git+https://git.test/tokio#{A}"
        [[package]]
        name = "evil"
        version = "1.0.0"
        source = "sparse+https://index.evil.test/"
        """,
        role=L,
        fixes={
            ("app", "0.1.0"): "local bare",
            ("serde", "1.0.200"): "index.crates.io",
            ("tokio", "1.0.0"): "git.test",
            ("evil", "1.0.0"): "bare index.evil.test",
        },
    ),
    Case(
        path="pom.xml",
        text="""\
        <project xmlns="http://maven.apache.org/POM/4.0.0">
          <parent><groupId>org.acme</groupId><artifactId>parent</artifactId><version>3</version></parent>
          <properties><jackson.version>2.15.0</jackson.version></properties>
          <repositories><repository><id>x</id><url>https://repo.acme.test/maven</url></repository></repositories>
          <dependencies>
            <dependency><groupId>com.fasterxml</groupId><artifactId>jackson</artifactId>
              <version>${jackson.version}</version></dependency>
            <dependency><groupId>junit</groupId><artifactId>junit</artifactId><version>[4,5)</version>
              <scope>test</scope></dependency>
            <dependency><groupId>a</groupId><artifactId>b</artifactId><version>${elsewhere}</version></dependency>
          </dependencies>
        </project>
        """,
        role=M,
        asks={
            "org.acme:parent": "3",
            "com.fasterxml:jackson": "2.15.0",
            "junit:junit": "[4,5)",
            "a:b": UNTOLD,
        },
        fixes={("org.acme:parent", "3"): "bare", ("com.fasterxml:jackson", "2.15.0"): "bare"},
        hosts=("repo.acme.test",),
    ),
    Case(
        path="build.gradle.kts",
        text="""\
        repositories { maven { url = uri("https://repo.acme.test/m2") } }
        dependencies {
            implementation("com.google.guava:guava:32.0.0-jre")
            testImplementation("junit:junit:4.13.2")
        }
        """,
        role=M,
        asks={"com.google.guava:guava": "32.0.0-jre", "junit:junit": "4.13.2"},
        fixes={("com.google.guava:guava", "32.0.0-jre"): "bare", ("junit:junit", "4.13.2"): "dev bare"},
        hosts=("repo.acme.test",),
    ),
    Case(
        path="gradle/libs.versions.toml",
        text="""
        [versions]
        guava = "32.0.0"
        [libraries]
        guava = { module = "com.google.guava:guava", version.ref = "guava" }
        junit = "junit:junit:4.13.2"
        [plugins]
        shadow = { id = "com.gradleup.shadow", version = "8.3.0" }
        """,
        role=M,
        asks={
            "com.google.guava:guava": "32.0.0",
            "junit:junit": "4.13.2",
            "com.gradleup.shadow:com.gradleup.shadow.gradle.plugin": "8.3.0",
        },
        fixes={
            ("com.google.guava:guava", "32.0.0"): "bare",
            ("junit:junit", "4.13.2"): "bare",
            ("com.gradleup.shadow:com.gradleup.shadow.gradle.plugin", "8.3.0"): "bare",
        },
    ),
    Case(
        path="gradle.lockfile",
        text="""\
        # This is a Gradle generated file for dependency locking.
        com.google.guava:guava:32.0.0-jre=compileClasspath,runtimeClasspath
        junit:junit:4.13.2=testCompileClasspath
        empty=annotationProcessor
        """,
        role=L,
        fixes={("com.google.guava:guava", "32.0.0-jre"): "bare", ("junit:junit", "4.13.2"): "dev bare"},
    ),
    Case(
        path="Gemfile",
        text="""\
        source "https://rubygems.org"
        gem "rails", "~> 7.0", ">= 7.0.4" # the web
        gem "own", github: "acme/own"
        group :development, :test do
          gem 'rspec', require: false
        end
        """,
        role=M,
        asks={"rails": ">= 7.0.4, ~> 7.0", "own": "", "rspec": ""},
        hosts=("rubygems.org",),
    ),
    Case(
        path="Gemfile.lock",
        text=f"""\
        GIT
          remote: https://github.com/acme/own
          revision: {A}
          specs:
            own (1.0)

        GEM
          remote: https://rubygems.org/
          specs:
            nokogiri (1.15.0-x86_64-linux)
              racc (~> 1.4)
            rails (7.0.8)

        PLATFORMS
          x86_64-linux

        DEPENDENCIES
          own!
          rails (~> 7.0, >= 7.0.4)

        CHECKSUMS
          nokogiri (1.15.0-x86_64-linux) sha256={B}
          rails (7.0.8)

        BUNDLED WITH
           2.5.0
        """,
        role=L,
        fixes={
            ("own", "1.0"): "github.com",
            ("nokogiri", "1.15.0"): "rubygems.org",
            ("rails", "7.0.8"): "bare rubygems.org",
        },
        recorded={"": {"own": "", "rails": ">= 7.0.4, ~> 7.0"}},
    ),
    Case(
        path="composer.json",
        text="""{"require": {"php": ">=8.1", "Symfony/Console": "^6.0"}, "require-dev": {"phpunit/phpunit": "*"},
          "repositories": [{"type": "composer", "url": "https://repo.acme.test"}, {"packagist.org": false}]}""",
        role=M,
        asks={"symfony/console": "^6.0", "phpunit/phpunit": "*"},
        hosts=("repo.acme.test",),
    ),
    Case(
        path="composer.lock",
        text=f"""{{"packages": [{{"name": "symfony/console", "version": "v6.3.0",
            "dist": {{"type": "zip", "url": "https://api.github.com/x", "reference": "{A}", "shasum": ""}}}}],
          "packages-dev": [{{"name": "acme/own", "version": "dev-main", "dist": {{"type": "path", "url": "../own"}}}}]}}""",
        role=L,
        fixes={("symfony/console", "6.3.0"): "api.github.com", ("acme/own", "dev-main"): "dev local bare"},
    ),
    Case(
        path="src/App.csproj",
        text="""\
        <Project Sdk="Microsoft.NET.Sdk"><ItemGroup>
          <PackageReference Include="Newtonsoft.Json" Version="13.0.1" />
          <PackageReference Include="Serilog"><Version>$(SerilogVersion)</Version></PackageReference>
          <ProjectReference Include="../Own/Own.csproj" />
        </ItemGroup></Project>
        """,
        role=M,
        asks={"newtonsoft.json": "[13.0.1, )", "serilog": UNTOLD},
        fixes={("newtonsoft.json", "13.0.1"): "bare"},
    ),
    Case(
        path="Directory.Packages.props",
        text='<Project><ItemGroup><PackageVersion Include="A" Version="[1.0]" /></ItemGroup></Project>',
        role=M,
        asks={"a": "[1.0]"},
        fixes={("a", "1.0"): "bare"},
    ),
    Case(
        path="packages.config",
        text='<packages><package id="A" version="1.0.0" developmentDependency="true" /></packages>',
        role=M,
        asks={"a": "[1.0.0, )"},
        fixes={("a", "1.0.0"): "dev bare"},
    ),
    Case(
        path="packages.lock.json",
        text="""{"version": 1, "dependencies": {"net8.0": {
          "Newtonsoft.Json": {"type": "Direct", "requested": "[13.0.1, )", "resolved": "13.0.1", "contentHash": "AAAA"},
          "Serilog": {"type": "Transitive", "resolved": "3.0.0"},
          "own": {"type": "Project"}}}}""",
        role=L,
        fixes={
            ("newtonsoft.json", "13.0.1"): "",
            ("serilog", "3.0.0"): "bare",
            ("own", ""): "local bare",
        },
        recorded={"": {"newtonsoft.json": "[13.0.1, )"}},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.path for case in CASES])
def test_files_become_facts(case: Case):
    found = facts(case.path, case.text)
    assert found.problem == ""
    assert found.role is case.role
    assert {r.name: r.wanted for r in found.requirements} == case.asks
    assert shown(found) == case.fixes
    recorded = found.recorded and {
        folder: {r.name: r.wanted for r in requirements} for folder, requirements in found.recorded
    }
    assert recorded == case.recorded
    assert tuple(host for host in found.hosts if host) == case.hosts


def test_yarn_keeps_which_requirements_it_answers():
    case = next(case for case in CASES if case.path == "yarn.lock")
    wanted = {("@babel/core", "^7.0.0"), ("@babel/core", "^7.1.0"), ("left-pad", "^1.0.0")}
    assert facts(case.path, case.text).answers == frozenset(wanted)


@pytest.mark.parametrize(
    "path", ["README.md", "src/package.jsonc", "package.json.bak", "requirements.md", "lock"]
)
def test_other_files_are_nothing(path: str):
    assert kind_of(path) is None


STRANGE: list[tuple[str, bytes | str, str]] = [
    ("package-lock.json", "{", "not JSON"),
    ("package-lock.json", "[]", "is not a table"),
    ("package-lock.json", "{}", "neither `packages` nor `dependencies`"),
    ("package-lock.json", '{"packages": {"": [], "": 1}}', "given twice"),
    ("package-lock.json", '{"packages": {"node_modules/a": {"version": 1}}}', "version is not a text"),
    ("package-lock.json", "[" * 100_000, "nested too deeply"),
    ("package-lock.json", b"\xff{}", "not UTF-8"),
    ("package-lock.json", b" " * (parsing.MAX_BYTES + 1), "longer than 4 MiB"),
    ("package-lock.json", "\n" * 100_001, "more than 100000 lines"),
    ("package.json", '{"a": ' + "1" * 5000 + "}", "not JSON"),
    ("pnpm-lock.yaml", "a: &x [1]\nb: *x\n", "has aliases"),
    ("pnpm-lock.yaml", "[" * 1000, "nested too deeply"),
    ("pnpm-lock.yaml", "a: 1\na: 2\n", "given twice"),
    ("pnpm-lock.yaml", "a: [", "not YAML"),
    ("pnpm-lock.yaml", "", "no `lockfileVersion`"),
    ("yarn.lock", "  version 1\n", "line 1: a fact of no package"),
    ("uv.lock", "a = " + "[" * 10_000, "nested too deeply"),
    ("uv.lock", "a." * 10_000 + "b = 1", "a key of too many parts"),
    ("uv.lock", "x = " + "1" * parsing.MAX_LINE, "longer than 65536 characters"),
    ("pyproject.toml", '[project]\ndependencies = ["a b c"]', "no requirement"),
    ("requirements.txt", "ok==1\n???\n", "line 2: no requirement"),
    ("go.mod", "require nothing\n", "line 1: no module and version"),
    ("go.sum", "a v1 md5:x\n", "line 1: no module, version and hash"),
    ("gradle.lockfile", "what\n", "line 1: no `group"),
    ("Gemfile.lock", "hello\n", "line 1: in no section"),
    ("pom.xml", '<!DOCTYPE p [<!ENTITY x "y">]><project>&x;</project>', "has a document type"),
    ("pom.xml", "<a>" * 100, "nested too deeply"),
    ("pom.xml", "<html/>", "not `project`"),
    ("pom.xml", "<project>", "not XML"),
    ("pom.xml", '<?xml version="1.0" encoding="nonsense"?><project/>', "not XML"),
    ("packages.lock.json", "{}", "no `dependencies`"),
]


@pytest.mark.parametrize(("path", "content", "why"), STRANGE, ids=[f"{p}: {w}" for p, _, w in STRANGE])
def test_what_cannot_be_read_says_why_and_has_no_facts(path: str, content: bytes | str, why: str):
    found = facts(path, content.encode() if isinstance(content, str) else content)
    assert why in found.problem
    assert (found.requirements, found.locked, found.recorded) == ((), (), None)


PATHS = sorted({case.path for case in CASES})
TOKENS = sorted({token for case in CASES for token in re.findall(r"\w+|\W", case.text)})


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
@given(st.sampled_from(PATHS), st.binary(max_size=300))
@example("pom.xml", b"<project>\x00</project>")
def test_no_bytes_are_too_strange(path: str, content: bytes):
    found = facts(path, content)
    assert found.path == path


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
@given(st.sampled_from(CASES), st.data())
def test_no_disturbed_file_is_too_strange(case: Case, data: st.DataObject):
    """True files with something cut out, put in or exchanged: past the parser, into the shapes and what is made of them."""
    text = case.text
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + data.draw(st.sampled_from(["", "[]", "{}", "1", "null", *TOKENS])) + text[end:]
    pair = FilePair(before=facts(case.path, case.text), after=facts(case.path, text), touched=True)
    for change in package_changes((pair,)):
        assert change.before or change.after
        assert (change.move is Move.REMOVED) == (not change.after)
    lock_problems((pair,), {})


@given(
    st.permutations(
        sorted(json.loads(next(c for c in CASES if c.path == "package-lock.json").text)["packages"])
    )
)
def test_the_order_of_a_file_does_not_matter(order: list[str]):
    case = next(c for c in CASES if c.path == "package-lock.json")
    data = json.loads(case.text)
    data["packages"] = {key: data["packages"][key] for key in order}
    assert facts(case.path, json.dumps(data)) == facts(case.path, case.text)


@given(st.permutations(["b==2", "a==1", "c==3 --hash=sha256:00", "d==4"]))
def test_the_order_of_lines_does_not_matter(lines: list[str]):
    assert facts("requirements.txt", "\n".join(lines)) == facts("requirements.txt", "\n".join(sorted(lines)))
