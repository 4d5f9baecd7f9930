"""What a job cannot do: reach another network, write outside, see the host, outlive its time, or exhaust the machine."""

import contextlib
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from localforge.actions.sandbox import box, isolation
from localforge.actions.sandbox.box import Command, Finished, Sandbox, SandboxError, isolated, unprotected
from localforge.actions.sandbox.bridge import Bridge
from localforge.actions.sandbox.isolation import CannotIsolate, Isolation, Limits, Walls, probe

MEBIBYTE = 1 << 20
SMALL = Limits(
    disk=32 * MEBIBYTE,
    temporary=16 * MEBIBYTE,
    shared_memory=8 * MEBIBYTE,
    data=512 * MEBIBYTE,
    processes=120,
)
PATH = f"{Path(sys.base_prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin"


def processes() -> list[str]:
    """The command line of every process on this host."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_text(errors="replace"))
    return found


def here() -> Isolation:
    found = probe()
    assert isinstance(found, Isolation), found
    return found


def run(sandbox: Sandbox, script: str, *, seconds: float = 20) -> tuple[Finished, str]:
    """Run a shell script in the sandbox; how it ended and what it printed."""
    output = bytearray()
    order = Command(
        argv=["/bin/bash", "-c", script], cwd=sandbox.home, env={"PATH": PATH, "HOME": sandbox.home}
    )
    finished = sandbox.run(order, output.extend, deadline=time.monotonic() + seconds)
    return finished, output.decode("utf-8", "replace")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with isolated(here(), Walls(limits=SMALL), port=0, slot=1) as made:
        yield made


@pytest.fixture
def server() -> Iterator[int]:
    """An HTTP server on the host's loopback that answers `forge`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"forge")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its signature)
            return

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made.server_address[1]
    made.shutdown()
    made.server_close()
    thread.join()


FETCH = "import sys, urllib.request; print(urllib.request.urlopen('http://' + sys.argv[1], timeout=3).read().decode())"


def test_no_privilege_and_its_own_namespaces(sandbox: Sandbox) -> None:
    kinds = ("pid", "net", "ipc", "uts", "mnt")
    script = "id -u; grep -E 'Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs' /proc/self/status; " + "; ".join(
        f"readlink /proc/self/ns/{kind}" for kind in kinds
    )
    _, printed = run(sandbox, script)
    uid, *lines = printed.splitlines()
    assert int(uid) != 0
    assert [line.split()[1] for line in lines[:5]] == ["0" * 16] * 5
    assert lines[5].split() == ["NoNewPrivs:", "1"]
    assert [
        theirs
        for theirs, kind in zip(lines[6:], kinds, strict=True)
        if theirs == str(Path(f"/proc/self/ns/{kind}").readlink())
    ] == []


