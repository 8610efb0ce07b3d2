"""Examples of bodies and answers by operation, as a tour of the API has seen them: see tests/e2e/examples.py. What
calls alone do not bring about is told here. A test holds each to its schema. Must never hold a key that works."""

import json
from pathlib import Path
from typing import Any

_SEEN = json.loads((Path(__file__).resolve().parent / "examples.json").read_text())

_OF_PEOPLE: dict[str, Any] = {
    "signUp": {"email": "a@example.com", "password": "correct horse battery", "account": "Acme"},
    "logIn": {"email": "a@example.com", "password": "correct horse battery"},
    "askForPasswordReset": {"email": "a@example.com"},
    "resetPassword": {"token": "what the mail says", "password": "another horse battery"},
    "confirmEmail": {"token": "what the mail says"},
    "acceptInvitation": {"token": "what the mail says", "password": "correct horse battery"},
    "changePassword": {"password": "correct horse battery", "new_password": "another horse battery"},
    "confirmTotp": {"code": "123456"},
    "removeTotp": {"code": "123456"},
}
BODIES: dict[str, Any] = _SEEN["bodies"] | _OF_PEOPLE
_ENTRY: dict[str, Any] = {
    "id": "qrn_01M812RM6CBTF4A5YB47XMZZ5V",
    "object": "quarantine_entry",
    "status": "applied",
    "reason": "over_ceiling",
    "detail": "more was granted than the limit",
    "redemption_id": None,
    "created_at": "2026-11-22T07:33:08.428Z",
    "resolved_at": "2026-11-22T07:41:55.102Z",
    "resolved_by": "key_01M812RM3N83P63TRCMCN5D0XC",
}
_OF_NEED = {("applyQuarantined", 200): _ENTRY, ("voidQuarantined", 200): {**_ENTRY, "status": "void"}}
"""Of what takes a fault of a server."""
_ANSWERS: dict[tuple[str, int], Any] = _OF_NEED | {
    (operation, int(status)): answer for operation, of in _SEEN["answers"].items() for status, answer in of.items()
}
# They answer so where a rule is walked, as a change of it does.
for _of in ("Segment", "Collection"):
    _ANSWERS[f"upsert{_of}", 202] = _ANSWERS[f"update{_of}", 202]
    _ANSWERS[f"delete{_of}", 202] = {"async_action_id": _ANSWERS[f"update{_of}", 202]["async_action_id"]}


def answer_of(operation: str, status: int, has_pending: bool) -> Any:
    """What an operation answers; None where nothing is known. One that was there already looks like one that was made,
    and one that is not in force yet says so: neither comes about whenever one likes."""
    if (operation, status) in _ANSWERS:
        return _ANSWERS[operation, status]
    done = _ANSWERS.get((operation, 200), _ANSWERS.get((operation, 201)))
    if status == 202 and has_pending:
        return {**(done or {}), "pending": True}
    return done if status in (200, 201) else None
