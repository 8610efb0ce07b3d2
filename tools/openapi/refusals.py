"""What routes refuse with, by status and codes. Must never name a code: the catalogue and the routes do."""

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
        self._names: dict[tuple[str, ...], str] = {}

    def of(self, codes: set[str]) -> dict[str, Any]:
        """The refusals of a route by their status."""
        by_status = sorted(codes, key=lambda code: (PROBLEMS[code].status, code))
        groups = groupby(by_status, lambda code: PROBLEMS[code].status)
        return {str(status): self._reference(status, tuple(group)) for status, group in groups}

    def _reference(self, status: int, codes: tuple[str, ...]) -> dict[str, str]:
        if codes not in self._names:
            self._names[codes] = codes[0] if len(codes) == 1 else f"refused_{status}_{len(self._names)}"
            self.named[self._names[codes]] = _refusal(status, list(codes))
        return {"$ref": f"#/components/responses/{self._names[codes]}"}


def _refusal(status: int, codes: list[str]) -> dict[str, Any]:
    said = "\n".join(f"- `{code}`: {PROBLEMS[code].title}" for code in codes)
    headers = {"X-Request-Id": header("RequestId")}
    if any(Refused(code).retry_after_s is not None for code in codes):
        headers["Retry-After"] = header("RetryAfter")
    of_codes = {"type": "object", "properties": {"status": {"const": status}, "code": {"enum": codes}}}
    schema = {"allOf": [{"$ref": "#/components/schemas/ProblemBody"}, of_codes]}
    examples = {code: {"$ref": f"#/components/examples/{code}"} for code in codes}
    return {"description": said, "headers": headers, "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}}}
