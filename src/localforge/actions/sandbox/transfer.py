"""The built-in artifact and cache actions. Runs *inside* the sandbox as a step's program, standard library only.

`python -I -S transfer.py` with an order in `LOCALFORGE_ORDER`: what to do, with which inputs. It packs and unpacks as the
job's own user and speaks to the forge with the job's token; outputs go to `GITHUB_OUTPUT` as any step's do.
"""

import fnmatch
import glob
import http.client
import json
import os
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TypedDict, cast
from urllib.parse import urlsplit

PIECE = 8 << 20
MAGIC = "*?["


class Order(TypedDict):
    verb: str
    server: str
    token: str
    inputs: dict[str, str]


class Failed(Exception):
    """The words of the step's failure."""


class Forge:
    """The forge's side of transfers."""

    def __init__(self, order: Order) -> None:
        self._address = urlsplit(order["server"])
        self._headers = {"authorization": f"token {order['token']}", "accept": "application/json"}

    def ask(self, method: str, path: str, body: "object | bytes | None" = None) -> "tuple[int, bytes]":
        """Status and body of one request."""
        connection = http.client.HTTPConnection(self._address.hostname or "", self._address.port, timeout=60)
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        try:
            connection.request(method, path, data, self._headers)
            response = connection.getresponse()
            return response.status, response.read()
        except OSError as error:
            raise Failed(f"the forge does not answer: {error}") from error
        finally:
            connection.close()

    def json(self, method: str, path: str, body: "object | None" = None) -> "dict[str, object]":
        """A JSON answer; its words as the failure when it is a refusal."""
        status, answer = self.ask(method, path, body)
        if status >= 400:
            words = json.loads(answer).get("message", status) if answer.startswith(b"{") else status
            raise Failed(str(words))
        return cast("dict[str, object]", json.loads(answer)) if answer else {}

    def send(self, kind: str, number: object, source: Path) -> "dict[str, object]":
        """A whole file in pieces."""
        offset = 0
        with source.open("rb") as file:
            while data := file.read(PIECE):
                status, answer = self.ask("PUT", f"/_job/{kind}/{number}/{offset}", data)
                if status != 204:
                    raise Failed(json.loads(answer).get("message", str(status)))
                offset += len(data)
        return self.json("POST", f"/_job/{kind}/{number}/ready")

    def fetch(self, kind: str, number: object, sink: Path) -> None:
        """A whole file in pieces."""
        offset = 0
        with sink.open("wb") as file:
            while True:
                status, data = self.ask("GET", f"/_job/{kind}/{number}/{offset}")
                if status != 200:
                    raise Failed(f"Unable to download: {status}")
                if not data:
                    return
                file.write(data)
                offset += len(data)

    def save(self, path: str, sink: Path) -> None:
        """What is at an address, however long."""
        connection = http.client.HTTPConnection(self._address.hostname or "", self._address.port, timeout=60)
        try:
            connection.request("GET", path, headers=self._headers)
            response = connection.getresponse()
            if response.status != 200:
                raise Failed(f"Unable to download: {response.status}")
            with sink.open("wb") as file:
                while data := response.read(PIECE):
                    file.write(data)
        except OSError as error:
            raise Failed(f"the forge does not answer: {error}") from error
        finally:
            connection.close()


