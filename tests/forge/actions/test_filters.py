"""Branch, tag and path filters: the tables of GitHub's cheat sheet, and how filters combine."""

import time

import pytest

from localforge.actions.workflow.filters import matches, paths_pass, ref_passes
from localforge.actions.workflow.glob import fits
from localforge.actions.workflow.model import Trigger


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("feature/*", ["feature/my-branch"], ["feature/a/b", "feature"]),
        ("feature/**", ["feature/beta-a/my-branch", "feature/x"], ["other"]),
        ("*", ["main"], ["all/the/branches"]),
        ("**", ["all/the/branches", "main"], []),
        ("*feature", ["mona-feature", "ver-10-feature"], ["feature-x"]),
        ("v2*", ["v2", "v2.0", "v2.9"], ["v1", "v2/x"]),
        ("v[12].[0-9]+.[0-9]+", ["v1.10.1", "v2.0.0"], ["v3.0.0", "v1.x.1", "v1..1"]),
        ("*.jsx?", ["page.js", "page.jsx"], ["page.jsxx"]),
        ("**.js", ["index.js", "js/index.js", "src/js/app.js"], ["index.jsx"]),
        ("docs/*", ["docs/README.md"], ["docs/mona/hi.md"]),
        ("docs/**/*.md", ["docs/README.md", "docs/mona/hello-world.md"], ["docs/a.txt"]),
        ("**/docs/**", ["docs/hello.md", "dir/docs/my-file.txt"], ["mydocs/x"]),
        ("**/*src/**", ["a/src/app.js", "my-src/code/js/app.js"], ["srcs/x"]),
        ("**/*-post.md", ["my-post.md", "path/their-post.md"], ["post.md"]),
        ("**/migrate-*.sql", ["migrate-10909.sql", "db/sept/migrate-v1.sql"], ["migrate.sql"]),
        ("[CB]at", ["Cat", "Bat"], ["Hat"]),
        ("[1-2]00", ["100", "200"], ["300"]),
        (r"a\*b", ["a*b"], ["axb"]),
        ("?x", ["?x"], ["x"]),
        ("[", ["["], ["x"]),
        ("", [""], ["x"]),
    ],
)
def test_patterns(pattern: str, yes: list[str], no: list[str]) -> None:
    assert [name for name in yes if not fits(pattern, name)] == []
    assert [name for name in no if fits(pattern, name)] == []


def test_the_last_pattern_that_fits_decides() -> None:
    patterns = ("**", "!secret/**", "secret/open")
    assert matches(patterns, "main")
    assert not matches(patterns, "secret/x")
    assert matches(patterns, "secret/open")


def test_a_pattern_cannot_take_exponential_time() -> None:
    started = time.perf_counter()
    assert not fits("**a" * 60 + "b", "a" * 250)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("trigger", "ref", "passes"),
    [
        (Trigger(event="push"), "refs/heads/x", True),
        (Trigger(event="push"), "refs/tags/x", True),
        (Trigger(event="push", branches=("main",)), "refs/heads/main", True),
        (Trigger(event="push", branches=("main",)), "refs/heads/dev", False),
        (Trigger(event="push", branches=("main",)), "refs/tags/main", False),
        (Trigger(event="push", branches_ignore=("dev",)), "refs/heads/main", True),
        (Trigger(event="push", branches_ignore=("dev",)), "refs/heads/dev", False),
        (Trigger(event="push", tags=("v*",)), "refs/heads/main", False),
        (Trigger(event="push", tags=("v*",)), "refs/tags/v1", True),
        (Trigger(event="push", tags_ignore=("v*",), branches=("main",)), "refs/tags/v1", False),
    ],
)
def test_refs(trigger: Trigger, ref: str, *, passes: bool) -> None:
    assert ref_passes(trigger, ref) is passes


@pytest.mark.parametrize(
    ("trigger", "changed", "passes"),
    [
        (Trigger(event="push"), [], True),
        (Trigger(event="push", paths=("src/**",)), ["README.md", "src/a.py"], True),
        (Trigger(event="push", paths=("src/**", "!src/docs/**")), ["src/docs/x"], False),
        (Trigger(event="push", paths=("src/**",)), [], False),
        (Trigger(event="push", paths_ignore=("docs/**",)), ["docs/x"], False),
        (Trigger(event="push", paths_ignore=("docs/**",)), ["docs/x", "a"], True),
    ],
)
def test_paths(trigger: Trigger, changed: list[str], *, passes: bool) -> None:
    assert paths_pass(trigger, changed) is passes
