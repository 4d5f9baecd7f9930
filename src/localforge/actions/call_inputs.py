"""What a called workflow is given: its inputs in their types."""

import math

from localforge.actions.expressions import (
    Environment,
    ExpressionError,
    Fault,
    Value,
    to_number,
    to_text,
)
from localforge.actions.workflow.model import Call, Input, Workflow
from localforge.actions.workflow.tree import resolve


def call_inputs(called: Workflow, call: Call | None, environment: Environment) -> dict[str, Value]:
    """The `inputs` of a called workflow: given, or the default, in their types. Raises ExpressionError."""
    trigger = called.trigger("workflow_call")
    given = {name.lower(): node for name, node in (call.inputs if call else {}).items()}
    inputs: dict[str, Value] = {}
    for definition in trigger.inputs if trigger else ():
        node = given.get(definition.name.lower(), definition.default)
        inputs[definition.name] = typed(definition, None if node is None else resolve(node, environment))
    return inputs


def typed(definition: Input, value: Value) -> Value:
    """A value in the input's type. Raises ExpressionError when it has none."""
    text = to_text(value)
    match definition.kind:
        case "boolean":
            if text not in {"", "true", "false"}:
                raise ExpressionError(Fault.EVALUATION, f"Unexpected value '{text}'")
            return text == "true"
        case "number":
            number = to_number(value)
            if math.isnan(number):
                raise ExpressionError(Fault.EVALUATION, f"Unexpected value '{text}'")
            return number
        case _:
            return text
