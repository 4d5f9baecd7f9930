"""What a hostile command can do: to its folder, anything within bounds; to everything else, nothing."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from penstock.adapters.sandbox.bubblewrap import Bubblewrap
from penstock.adapters.sandbox.limits import Limits
from penstock.adapters.sandbox.unsandboxed import Unsandboxed
from penstock.ports import Permanent, Sandbox, SandboxResult

MIB = 1 << 20
SMALL = Limits(
    disk=8 * MIB,
    files=2000,
    scratch=4 * MIB,
    memory=96 * MIB,
    address_space=512 * MIB,
    processes=24,
    open_files=64,
    output=16 << 10,
)


@pytest.fixture(scope="module")
def sandbox() -> Bubblewrap:
    return Bubblewrap(SMALL)


@pytest.fixture(params=["bubblewrap", "none"])
def either(request: pytest.FixtureRequest, sandbox: Bubblewrap) -> Sandbox:
    return sandbox if request.param == "bubblewrap" else Unsandboxed(SMALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"hello\n")
    (folder / "sub/run.sh").write_bytes(b"#!/bin/sh\necho ran\n")
    (folder / "sub/run.sh").chmod(0o755)
    return folder


def run(sandbox: Sandbox, command: str, folder: Path, seconds: int = 10) -> SandboxResult:
    return sandbox.run(command, folder, timeout_seconds=seconds)


def alive(marker: str) -> list[str]:
    """Processes of this machine whose command line has a word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if marker in line and "pytest" not in line:
            found.append(line)
    return found


def gone(marker: str) -> bool:
    """Are they gone, given a moment."""
    deadline = time.monotonic() + 5
    while alive(marker) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(marker)


@pytest.mark.parametrize(
    ("command", "exit_code", "output"),
    [
        ("cat a.txt", 0, "hello\n"),
        ("sub/run.sh", 0, "ran\n"),
        ("echo out; echo err >&2", 0, "out\nerr\n"),
        ("exit 3", 3, ""),
        ("false\necho not reached", 1, ""),
        ("cat", 0, ""),
        ("python -c 'print(6 * 7)'", 0, "42\n"),
        ("printf '\\377'", 0, "\ufffd"),
        ("exec >&- 2>&-; sleep 0.2; exit 5", 5, ""),
    ],
)
def test_a_command_runs_in_its_folder(
    either: Sandbox, folder: Path, command: str, exit_code: int, output: str
) -> None:
    result = run(either, command, folder)
    assert (result.exit_code, result.limit, result.output) == (exit_code, "", output)
    assert result.duration_ms < 10_000


def test_what_it_writes_is_kept(either: Sandbox, folder: Path) -> None:
    command = "echo new > 'sub/a b'; rm a.txt; ln -s /etc/passwd link; mkdir -p e/f; chmod +x 'sub/a b'; mkfifo pipe"
    assert run(either, command, folder).exit_code == 0
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) == [
        *("e", "e/f", "link", "pipe", "sub", "sub/a b", "sub/run.sh")
    ]
    assert (folder / "sub/a b").read_bytes() == b"new\n"
    assert os.access(folder / "sub/a b", os.X_OK)
    assert (folder / "link").readlink() == Path("/etc/passwd")
    assert (folder / "pipe").is_fifo()


def test_names_and_links_arrive_as_they_are(sandbox: Bubblewrap, folder: Path) -> None:
    names = [os.fsdecode(b"\xff\xfe"), "line\nbreak", "-rf", " ", "é", "x" * 255]
    for name in names:
        (folder / name).write_bytes(name.encode(errors="surrogateescape"))
    (folder / "out").symlink_to("../../etc/passwd")
    deep = folder / "/".join(["d" * 40] * 20)
    deep.mkdir(parents=True)
    (deep / "f").write_bytes(b"deep")
    before = {os.fsencode(path.relative_to(folder)) for path in folder.rglob("*")}
    assert run(sandbox, "true", folder).exit_code == 0
    assert {os.fsencode(path.relative_to(folder)) for path in folder.rglob("*")} == before
    assert [(folder / name).read_bytes() for name in names] == [
        n.encode(errors="surrogateescape") for n in names
    ]


