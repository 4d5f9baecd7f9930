"""SARIF 2.1.0 as code scanning reads it: what each run of a tool found, and where. Pure.

Facts: https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from localforge.json_types import Json, JsonObject

MOST_RUNS = 20
MOST_RESULTS = 25_000
_LEVELS = ("none", "note", "warning", "error")
_SEVERITIES = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))


class SarifError(ValueError):
    """Text that is no SARIF 2.1.0, or too much of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One finding. `fingerprint` is the same when a later analysis finds the same thing."""

    rule: JsonObject
    fingerprint: str
    location: JsonObject
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one tool found. `category` tells several analyses of a commit by one tool apart."""

    tool: str
    version: str | None
    guid: str | None
    category: str
    results: Sequence[Result]


def runs(document: Json, *, checkout: str = "") -> list[Run]:
    """The runs of a document; `checkout` is the address that absolute file addresses begin with. SarifError."""
    if not isinstance(document, Mapping) or document.get("version") != "2.1.0":
        raise SarifError("Invalid SARIF. The version must be 2.1.0.")
    listed = document.get("runs")
    if not isinstance(listed, list) or not all(isinstance(run, Mapping) for run in listed):
        raise SarifError("Invalid SARIF. Missing 'runs'.")
    if len(listed) > MOST_RUNS:
        raise SarifError(f"Invalid SARIF. It has more than {MOST_RUNS} runs.")
    return [_run(run, checkout) for run in listed]


def _run(run: JsonObject, checkout: str) -> Run:
    driver = _object(_object(run, "tool"), "driver")
    name = driver.get("name")
    if not isinstance(name, str) or not name:
        raise SarifError("Invalid SARIF. Missing 'tool.driver.name'.")
    results = _objects(run, "results")
    if len(results) > MOST_RESULTS:
        raise SarifError(f"Invalid SARIF. A run has more than {MOST_RESULTS} results.")
    rules = list(_rules(run, driver))
    category = _text(_object(run, "automationDetails"), "id") or ""
    return Run(
        tool=name,
        version=_text(driver, "semanticVersion") or _text(driver, "version"),
        guid=_text(driver, "guid"),
        category=category.rpartition("/")[0] or category,
        results=[_result(result, rules, checkout) for result in results],
    )


def _rules(run: JsonObject, driver: JsonObject) -> Iterator[JsonObject]:
    yield from _objects(driver, "rules")
    for extension in _objects(_object(run, "tool"), "extensions"):
        yield from _objects(extension, "rules")


def _result(result: JsonObject, rules: Sequence[JsonObject], checkout: str) -> Result:
    reference = _object(result, "rule")
    rule_id = _text(result, "ruleId") or _text(reference, "id")
    index = result.get("ruleIndex", reference.get("index"))
    rule = next((found for found in rules if rule_id is not None and found.get("id") == rule_id), None)
    if rule is None and isinstance(index, int) and 0 <= index < len(rules):
        rule = rules[index]
    rule = rule or {"id": rule_id or "unknown"}
    message = _object(result, "message")
    text = _text(message, "text") or _text(message, "markdown")
    if text is None:
        raise SarifError("Invalid SARIF. A result has no message.")
    place = _location(result, checkout)
    return Result(
        rule=_shown(rule, _text(result, "level")),
        fingerprint=_fingerprint(result, str(rule.get("id")), place, text),
        location=place,
        message=text,
    )


def _location(result: JsonObject, checkout: str) -> JsonObject:
    """The first place, as the API shows places."""
    locations = _objects(result, "locations")
    physical = _object(locations[0], "physicalLocation") if locations else {}
    path = _text(_object(physical, "artifactLocation"), "uri") or ""
    region = _object(physical, "region")
    first = _number(region, "startLine", 1)
    column = _number(region, "startColumn", 1)
    return {
        "path": path.removeprefix(checkout).lstrip("/"),
        "start_line": first,
        "end_line": _number(region, "endLine", first),
        "start_column": column,
        "end_column": _number(region, "endColumn", column),
    }


def _fingerprint(result: JsonObject, rule_id: str, place: JsonObject, message: str) -> str:
    """The tool's own where it gives one; else the rule, the place and the words."""
    given = _text(_object(result, "partialFingerprints"), "primaryLocationLineHash")
    parts = (rule_id, str(place["path"]), given or f"{place['start_line']}:{message}")
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _shown(rule: JsonObject, level: str | None) -> JsonObject:
    """A rule as the API shows it."""
    properties, rule_id = _object(rule, "properties"), str(rule.get("id"))
    level = level or _text(_object(rule, "defaultConfiguration"), "level")
    tags = properties.get("tags")
    short = _text(_object(rule, "shortDescription"), "text")
    full = _text(_object(rule, "fullDescription"), "text")
    helping = _object(rule, "help")
    return {
        "id": rule_id,
        "name": _text(rule, "name") or rule_id,
        "severity": level if level in _LEVELS else "warning",
        "security_severity_level": _severity(properties.get("security-severity")),
        "description": short or full or rule_id,
        "full_description": full or short or rule_id,
        "tags": [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else [],
        "help": _text(helping, "markdown") or _text(helping, "text"),
        "help_uri": _text(rule, "helpUri"),
    }


def _severity(score: Json) -> str | None:
    try:
        number = float(str(score))
    except ValueError:
        return None
    return next((level for least, level in _SEVERITIES if number >= least), None)


def _object(value: JsonObject, name: str) -> JsonObject:
    found = value.get(name)
    return found if isinstance(found, Mapping) else {}


def _objects(value: JsonObject, name: str) -> list[JsonObject]:
    found = value.get(name)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def _text(value: JsonObject, name: str) -> str | None:
    found = value.get(name)
    return found if isinstance(found, str) and found else None


def _number(value: JsonObject, name: str, default: int) -> int:
    found = value.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else default