def test_the_forge_and_nothing_else(server: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other_port = other.getsockname()[1]
        bridge = Bridge("127.0.0.1", server)
        try:
            walls = Walls(limits=SMALL, forge_socket=bridge.path, hosts=("forge.example",))
            with isolated(here(), walls, port=server, slot=2) as sandbox:
                run_fetch = f'python3 -c "{FETCH}"'
                for host in ("127.0.0.1", "localhost", "forge.example"):
                    assert run(sandbox, f"{run_fetch} {host}:{server}")[1].strip() == "forge"
                finished, printed = run(sandbox, f"{run_fetch} 127.0.0.1:{other_port}")
                assert finished.code == 1
                assert "Connection refused" in printed
                finished, printed = run(sandbox, f"{run_fetch} 192.0.2.1")
                assert finished.code == 1
                assert "Network is unreachable" in printed
                assert run(sandbox, "cat /proc/net/dev | grep -c :")[1].strip() == "1"
        finally:
            bridge.close()
        other.settimeout(0)
        with pytest.raises(BlockingIOError):
            other.accept()


def test_nothing_outside_can_be_written_or_seen(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the forge's state")
    script = f"""
        touch /usr/x /etc/x /bin/x /x /dev/x {sys.prefix}/x /run/x {tmp_path}/x 2>/dev/null && echo WROTE
        for path in /usr/x /etc/x /x /dev/x {sys.prefix}/x /run/x; do test -e $path && echo "WROTE $path"; done
        cat {secret} /etc/shadow /root/.ssh/id_rsa /proc/1/environ 2>/dev/null
        env | grep -c . ; ls /; echo ok > {sandbox.home}/mine; cat {sandbox.home}/mine
    """
    _, printed = run(sandbox, script)
    assert "WROTE" not in printed
    assert "state" not in printed
    assert not (tmp_path / "x").exists()
    assert printed.splitlines()[-1] == "ok"
    monkeypatch.setenv("PENSTOCK_PROBE", "from the host")
    with isolated(here(), Walls(limits=SMALL), port=0, slot=3) as other:
        assert (
            "PENSTOCK_PROBE"
            not in run(other, "env; tr '\\0' '\\n' </proc/1/environ; tr '\\0' '\\n' </proc/$PPID/environ")[1]
        )
        assert run(other, f"cat {sandbox.home}/mine")[0].code == 1


def test_a_hidden_directory_stays_hidden_under_a_shown_one(tmp_path: Path) -> None:
    state = Path(sys.prefix)
    with isolated(here(), Walls(limits=SMALL, hidden=(state,)), port=0, slot=4) as sandbox:
        assert run(sandbox, f"ls -A {state}")[1] == ""


def test_a_fork_bomb_is_bounded_and_gone_afterwards() -> None:
    before = len(processes())
    with isolated(here(), Walls(limits=SMALL), port=0, slot=5) as sandbox:
        run(sandbox, "bomb() { bomb | bomb & }; bomb", seconds=1.5)
        time.sleep(0.3)
        assert len(processes()) < before + SMALL.processes + 60
    assert len(processes()) < before + 30


@pytest.mark.parametrize("where", ["$HOME", "/tmp", "/dev/shm"])
def test_a_full_disk_is_the_job_s_own(sandbox: Sandbox, where: str) -> None:
    fill = f"for n in 1 2 3 4 5 6 7 8; do head -c 8M /dev/zero > {where}/fill$n || exit 7; done"
    finished, printed = run(sandbox, fill)
    assert finished.code == 7
    assert "No space left on device" in printed


def test_memory_is_bounded(sandbox: Sandbox) -> None:
    finished, printed = run(sandbox, "python3 -c 'bytearray(600 << 20)'")
    assert finished.code == 1
    assert "MemoryError" in printed


def test_time_out_ends_a_stubborn_command_and_the_end_reaps_grandchildren() -> None:
    marker = f"4{os.getpid()}"
    script = f"trap '' INT TERM; setsid sleep {marker} & (sleep {marker} &) ; sleep {marker}"
    with isolated(here(), Walls(limits=SMALL), port=0, slot=6) as sandbox:
        started = time.monotonic()
        finished, _ = run(sandbox, script, seconds=0.3)
        assert finished.stopped
        assert finished.code < 0
        assert time.monotonic() - started < 5
        assert run(sandbox, "echo alive")[1] == "alive\n"
    assert not [line for line in processes() if marker in line]


@pytest.mark.slow
def test_stop_from_another_thread(sandbox: Sandbox) -> None:
    threading.Timer(0.2, sandbox.stop).start()
    started = time.monotonic()
    finished, _ = run(sandbox, "sleep 60")
    assert finished.stopped
    assert time.monotonic() - started < 5
    assert run(sandbox, "sleep 60")[0].stopped


def test_files_in_and_out(sandbox: Sandbox) -> None:
    home = sandbox.home
    order = Command(
        argv=[f"{home}/bin/hello"],
        cwd=home,
        env={"PATH": PATH},
        files={f"{home}/in.txt": "in ü"},
        scripts={f"{home}/bin/hello": "#!/bin/sh\ncat in.txt > out.txt\nhead -c 2M /dev/zero > big\n"},
        links={f"{home}/link": f"{home}/in.txt"},
        read=[f"{home}/out.txt", f"{home}/link", f"{home}/none", f"{home}/big", home],
    )
    finished = sandbox.run(order, bytearray().extend)
    assert finished == Finished(code=0, files={f"{home}/out.txt": "in ü", f"{home}/link": "in ü"})
    missing = Command(argv=["/no/such"], cwd=home, env={})
    finished = sandbox.run(missing, bytearray().extend)
    assert finished.code == 127
    assert "No such file" in finished.error


def test_hash_files(sandbox: Sandbox) -> None:
    run(sandbox, "mkdir -p a/.b && echo 1 > a/x.lock && echo 2 > a/.b/y.lock")
    both = sandbox.hash_files(sandbox.home, ["**/*.lock"])
    assert len(both) == 64
    assert sandbox.hash_files(sandbox.home, ["**/*.lock", "!a/.b/*"]) not in {"", both}
    assert sandbox.hash_files(sandbox.home, ["nothing*"]) == ""


def test_a_supervisor_that_dies_is_an_error_of_the_job(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="ended unexpectedly"):
        run(sandbox, "kill -9 $PPID; sleep 5")


def test_a_supervisor_that_lies_is_an_error_of_the_job(sandbox: Sandbox) -> None:
    if here().as_root:
        finished, printed = run(sandbox, "echo 'not json' > /proc/$PPID/fd/1")
        assert finished.code == 1
        assert "Permission denied" in printed
    else:
        with pytest.raises(SandboxError, match="broke its protocol"):
            run(sandbox, "echo 'not json' > /proc/$PPID/fd/1; sleep 5")


def test_a_supervisor_that_is_stopped_is_killed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "STOP_SECONDS", 0.5)
    monkeypatch.setattr(box, "START_SECONDS", 0.5)
    with isolated(here(), Walls(limits=SMALL), port=0, slot=7) as sandbox:
        with pytest.raises(SandboxError, match="did not stop"):
            run(sandbox, "kill -STOP $PPID; sleep 60", seconds=0.3)
        flood = Command(argv=["/bin/true"], cwd="/", env={"BIG": "x" * (1 << 20)})
        with pytest.raises(SandboxError, match="takes no more commands"):
            sandbox.run(flood, bytearray().extend)


def test_where_bubblewrap_cannot_isolate_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolation.probe.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = isolation.probe()
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    isolation.probe.cache_clear()
    refused = isolation.probe()
    isolation.probe.cache_clear()
    assert isinstance(missing, CannotIsolate)
    assert "apt-get install bubblewrap" in missing.reason
    assert isinstance(refused, CannotIsolate)
    assert "No permissions to create new namespace" in refused.reason


def test_unprotected_runs_with_the_same_protocol() -> None:
    with unprotected(Limits()) as sandbox:
        finished, printed = run(sandbox, "pwd; echo kept > file")
        assert (finished.code, printed.strip()) == (0, sandbox.home)
        home = Path(sandbox.home)
        assert (home / "file").exists()
        marker = f"5{os.getpid()}"
        run(sandbox, f"setsid sleep {marker} & (sleep {marker} &)")
    assert not home.exists()
    assert not [line for line in processes() if marker in line]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become an ordinary user")
def test_an_ordinary_user_gets_a_user_namespace(tmp_path: Path) -> None:
    """The same walls without root: proven by a process that gives root up first."""
    program = f"""
import os, sys
sys.path[:0] = {sys.path!r}
from localforge.actions.sandbox import box, isolation
os.setgid(65534); os.setuid(65534)
isolation.python_binds = box.python_binds = lambda: ()
sys.executable = "/usr/bin/python3"
found = isolation.probe()
assert isinstance(found, isolation.Isolation), found
assert not found.as_root
out = bytearray()
with box.isolated(found, isolation.Walls(limits=isolation.Limits(processes=100)), port=0, slot=0) as sandbox:
    order = box.Command(argv=["/bin/sh", "-c", "id -u; grep CapBnd /proc/self/status; cat /etc/shadow; echo x > /usr/x"],
                        cwd=sandbox.home, env={{"PATH": "/usr/bin:/bin"}})
    print(sandbox.run(order, out.extend))
print(out.decode())
"""
    if not Path("/usr/bin/python3").exists():
        pytest.skip("the host has no system Python that an ordinary user can read")
    done = subprocess.run(
        ["/usr/bin/env", "-i", "PATH=/usr/bin:/bin", sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "1001" in done.stdout
    assert "CapBnd:\t0000000000000000" in done.stdout
    assert "cannot create /usr/x: Read-only file system" in done.stdout