def main() -> None:
    order = cast("Order", json.loads(os.environ["LOCALFORGE_ORDER"]))
    verbs = {"upload": _upload, "download": _download, "save": _save, "restore": _restore, "unpack": _unpack}
    try:
        verbs[order["verb"]](Forge(order), order["inputs"])
    except (Failed, OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        _say(f"::error::{error}")
        sys.exit(1)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _output(**values: object) -> None:
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.writelines(f"{name.replace('_', '-')}={value}\n" for name, value in values.items())


def _lines(text: str) -> "list[str]":
    return [line.strip() for line in text.splitlines() if line.strip()]


def _expanded(pattern: str) -> str:
    return str(Path.cwd() / Path(pattern).expanduser())


def _matches(patterns: "Sequence[str]", *, hidden: bool) -> "list[Path]":
    """The files that patterns name, folders with all they hold; `!` in front takes away what came before."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        for file in _named(_expanded(pattern.removeprefix("!")), hidden=hidden):
            if pattern.startswith("!"):
                found.pop(file, None)
            else:
                found[file] = None
    return list(found)


def _named(pattern: str, *, hidden: bool) -> "Iterator[Path]":
    for name in sorted(glob.glob(pattern, recursive=True, include_hidden=hidden)):  # noqa: PTH207 (pathlib has no hidden)
        path = Path(os.path.normpath(name))
        if path.is_dir():
            for root, folders, files in os.walk(path):
                folders[:] = sorted(folder for folder in folders if hidden or not folder.startswith("."))
                yield from (Path(root) / file for file in sorted(files) if hidden or not file.startswith("."))
        elif path.is_file():
            yield path


def _root(patterns: "Sequence[str]") -> Path:
    """What the names in an archive are relative to: the folder that all search paths have in common."""
    starts = []
    for pattern in patterns:
        if not pattern.startswith("!"):
            parts = Path(os.path.normpath(_expanded(pattern))).parts
            plain = next((index for index, part in enumerate(parts) if set(part) & set(MAGIC)), len(parts))
            starts.append(Path(*parts[:plain]))
    common = Path(os.path.commonpath(starts))
    return common.parent if common.is_file() else common


def _upload(forge: Forge, inputs: "dict[str, str]") -> None:
    patterns = _lines(inputs.get("path", ""))
    if not patterns:
        raise Failed("Input required and not supplied: path")
    files = _matches(patterns, hidden=inputs.get("include-hidden-files") == "true")
    if not files:
        return _nothing(inputs, patterns)
    root, name = _root(patterns), inputs.get("name") or "artifact"
    archive = Path(tempfile.mkstemp(suffix=".zip")[1])
    level = int(inputs.get("compression-level") or 6)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as target:
        for file in files:
            target.write(file, file.relative_to(root))
    begun = forge.json(
        "POST",
        "/_job/artifacts",
        {
            "name": name,
            "days": int(inputs.get("retention-days") or 0),
            "overwrite": inputs.get("overwrite") == "true",
        },
    )
    done = forge.send("artifacts", begun["id"], archive)
    _say(f"Artifact {name} has been successfully uploaded! Final size is {done['size']} bytes.")
    where = f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}/actions/runs/{os.environ['GITHUB_RUN_ID']}"
    digest = str(done["digest"]).removeprefix("sha256:")
    _output(artifact_id=done["id"], artifact_digest=digest, artifact_url=f"{where}/artifacts/{done['id']}")
    return None


def _nothing(inputs: "dict[str, str]", patterns: "list[str]") -> None:
    words = (
        f"No files were found with the provided path: {' '.join(patterns)}. No artifacts will be uploaded."
    )
    match inputs.get("if-no-files-found") or "warn":
        case "error":
            raise Failed(words)
        case "ignore":
            _say(words)
        case _:
            _say(f"::warning::{words}")


def _download(forge: Forge, inputs: "dict[str, str]") -> None:
    for other in ("run-id", "repository"):
        if inputs.get(other):
            raise Failed(
                f"{other} is unsupported on the local runner: only the run's own artifacts are at hand"
            )
    target = Path(_expanded(inputs.get("path") or "."))
    status, answer = forge.ask("GET", "/_job/artifacts")
    if status != 200:
        raise Failed(f"Unable to list artifacts: {status}")
    listed = cast("list[dict[str, object]]", json.loads(answer))
    name, numbers = inputs.get("name"), (inputs.get("artifact-ids") or "").replace(" ", "").split(",")
    if name:
        chosen = [row for row in listed if row["name"] == name]
        if not chosen:
            raise Failed(f"Unable to download artifact(s): Artifact not found for name: {name}")
    elif numbers != [""]:
        chosen = [row for row in listed if str(row["id"]) in numbers]
    else:
        chosen = [
            row for row in listed if fnmatch.fnmatchcase(str(row["name"]), inputs.get("pattern") or "*")
        ]
    flat = bool(name) or inputs.get("merge-multiple") == "true" or (numbers != [""] and len(chosen) == 1)
    for row in chosen:
        folder = target if flat else target / str(row["name"])
        folder.mkdir(parents=True, exist_ok=True)
        archive = Path(tempfile.mkstemp(suffix=".zip")[1])
        forge.fetch("artifacts", row["id"], archive)
        with zipfile.ZipFile(archive) as source:
            source.extractall(folder)  # noqa: S202 (into the job's own home)
        archive.unlink()
        _say(f"Downloaded {row['name']} to {folder}")
    _say(f"Total of {len(chosen)} artifact(s) downloaded")
    _output(download_path=target)


def _version(inputs: "dict[str, str]") -> str:
    return sha256("\n".join(_lines(inputs.get("path", ""))).encode()).hexdigest()


def _restore(forge: Forge, inputs: "dict[str, str]") -> None:
    key, others = inputs["key"], _lines(inputs.get("restore-keys", ""))
    _output(cache_primary_key=key)
    status, answer = forge.ask(
        "POST", "/_job/caches/find", {"keys": [key, *others], "version": _version(inputs)}
    )
    if status == 404:
        if inputs.get("fail-on-cache-miss") == "true":
            raise Failed(
                f"Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: {key}"
            )
        _say(f"Cache not found for input keys: {', '.join([key, *others])}")
        return
    if status != 200:
        raise Failed(f"The cache cannot be looked up: {status}")
    found = json.loads(answer)
    _output(cache_hit=str(found["key"] == key).lower(), cache_matched_key=found["key"])
    if inputs.get("lookup-only") == "true":
        _say(f"Cache found and can be restored from key: {found['key']}")
        return
    archive = Path(tempfile.mkstemp(suffix=".tgz")[1])
    forge.fetch("caches", found["id"], archive)
    with tarfile.open(archive) as source:
        # Names lead out of the workspace where the cached paths do, which are the job's own.
        source.extraction_filter = lambda member, _path: (
            member
        )  # before 3.11.4 there is none, and no argument for it
        source.extractall(Path.cwd())  # noqa: S202
    archive.unlink()
    _say(f"Cache restored from key: {found['key']}")


def _unpack(forge: Forge, inputs: "dict[str, str]") -> None:
    """The files of a commit into a folder, without the one folder that the archive has them in."""
    archive, target = Path(tempfile.mkstemp(suffix=".tgz")[1]), Path(inputs["target"])
    forge.save(inputs["address"], archive)
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as source:
        source.extraction_filter = lambda member, _path: member
        for member in source:
            member.name = member.name.partition("/")[2]
            if member.name:
                source.extract(member, target)
    archive.unlink()


def _save(forge: Forge, inputs: "dict[str, str]") -> None:
    """A cache that cannot be saved is a warning, as on GitHub."""
    key = inputs["key"]
    named = [
        Path(name)
        for pattern in _lines(inputs.get("path", ""))
        for name in sorted(glob.glob(_expanded(pattern), recursive=True, include_hidden=True))  # noqa: PTH207
    ]
    if not named:
        _say(
            "::warning::Path Validation Error: Path(s) specified in the action for caching do(es) not exist."
        )
        return
    archive = Path(tempfile.mkstemp(suffix=".tgz")[1])
    try:
        with tarfile.open(archive, "w:gz", compresslevel=1) as target:
            for path in named:
                target.add(path, os.path.relpath(path, Path.cwd()))
        begun = forge.json("POST", "/_job/caches", {"key": key, "version": _version(inputs)})
        forge.send("caches", begun["id"], archive)
    except (Failed, OSError) as error:
        _say(f"::warning::Failed to save: {error}")
        return
    _say(f"Cache saved with key: {key}")


if __name__ == "__main__":
    main()
