"""Answers that must be one JSON object of a given shape, checked whatever the endpoint promises."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any, Final

from pytest_swebench.errors import InputError, ProviderError
from pytest_swebench.providers.protocol import Answer, Request, StopReason
from pytest_swebench.providers.sse import decode_object

NAME: Final = "structured_answer"  # of the schema, and of the tool that stands in for it
_FENCED: Final = re.compile(r"```(?:json)?\s*\n(.*?)\n?\s*```", re.DOTALL)


def check_schema(schema: dict[str, Any]) -> None:
    """Raise InputError unless `schema` is a JSON Schema of an object; nothing is sent with one that is not."""
    import jsonschema

    try:
        jsonschema.validators.validator_for(schema).check_schema(schema)
    except jsonschema.SchemaError as error:
        raise InputError(f"Request.schema is no JSON Schema: {error.message}; at {error.json_path}") from None
    if schema.get("type") != "object":
        raise InputError(f"Request.schema must describe an object, with type 'object', got {schema.get('type')!r}")


def instruction(request: Request) -> str:
    """Return the system text of `request` with its schema as an instruction at the end."""
    schema = json.dumps(request.schema, ensure_ascii=False)
    order = f"Answer with one JSON object and nothing else. It must match this JSON Schema:\n{schema}"
    return f"{request.system}\n\n{order}" if request.system else order


def strict(schema: Any) -> bool:
    """Return whether every object in `schema` is closed and requires all its properties.

    OpenAI guarantees the shape of such schemas and refuses to guarantee others:
    https://platform.openai.com/docs/guides/structured-outputs
    """
    if isinstance(schema, list):
        return all(strict(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    is_object = schema.get("type") == "object" or isinstance(properties, dict)
    closed = schema.get("additionalProperties") is False and set(schema.get("required", ())) == set(properties or ())
    return (closed or not is_object) and all(strict(value) for value in schema.values())


def with_data(answer: Answer, request: Request) -> Answer:
    """Return a finished `answer` with its `data`; one that was cut, refused or calls tools has none.

    A fence around the object is taken off. Where its text does not match the schema of `request`, it has none either,
    or, if that is binding, ProviderError is raised.
    """
    if answer.stop_reason is not StopReason.END or request.schema is None:
        return answer
    try:
        return dataclasses.replace(answer, data=_data(answer.text, request.schema))
    except ProviderError:
        if request.binding:
            raise
        return answer


def _data(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the object that `text` holds. Raises ProviderError where it does not match `schema`."""
    import jsonschema

    fenced = _FENCED.fullmatch(text.strip())
    data = decode_object(fenced[1] if fenced else text.strip(), "structured answer")
    wrong = jsonschema.validators.validator_for(schema)(schema).iter_errors(data)
    first = jsonschema.exceptions.best_match(wrong)
    if first is not None:
        raise ProviderError(f"structured answer does not match its schema at {first.json_path}: {first.message:.300}")
    return data
