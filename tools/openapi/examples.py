"""Examples of bodies and answers by operation, as a tour of the API has seen them: see tests/e2e/examples.py. A test
holds each to its schema. Must never hold a key that works."""

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
ANSWERS: dict[tuple[str, int], Any] = {
    (operation, int(status)): answer for operation, of in _SEEN["answers"].items() for status, answer in of.items()
}
