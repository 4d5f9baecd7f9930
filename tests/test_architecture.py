"""House rules that are executable: limits, purity, names, and where the few dangerous things may stand."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
CORE = sorted((ROOT / "src/penstock/core").rglob("*.py"))
IDS = [str(path.relative_to(ROOT)) for path in SOURCES]

BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "service", "base", "misc"}
IMPURE = {
    "os",
    "socket",
    "time",
    "random",
    "uuid",
    "secrets",
    "subprocess",
    "pathlib",
    "threading",
    "asyncio",
    "httpx",
    "sqlalchemy",
    "io",
    "tempfile",
    "shutil",
}
CLOCKS = {"now", "utcnow", "today"}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_limits_and_names(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400, "a file has at most 400 lines"
    assert path.stem not in BANNED_NAMES, "a module is named for what it knows"
    long = [
        f"{f.name} ({f.end_lineno - f.lineno + 1} lines)"
        for f in functions(tree(path))
        if f.end_lineno and f.end_lineno - f.lineno >= 50
    ]
    assert not long, "a function has at most 50 lines"


def test_what_is_needed_from_outside_fits_on_a_few_screens() -> None:
    assert len((ROOT / "src/penstock/ports.py").read_text().splitlines()) <= 250


@pytest.mark.parametrize("path", CORE, ids=[str(path.relative_to(ROOT)) for path in CORE])
def test_the_core_is_pure(path: Path) -> None:
    module = tree(path)
    imported = {name.split(".")[0] for node in ast.walk(module) for name in _imports(node)}
    assert not imported & IMPURE
    calls = {
        node.func.attr
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not calls & CLOCKS, "time is an input"
    opened = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open"
    ]
    assert not opened


def _imports(node: ast.AST) -> list[str]:
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom(module=str(module)):
            return [module]
        case _:
            return []


@pytest.mark.parametrize("path", [*CORE, ROOT / "src/penstock/ports.py"], ids=lambda p: p.name)
def test_the_core_and_the_ports_know_no_any(path: Path) -> None:
    names = {node.id for node in ast.walk(tree(path)) if isinstance(node, ast.Name)}
    assert "Any" not in names


def _broad(path: Path) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        if node.type is None
        or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})
    ]


def test_broad_excepts_stand_where_a_failure_becomes_a_fact() -> None:
    allowed = {"src/penstock/flows/perform.py"}
    found = {
        site.split(":")[0]
        for path in SOURCES
        if "penstock" in path.relative_to(ROOT).parts
        for site in _broad(path)
    }
    assert found <= allowed


def test_only_one_file_leases() -> None:
    leasing = {
        path.name for path in (ROOT / "src/penstock/flows").glob("*.py") if ".claim(" in path.read_text()
    }
    assert leasing == {"durable.py"}


def test_the_writer_is_applied_in_one_place() -> None:
    sites = {str(p.relative_to(ROOT)) for p in SOURCES if "writer.apply(" in p.read_text()}
    assert sites == {"src/penstock/flows/writing.py"}


def test_the_environment_is_read_in_one_place() -> None:
    readers = {
        str(p.relative_to(ROOT))
        for p in SOURCES
        if "penstock" in p.relative_to(ROOT).parts and re.search(r"os\.environ|getenv", p.read_text())
    }
    assert readers <= {"src/penstock/settings.py"}


def test_import_contracts() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["1", "2"])
def test_core_tests_do_not_depend_on_hash_order(seed: str) -> None:
    tables = ["tests/core/test_verdict.py", "tests/core/test_judging.py", "tests/core/test_authority.py"]
    answer = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "--disable-socket",
            *tables,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": seed},
    )
    assert answer.returncode == 0, answer.stdout
