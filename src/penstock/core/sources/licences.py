"""Which licence a file names, as an SPDX expression (The Software Package Data Exchange, annexes "License expressions")."""

import re
from collections.abc import Iterator

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

HEADER = 8 << 10
"""Bytes of a file in which it says so."""
_SAYS = re.compile(rb"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+() \t-]{1,200})")
_FILE = re.compile(r"(?:UN)?LICEN[CS]E|COPYING|COPYRIGHT|NOTICE", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")

UNRECOGNISED = "?"
"""It has a licence, and which one could not be told."""

_FREELY = "permission to use, copy, modify, and(?:/or)? distribute this software for any purpose with or without fee is"
_REDISTRIBUTION = "redistribution and use in source and binary forms"
_PHRASES: tuple[tuple[str, str], ...] = (
    ("gnu affero general public license version 3", "AGPL-3.0-only"),
    ("gnu lesser general public license version 3", "LGPL-3.0-only"),
    (r"gnu lesser general public license version 2\.1", "LGPL-2.1-only"),
    ("gnu library general public license version 2", "LGPL-2.0-only"),
    ("gnu general public license version 3", "GPL-3.0-only"),
    ("gnu general public license version 2", "GPL-2.0-only"),
    (r"mozilla public license version 2\.0", "MPL-2.0"),
    (r"eclipse public license - v 2\.0", "EPL-2.0"),
    (r"european union public licence v\. 1\.2", "EUPL-1.2"),
    ("server side public license", "SSPL-1.0"),
    (r"business source license 1\.1", "BUSL-1.1"),
    (r"apache license,? version 2\.0", "Apache-2.0"),
    (r"boost software license - version 1\.0", "BSL-1.0"),
    (r"cc0 1\.0 universal", "CC0-1.0"),
    ("this is free and unencumbered software released into the public domain", "Unlicense"),
    ("do what the fuck you want to public license", "WTFPL"),
    ("permission is hereby granted, free of charge, to any person obtaining a copy of this software", "MIT"),
    (f"{_FREELY} hereby granted, provided that", "ISC"),
    (rf"{_FREELY} hereby granted\.", "0BSD"),
    (f"{_REDISTRIBUTION}.{{0,2000}}neither the names? of .{{0,200}}may be used to endorse", "BSD-3-Clause"),
    (_REDISTRIBUTION, "BSD-2-Clause"),
    ("altered source versions must be plainly marked as such", "Zlib"),
)
"""What only one licence's text says, in lower case with single spaces and without marks; the first that is found."""
_RECOGNISED = tuple((re.compile(phrase), name) for phrase, name in _PHRASES)

STRONG = ("GPL-", "AGPL-", "SSPL-", "EUPL-", "OSL-")
"""How ids begin whose terms reach the whole of what they are part of."""
PERMISSIVE = frozenset(
    {
        "MIT",
        "MIT-0",
        "ISC",
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSL-1.0",
        "Zlib",
        "CC0-1.0",
    }
    | {"Unlicense", "WTFPL", "PSF-2.0", "Python-2.0", "BlueOak-1.0.0", "PostgreSQL", "NCSA", "X11"}
)


def licence_id(text: str) -> str:
    """One SPDX id as the list spells it. Raises ValueError."""
    try:
        found = str(canonicalize_license_expression(text))
    except InvalidLicenseExpression as error:
        raise ValueError(f"`{text}` is no SPDX licence id") from error
    if " " in found:
        raise ValueError(f"`{text}` is more than one licence; name each by itself")
    return found


def licence_of(path: str, content: bytes) -> str:
    """The expression that a file names; `UNRECOGNISED` where it has one that cannot be told, empty where it says nothing."""
    if said := _SAYS.search(content[:HEADER]):
        return _canonical(said[1].decode())
    return _by_text(content) if is_licence_file(path) else ""


def is_licence_file(path: str) -> bool:
    name = path.rpartition("/")[2]
    return _FILE.fullmatch(re.split(r"[.-]", name, maxsplit=1)[0]) is not None or "/LICENSES/" in f"/{path}"


def _canonical(text: str) -> str:
    try:
        return str(canonicalize_license_expression(" ".join(text.rstrip(" \t-").split())))
    except InvalidLicenseExpression:
        return UNRECOGNISED


def _by_text(content: bytes) -> str:
    text = " ".join(
        re.sub(r"[\"'*#]|//", " ", content[: 4 * HEADER].decode(errors="replace").lower()).split()
    )
    return next((name for phrase, name in _RECOGNISED if phrase.search(text)), UNRECOGNISED)


def _ids(expression: str) -> Iterator[str]:
    """The licences of an expression; an exception (`WITH …`) only gives leave."""
    words = iter(_WORD.findall(expression))
    for word in words:
        if word == "WITH":
            next(words, None)
        elif word not in {"AND", "OR"}:
            yield word


def choices(expression: str) -> tuple[frozenset[str], ...]:
    """Of which one may be chosen, each with every licence that then holds. Read without brackets, it is the stricter way:
    an expression with brackets is one choice with all of its licences."""
    if "(" in expression:
        return (frozenset(_ids(expression)),)
    return tuple(frozenset(_ids(part)) for part in expression.split(" OR "))


def is_strong(expression: str) -> bool:
    """Does every choice have terms that reach the whole."""
    return all(any(name.startswith(STRONG) for name in choice) for choice in choices(expression))


def is_permissive(expression: str) -> bool:
    return expression != UNRECOGNISED and any(choice <= PERMISSIVE for choice in choices(expression))


def is_allowed(expression: str, allowed: frozenset[str]) -> bool:
    return expression != UNRECOGNISED and any(choice <= allowed for choice in choices(expression))
