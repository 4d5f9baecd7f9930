"""The table of operations against GitHub's description, and the judge itself."""

import pytest
from tests.forge.openapi import BEYOND, mistakes, operations
from tests.forge.world import World


def test_every_operation_is_githubs(world: World) -> None:
    """Same method and path for the same operationId; nothing invented beyond the short list."""
    theirs = {name: (method, path) for name, (method, path, _) in operations().items()}
    ours = {row.id: (row.method, row.path.replace("*}", "}")) for row in world.app.operations if not row.page}
    assert {name for name in ours if name not in theirs} <= BEYOND
    for name in ours.keys() & theirs.keys():
        assert ours[name] == theirs[name], name


@pytest.mark.parametrize(
    ("schema", "value", "wrong"),
    [
        ({"type": "object", "required": ["a"]}, {}, ["$.a is missing"]),
        (
            {"type": "object", "properties": {"a": {"type": "integer"}}},
            {"a": True},
            ["$.a: True is no integer"],
        ),
        ({"type": "string", "nullable": True}, None, []),
        ({"type": "string"}, None, ["$: null, which is not allowed"]),
        ({"type": "string", "enum": ["x"]}, "y", ["$: 'y' is none of ['x']"]),
        ({"type": "array", "items": {"type": "string", "format": "uri"}}, ["no"], ["$[0]: 'no' is no uri"]),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, 1, []),
        ({"oneOf": [{"type": "string"}, {"type": "boolean"}]}, 1, ["$: 1 is no string"]),
        ({"type": "object", "additionalProperties": False}, {"b": 1}, ["$.b is not described"]),
        ({"$ref": "#/components/schemas/basic-error"}, {"message": 1}, ["$.message: 1 is no string"]),
    ],
)
def test_the_judge_finds(schema: dict[str, object], value: object, wrong: list[str]) -> None:
    """What is missing, mistyped, outside an enumeration or undescribed."""
    assert list(mistakes(schema, value)) == wrong
