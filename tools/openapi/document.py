"""Puts the document together: paths, refusals, headers, keys.

Must never hold what a route does: operations.py reads it.
"""

from itertools import groupby
from typing import Any

import msgspec

from control_plane.auth import PROJECT_HEADER
from control_plane.cookies import COOKIE, CSRF_HEADER
from domain.outcomes import PROBLEMS
from domain.problems import ProblemBody, Refused, problem_body
from tools.openapi.examples import BODIES, answer_of
from tools.openapi.operations import Operation, operations
from tools.openapi.refusals import Refusals, header
from tools.openapi.schemas import Schema, Schemas

VERSION = "1.0.0"
_JSON = "application/json"
_REQUEST_ID = "req_0123456789abcdef0123"
_SUCCESS = {
    200: "Done.",
    201: "Created, and in force unless it says `pending`.",
    202: "Accepted: the work goes on, or the change is stored and not in force yet.",
    204: "Done; there is nothing to show.",
    206: "The rest, from where `Range: bytes=N-` begins.",
}
_FILE = {
    "required": True,
    "description": "A file with a header line, as the body itself or as the one file of a form.",
    "content": {
        "text/csv": {"schema": {"type": "string"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"file": {"type": "string", "contentMediaType": "text/csv"}},
                "required": ["file"],
            }
        },
    },
}
_ABOUT = """Vouchers, gift cards, loyalty, referrals, promotions and flash sales behind one API.

Money is a JSON number in major units, with no more decimals than the project's currency has. Times are ISO 8601. What
is not a success is `application/problem+json` with a `code`; `retryable` says whether the same request may succeed
later. Every POST that has an effect takes an `Idempotency-Key`: after a timeout or a 503 send it again with the same
key. Lists have cursors: `next_cursor` of a page is the `cursor` of the next one, null after the last."""


def document() -> dict[str, Any]:
    """The whole of it."""
    known = operations()
    schemas, refusals = Schemas(), Refusals()
    schemas.of(ProblemBody, is_body=False)
    paths = {
        path: {one.method.lower(): _operation(one, schemas, refusals) for one in of_path}
        for path, of_path in groupby(known, lambda one: one.path)
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vauchflow", "version": VERSION, "description": _ABOUT, "license": {
            "name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "servers": [{"url": "/", "description": "Both planes stand behind one base URL."}],
        "tags": [{"name": tag} for tag in sorted({one.tag for one in known})],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.named.items())),
            "securitySchemes": _security(),
            "parameters": _parameters(),
            "headers": _headers(),
            "responses": dict(sorted(refusals.named.items())),
            "examples": _problem_examples(sorted({code for one in known for code in one.codes})),
        },
    }  # fmt: skip


def _operation(one: Operation, schemas: Schemas, refusals: Refusals) -> dict[str, Any]:
    shown: dict[str, Any] = {"operationId": one.id, "tags": [one.tag], "summary": one.summary}
    if one.description:
        shown["description"] = one.description
    shown["security"] = [{key: []} for key in one.keys]
    parameters = [*map(_segment, one.segments), *(_in_query(name, each) for name, each in one.parameters.items())]
    if one.takes_key:
        parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})
    if one.takes_project:
        parameters.append({"$ref": "#/components/parameters/Project"})
    if "session" in one.keys and one.method != "GET":
        parameters.append({"$ref": "#/components/parameters/Csrf"})
    if parameters:
        shown["parameters"] = parameters
    if one.body is not None:
        shown["requestBody"] = _body(one, one.body, schemas)
    if one.is_streamed:
        shown["requestBody"] = _FILE
    shown["responses"] = {
        **{str(status): _answer(one, status, answer, schemas) for status, answer in one.answers.items()},
        **refusals.of(one.codes),
    }
    shown["x-plane"] = one.plane
    if one.right:
        shown["x-right"] = one.right
    return shown


def _segment(name: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[^/]+$"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(name: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}


def _body(one: Operation, body: type[msgspec.Struct], schemas: Schemas) -> dict[str, Any]:
    """An empty body is an empty object."""
    media: dict[str, Any] = {"schema": schemas.of(body, is_body=True)}
    if one.id in BODIES:
        media["example"] = BODIES[one.id]
    has_required = any(field.required for field in msgspec.structs.fields(body))
    return {"required": has_required, "content": {_JSON: media}}


def _answer(one: Operation, status: int, answer: Any, schemas: Schemas) -> dict[str, Any]:
    shown: dict[str, Any] = {"description": _SUCCESS[status], "headers": {"X-Request-Id": header("RequestId")}}
    if one.plane == "engine":
        del shown["headers"]
    if one.takes_key:
        shown.setdefault("headers", {})["Idempotency-Replayed"] = header("Replayed")
    if answer is None:
        return shown
    media: dict[str, Any] = {"schema": schemas.of(answer, is_body=False)}
    example = answer_of(one.id, status, "pending" in getattr(answer, "__struct_fields__", ()))
    if example is not None:
        media["example"] = example
    shown["content"] = {_JSON: media}
    return shown


def _problem_examples(codes: list[str]) -> dict[str, Any]:
    return {
        code: {"summary": PROBLEMS[code].title, "value": msgspec.json.decode(problem_body(Refused(code), _REQUEST_ID))}
        for code in codes
    }


def _security() -> dict[str, Any]:
    said = {
        "secretKey": "A project's secret key, vf_sk_...: everything in the project.",
        "publishableKey": "A project's publishable key, vf_pk_...: it may validate, and nothing else.",
        "adminKey": f"An account's admin key, vf_ak_...; it names the project in the header {PROJECT_HEADER}.",
    }
    session = "A member's session, from POST /v1/login or /v1/signup. Changes also take the header " + CSRF_HEADER + "."
    return {
        **{name: {"type": "http", "scheme": "bearer", "description": each} for name, each in said.items()},
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": session},
    }


def _parameters() -> dict[str, Any]:
    key = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"}
    return {
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "schema": key,
            "description": "One key, one effect: sent again with the same body, the first answer comes back.",
        },
        "Csrf": {
            "name": CSRF_HEADER, "in": "header", "schema": {"type": "string"},
            "description": "With a session: its token, which signing in and GET /v1/me have given. Keys need none.",
        },
        "Project": {
            "name": PROJECT_HEADER, "in": "header", "schema": {"type": "string"},
            "description": "The project that the request is for: needed with an admin key, else the key's own.",
        },
    }  # fmt: skip


def _headers() -> dict[str, Any]:
    return {
        "RequestId": {"description": "Names the request in logs.", "schema": {"type": "string"}},
        "Replayed": {"description": "true where an earlier answer comes again.", "schema": {"enum": ["true"]}},
        "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
    }