def test_there_is_no_network(sandbox: Bubblewrap, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0penstock-{listener.getsockname()[1]}")
        abstract.listen()
        port = listener.getsockname()[1]
        program = (
            "import socket, sys\n"
            "def tries(what):\n"
            "    try: what()\n"
            "    except OSError as error: print(type(error).__name__)\n"
            "    else: print('REACHED')\n"
            f"tries(lambda: socket.create_connection(('127.0.0.1', {port}), 1))\n"
            "tries(lambda: socket.create_connection(('192.0.2.1', 80), 1))\n"
            f"tries(lambda: socket.socket(socket.AF_UNIX).connect('\\0penstock-{port}'))\n"
        )
        (folder / "try.py").write_text(program)
        outcome = run(
            sandbox, "python try.py; ls /sys/class/net 2>/dev/null || true; cat /proc/net/dev", folder
        )
    assert "REACHED" not in outcome.output
    assert outcome.output.splitlines()[0] == "ConnectionRefusedError"
    assert "eth" not in outcome.output


def test_the_machines_files_and_environment_are_out_of_sight(
    sandbox: Bubblewrap, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_SECRET", "s3cr3t-in-environment")
    (tmp_path / "state").write_text("s3cr3t-in-state")
    looking = f"""
        cat {tmp_path}/state || true
        ls {tmp_path} || true
        ls -A /root /home /var /opt /srv /run /mnt /sys || true
        cat /etc/passwd /etc/shadow /etc/hostname || true
        env; cat /proc/*/environ | tr '\\0' '\\n'
        hostname
        ls -d /proc/[0-9]* | wc -l
    """
    output = run(sandbox, looking, folder).output
    assert "s3cr3t" not in output
    assert "root:x" not in output
    assert socket.gethostname() not in output.splitlines()
    assert {line.partition("=")[0] for line in output.splitlines() if "=" in line} == {
        *("PATH", "HOME", "LANG", "TMPDIR", "PWD")
    }
    assert int(output.splitlines()[-1]) < 10


def test_it_has_no_rights(sandbox: Bubblewrap, folder: Path) -> None:
    status = run(sandbox, "cat /proc/self/status; cat /proc/self/uid_map", folder).output
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert {fields[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert fields["NoNewPrivs"].strip() == "1"
    assert fields["Uid"].split() == ["1000"] * 4
    for forbidden in (
        "unshare --user true",
        "mount -t tmpfs none /tmp",
        "echo core > /proc/sys/kernel/core_pattern",
        "echo x > /proc/sysrq-trigger",
        "mknod device c 1 1",
        "chown 0:0 a.txt",
        "kill -9 1; kill -0 1 && exit 1",
    ):
        assert run(sandbox, forbidden, folder).exit_code not in {0, None}, forbidden


@pytest.mark.parametrize(
    "place", ["/", "/usr", "/etc", "/dev", "/penstock", "/proc/sys", "{python}", "/bin", "/home"]
)
def test_it_cannot_write_elsewhere(sandbox: Bubblewrap, folder: Path, place: str) -> None:
    place = place.format(python=sys.prefix)
    assert run(sandbox, f"touch {place}/x", folder).exit_code == 1
    assert not (Path(place) / "x").exists()


def test_a_fork_bomb_is_bounded(sandbox: Bubblewrap, folder: Path) -> None:
    bomb = "i=0; while [ $i -lt 200 ]; do sleep 54321 & i=$((i+1)); done; wait"
    result = run(sandbox, bomb, folder, seconds=2)
    assert result.exit_code != 0
    assert "fork" in result.output
    (folder / "bomb.py").write_text("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n")
    peak = []
    timer = threading.Timer(0.6, lambda: peak.append(len(alive("bomb.py"))))
    timer.start()
    result = run(sandbox, "exec python bomb.py", folder, seconds=1)
    timer.join()
    assert result.limit == "timeout"
    assert peak[0] <= SMALL.processes + 5, "the helpers that start it are counted too"
    assert gone("bomb.py")
    assert gone("54321")


@pytest.mark.parametrize(
    "command",
    [
        "dd if=/dev/zero of=big bs=1M count=1000",
        "dd if=/dev/zero of=big bs=1M count=1000 2>/dev/null || true",
        "i=0; while [ $i -lt 9 ]; do head -c 1000000 /dev/zero > f$i || true; i=$((i+1)); done",
        "i=0; while true; do : > f$i; i=$((i+1)); done",
        "truncate -s 7M a b c",
        "head -c 4M /dev/zero > a; ln a b; ln a c",
    ],
)
def test_filling_the_disk_is_bounded(sandbox: Bubblewrap, folder: Path, tmp_path: Path, command: str) -> None:
    before = shutil.disk_usage(tmp_path).used
    result = run(sandbox, command, folder)
    assert result.limit == "disk" or result.exit_code, result
    assert shutil.disk_usage(tmp_path).used - before < 20 * MIB
    if result.limit:
        assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "sub"], "left as it was"


@pytest.mark.parametrize("place", ["/tmp", "/dev/shm", "$HOME"])
def test_scratch_space_is_there_and_bounded(sandbox: Bubblewrap, folder: Path, place: str) -> None:
    assert run(sandbox, f"echo x > {place}/x; cat {place}/x", folder).exit_code == 0
    assert run(sandbox, f"head -c 5M /dev/zero > {place}/x", folder).exit_code == 1


def test_files_that_do_not_fit_are_said_so(sandbox: Bubblewrap, folder: Path) -> None:
    (folder / "big").write_bytes(bytes(9 * MIB))
    result = run(sandbox, "echo started > started", folder)
    assert (result.exit_code, result.limit) == (None, "disk")
    assert "do not fit" in result.output
    assert not (folder / "started").exists()


def test_endless_output_is_bounded(either: Sandbox, folder: Path) -> None:
    result = run(either, "yes", folder)
    assert (result.exit_code, result.limit) == (None, "output")
    assert len(result.output) == SMALL.output


def test_much_memory_is_bounded(sandbox: Bubblewrap, folder: Path) -> None:
    one = run(sandbox, "python -c 'x = bytearray(600 << 20)'", folder)
    assert one.exit_code == 1
    assert "MemoryError" in one.output
    (folder / "many.py").write_text(
        "import os, time\nfor _ in range(4):\n    os.fork()\nx = b'x' * (20 << 20)\ntime.sleep(30)\n"
    )
    many = run(sandbox, "python many.py", folder, seconds=20)
    assert (many.exit_code, many.limit) == (None, "memory")
    assert gone("many.py")


def test_time_is_bounded_and_nothing_survives(sandbox: Bubblewrap, folder: Path) -> None:
    command = "setsid sleep 65432 & (setsid sh -c 'trap \"\" TERM HUP INT; sleep 65432' &) ; nohup sleep 65432 & sleep 65432"
    result = run(sandbox, command, folder, seconds=1)
    assert (result.exit_code, result.limit) == (None, "timeout")
    assert result.duration_ms < 3000
    assert gone("65432")


def test_daemons_end_with_the_command(sandbox: Bubblewrap, folder: Path) -> None:
    result = run(
        sandbox, "setsid sh -c 'sleep 1; echo late > late; sleep 76543' >/dev/null 2>&1 & exit 0", folder
    )
    assert result.exit_code == 0
    assert not alive("76543")
    assert not (folder / "late").exists()


def test_without_a_sandbox_time_is_bounded_all_the_same(folder: Path) -> None:
    result = run(Unsandboxed(), "sleep 87654 & sleep 87654", folder, seconds=1)
    assert (result.exit_code, result.limit) == (None, "timeout")
    assert gone("87654")


def test_nothing_survives_the_death_of_penstock(folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from penstock.adapters.sandbox.bubblewrap import Bubblewrap\n"
        "Bubblewrap().run('sleep 98765', Path(sys.argv[1]), timeout_seconds=60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(folder)]) as process:
        deadline = time.monotonic() + 10
        while not alive("sleep 98765") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert alive("sleep 98765")
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert gone("98765")


def test_an_interrupt_at_the_terminal_is_no_failure_of_the_command(folder: Path) -> None:
    """Ctrl-C goes to the whole process group of the terminal, and the sandbox is not in it."""
    program = (
        "import signal, sys; from pathlib import Path\n"
        "from penstock.adapters.sandbox.bubblewrap import Bubblewrap\n"
        "signal.signal(signal.SIGINT, lambda *_: None)\n"
        "print(Bubblewrap().run('sleep 2.125', Path(sys.argv[1]), timeout_seconds=60).exit_code)\n"
    )
    line = [sys.executable, "-c", program, str(folder)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        deadline = time.monotonic() + 10
        while not alive("sleep 2.125") and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert said == "0\n"


def test_a_repository_in_the_folder_is_only_data(sandbox: Bubblewrap, folder: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    command = f"""
        mkdir -p .git/hooks
        printf '[core]\\n\\tfsmonitor = touch {marker}\\n\\tpager = touch {marker}\\n' > .git/config
        printf '#!/bin/sh\\ntouch {marker}\\n' > .git/hooks/post-checkout; chmod +x .git/hooks/post-checkout
        echo 'touch {marker}' > .envrc; echo 'import os; os.system("touch {marker}")' > sitecustomize.py
    """
    assert run(sandbox, command, folder).exit_code == 0
    assert (folder / ".git/config").exists()
    assert not marker.exists()


def test_what_cannot_be_read_back_is_refused(sandbox: Bubblewrap, folder: Path) -> None:
    with pytest.raises(Permanent, match="nested more than 100"):
        run(sandbox, "i=0; while [ $i -lt 150 ]; do mkdir d; cd d; i=$((i+1)); done", folder)
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "sub"]


def test_where_it_cannot_isolate_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Permanent, match=r"bwrap is not installed .*apt install bubblewrap") as refused:
        Bubblewrap()
    assert refused.value.code == "cannot_isolate"


def test_a_machine_without_user_namespaces_is_refused(tmp_path: Path) -> None:
    """Inside a sandbox there are none: trying to build one more there is such a machine."""
    sandbox = Bubblewrap()
    source = Path(__file__).parents[3] / "src"
    folder = tmp_path / "folder"
    shutil.copytree(source / "penstock/adapters/sandbox", folder / "penstock/adapters/sandbox")
    shutil.copytree(source / "penstock/core", folder / "penstock/core")
    for name in ("__init__.py", "ports.py", "adapters/__init__.py"):
        shutil.copy(source / "penstock" / name, folder / "penstock" / name)
    program = (
        "from penstock.adapters.sandbox.bubblewrap import Bubblewrap\n"
        "from penstock.ports import Permanent\n"
        "try: Bubblewrap()\n"
        "except Permanent as refused: print(refused.code, refused)\n"
    )
    (folder / "try.py").write_text(program)
    result = run(sandbox, "PYTHONPATH=. python try.py", folder)
    assert result.output.startswith("cannot_isolate this machine cannot isolate a command: "), result.output
    assert "unprivileged user namespaces" in result.output
