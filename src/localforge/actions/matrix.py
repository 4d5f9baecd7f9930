"""`strategy.matrix`: the combinations, in GitHub's order."""

import itertools
import math
from collections.abc import Mapping, Sequence

from localforge.actions.expressions import Value, to_text

MAX_JOBS = 256
MAX_PRODUCT = 10_000
_FILTERS = ("include", "exclude")

Combination = Mapping[str, Value]


class MatrixError(Exception):
    """A matrix that an expression gave an impossible shape, or that has too many or no combinations."""


def expand(matrix: Value) -> tuple[Combination, ...]:
    """Every combination of the vectors, less `exclude`, then `include`. Raises MatrixError."""
    if not isinstance(matrix, Mapping):
        raise MatrixError("The matrix must be a mapping of vectors")
    vectors = {name: _vector(name, values) for name, values in matrix.items() if name not in _FILTERS}
    if math.prod(map(len, vectors.values())) > MAX_PRODUCT:
        raise MatrixError(f"The matrix generates more than {MAX_PRODUCT} combinations")
    excluded = _filters("exclude", matrix)
    product = (
        dict(zip(vectors, values, strict=True)) for values in itertools.product(*vectors.values()) if vectors
    )
    originals = [candidate for candidate in product if not any(_fits(rule, candidate) for rule in excluded)]
    combinations = _included(originals, _filters("include", matrix))
    if not combinations:
        raise MatrixError("The matrix does not contain any combinations")
    if len(combinations) > MAX_JOBS:
        raise MatrixError(f"The matrix generates {len(combinations)} jobs; at most {MAX_JOBS} are allowed")
    return tuple(combinations)


def label(combination: Combination) -> str:
    """What stands in parentheses behind a job's name: every scalar of the combination."""
    return ", ".join(filter(None, (text for value in combination.values() for text in _scalars(value))))


def _included(originals: Sequence[Combination], includes: Sequence[Combination]) -> list[Combination]:
    """An include joins every original combination none of whose own values it changes; else it stands alone."""
    extended = [dict(original) for original in originals]
    alone: list[Combination] = []
    for include in includes:
        joined = False
        for original, target in zip(originals, extended, strict=True):
            if all(original[key] == include[key] for key in include.keys() & original.keys()):
                target.update(include)
                joined = True
        if not joined:
            alone.append(include)
    return [*extended, *alone]


def _fits(rule: Combination, combination: Combination) -> bool:
    return all(key in combination and combination[key] == value for key, value in rule.items())


def _vector(name: str, values: Value) -> Sequence[Value]:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise MatrixError(f"Matrix vector '{name}' must be a sequence")
    if not values:
        raise MatrixError(f"Matrix vector '{name}' does not contain any values")
    return values


def _filters(name: str, matrix: Mapping[str, Value]) -> list[Combination]:
    rules = matrix.get(name, [])
    if isinstance(rules, str) or not isinstance(rules, Sequence):
        raise MatrixError(f"Matrix '{name}' must be a sequence")
    found = [rule for rule in rules if isinstance(rule, Mapping)]
    if len(found) != len(rules):
        raise MatrixError(f"Matrix '{name}' must hold mappings only")
    return found


def _scalars(value: Value) -> list[str]:
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _scalars(item)]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [text for item in value for text in _scalars(item)]
    return [to_text(value)]
