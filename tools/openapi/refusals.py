"""What routes refuse with, by status and codes. Must never name a code: the catalogue and the routes do."""

from hashlib import blake2b
from itertools import groupby
from typing import Any

from domain.outcomes import PROBLEMS
from domain.problems import MEDIA_TYPE, Refused


def header(name: str) -> dict[str, str]:
    """The reference to a header of the document."""
    return {"$ref": f"#/components/headers/{name}"}


class Refusals:
    """Collects what routes refuse with: one component for each status and the codes that go with it."""

    def __init__(self) -> None:
        self.named: dict[str, Any] = {}

    def of(self, codes: set[str]) -> dict[str, Any]:
        """The refusals of a route by their status."""
        by_status = sorted(codes, key=lambda code: (PROBLEMS[code].status, code))
        groups = groupby(by_status, lambda code: PROBLEMS[code].status)
        return {str(status): self._reference(status, tuple(group)) for status, group in groups}

    def _reference(self, status: int, codes: tuple[str, ...]) -> dict[str, str]:
        name = codes[0] if len(codes) == 1 else f"refused_{status}_{_mark(codes)}"
        self.named[name] = _refusal(status, list(codes))
        return {"$ref": f"#/components/responses/{name}"}


def _mark(codes: tuple[str, ...]) -> str:
    """Tells sets of codes apart, and stays the same whatever other routes there are."""
    return blake2b(" ".join(codes).encode(), digest_size=3).hexdigest()


def _refusal(status: int, codes: list[str]) -> dict[str, Any]:
    said = "\n".join(f"- `{code}`: {PROBLEMS[code].title}" for code in codes)
    headers = {"X-Request-Id": header("RequestId")}
    if any(Refused(code).retry_after_s is not None for code in codes):
        headers["Retry-After"] = header("RetryAfter")
    of_codes = {"type": "object", "properties": {"status": {"const": status}, "code": {"enum": codes}}}
    schema = {"allOf": [{"$ref": "#/components/schemas/ProblemBody"}, of_codes]}
    examples = {code: {"$ref": f"#/components/examples/{code}"} for code in codes}
    return {"description": said, "headers": headers, "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}}}
