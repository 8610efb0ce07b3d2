"""Holds an answer to the OpenAPI document: its status, its type and its body. Must never know a route by name."""

import json
from functools import cache
from typing import Any

import httpx
import jsonschema_rs

from .touring import DOCUMENT, PLACES


def assert_as_documented(operation: str, answer: httpx.Response) -> None:
    """The document has this status for the operation, and the body is what it says."""
    responses = PLACES[operation].said["responses"]
    status = str(answer.status_code)
    assert status in responses, f"{operation} answers {status}, which the document does not have: {answer.text}"
    content = resolved(responses[status]).get("content")
    if content is None:
        return
    type_ = answer.headers["content-type"].partition(";")[0]
    assert type_ in content, f"{operation} answers {type_}"
    faults = [
        f"{list(each.instance_path)}: {each.message}" for each in checker(operation, status).iter_errors(answer.json())
    ]
    assert faults == [], f"{operation} {status}: {faults}"


def resolved(said: dict[str, Any]) -> dict[str, Any]:
    """A part of the document, or the component that it refers to."""
    if "$ref" not in said:
        return said
    _, _, kind, name = said["$ref"].split("/")
    found: dict[str, Any] = DOCUMENT["components"][kind][name]
    return found


@cache
def checker(operation: str, status: str) -> Any:
    """What the body of an answer is held to."""
    content = resolved(PLACES[operation].said["responses"][status])["content"]
    return of_schema(next(iter(content.values()))["schema"])


def of_schema(schema: dict[str, Any]) -> Any:
    """A schema of the document, with its components at hand."""
    return _compiled(json.dumps(schema, sort_keys=True))


@cache
def _compiled(text: str) -> Any:
    """Once for each schema: most refusals share one, and there are thousands of answers."""
    schemas = {"schemas": DOCUMENT["components"]["schemas"]}
    return jsonschema_rs.Draft202012Validator({**json.loads(text), "components": schemas})
