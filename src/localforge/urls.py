"""Addresses as the caller sees the forge, and GitHub's opaque node ids."""

import base64
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """The forge's addresses for one request, made from its Host header.

    `origin` is scheme and host; `api` is where REST is served: the origin itself, or its `/api/v3`.
    """

    origin: str
    api: str

    @property
    def host(self) -> str:
        """Host and port."""
        return self.origin.partition("://")[2]

    def user(self, login: str) -> str:
        """The API address of a user."""
        return f"{self.api}/users/{quoted(login)}"

    def repo(self, full_name: str) -> str:
        """The API address of a repository."""
        return f"{self.api}/repos/{full_name}"

    def repo_by_id(self, repo_id: int) -> str:
        """The address that a repository keeps when it is renamed; links of pages and redirects use it, as GitHub's do."""
        return f"{self.api}/repositories/{repo_id}"

    def page(self, *parts: str | int) -> str:
        """A web page's address, e.g. `page("o/r", "pull", 7)`."""
        return "/".join([self.origin, *(quoted(str(part)) for part in parts)])


@lru_cache(maxsize=4096)
def quoted(path: str) -> str:
    """A path or ref name for a URL; bytes of git that are no UTF-8 keep their value."""
    return quote(path, errors="surrogateescape")


@lru_cache(maxsize=4096)
def node_id(prefix: str, *parts: int | str) -> str:
    """A global id as GitHub forms them: the type's prefix and a MessagePack array `[0, *parts]`.

    `node_id("R", 7)` for a repository, `node_id("C", repo_id, sha)` for a commit.
    """
    packed = bytes([0x90 + 1 + len(parts), 0]) + b"".join(map(_packed, parts))
    return f"{prefix}_{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"


def parse_node_id(text: str) -> tuple[str, tuple[int | str, ...]]:
    """The prefix and parts of a node id; raises ValueError when it is none of ours."""
    prefix, _, encoded = text.partition("_")
    packed = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    if not prefix or len(packed) < 3 or packed[0] >> 4 != 9 or packed[1] != 0:
        raise ValueError(f"not a node id: {text}")
    parts: list[int | str] = []
    rest = packed[2:]
    while rest:
        size = {0xCE: 5, 0xCF: 9, 0xD9: 2 + (rest[1] if len(rest) > 1 else 0)}.get(rest[0], 0)
        if not size or size > len(rest):
            raise ValueError(f"not a node id: {text}")
        value = rest[:size]
        parts.append(value[2:].decode() if value[0] == 0xD9 else int.from_bytes(value[1:], "big"))
        rest = rest[size:]
    return prefix, tuple(parts)


def _packed(part: int | str) -> bytes:
    match part:
        case int() if part < 1 << 32:
            return b"\xce" + part.to_bytes(4, "big")
        case int():
            return b"\xcf" + part.to_bytes(8, "big")
        case str():
            text = part.encode("utf-8", "surrogateescape")
            return b"\xd9" + bytes([len(text)]) + text
