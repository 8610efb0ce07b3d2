"""A validation rule's row: read, shown, and what its conditions ask to be counted."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from control_plane.problems import Errors
from control_plane.rules.times import show_time
from control_plane.validation_rules.schemas import AssignmentView, Related, ValidationRuleView
from domain.conditions import check, to_wire
from domain.definitions import ValidationRule
from domain.ids import is_id
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

MOST_BYTES = 32_768
"""Of a rule's canonical form, as PostgreSQL spells it."""

_PROGRAMS: dict[str, Related] = {"lty": "loyalty_program", "ref": "referral_program"}
_GET = query("control_validation_rule")
_LOCK = query("control_lock_validation_rule")
_KNOWN = query("control_known_validation_rules")


class StoredRule(msgspec.Struct, frozen=True):
    """A validation rule's row; `rule` is the canonical form."""

    id: str
    project_id: str
    name: str
    rule: dict[str, Any]
    metadata: str
    version: int
    counts_since: int
    created_at: datetime
    updated_at: datetime

    @property
    def definition(self) -> ValidationRule:
        return ValidationRule(self.id, self.project_id, self.version, self.rule, self.counts_since)

    def audited(self) -> dict[str, Any]:
        """What the audit log says of it."""
        return {"name": self.name, "version": self.version, "rule": self.rule}


def rule_from_row(row: Any) -> StoredRule:
    """The rule of a row."""
    return msgspec.convert(dict(row), StoredRule)


async def load_rule(tx: Transaction, project_id: str, rule_id: str, lock: bool = False) -> StoredRule:
    """The project's rule; Refused where it has none of this id."""
    row = await tx.fetchrow(_LOCK if lock else _GET, project_id, rule_id) if is_id("rul", rule_id) else None
    if row is None:
        raise Refused("validation_rule_not_found")
    return rule_from_row(row)


def read_rule(given: dict[str, Any], decimals: int, errors: Errors) -> dict[str, Any]:
    """The canonical form of a body's rule; of no use if errors were noted."""
    canonical, faults = check(given, decimals)
    for fault in faults:
        errors.add(f"/rule{fault.pointer}", fault.detail)
    text = json.dumps(canonical, ensure_ascii=False)
    if "\\u0000" in text.replace("\\\\", ""):  # the character, not somebody's spelling of it
        errors.add("/rule", "must not contain a NUL character")
    if len(text.encode()) > MOST_BYTES:
        errors.add("/rule", f"is longer than {MOST_BYTES} bytes")
    return canonical or {}


async def require_rules(tx: Transaction, project_id: str, ids: Sequence[str], pointer: str, errors: Errors) -> None:
    """Refuse the request where a rule that it names is not the project's."""
    if ids:
        known = {row["id"] for row in await tx.fetch(_KNOWN, project_id, [i for i in ids if is_id("rul", i)])}
        for place, id_ in enumerate(ids):
            if id_ not in known:
                errors.add(f"{pointer}/{place}", "there is no such validation rule")
    errors.raise_if_any()


def show_rule(rule: StoredRule, decimals: int) -> ValidationRuleView:
    """The rule as the API shows it: as it was written."""
    return ValidationRuleView(
        id=rule.id,
        object="validation_rule",
        name=rule.name,
        rule=to_wire(rule.rule, decimals),
        metadata=msgspec.Raw(rule.metadata.encode()),
        version=rule.version,
        created_at=show_time(rule.created_at),
        updated_at=show_time(rule.updated_at),
    )


def show_assignment(row: Any) -> AssignmentView:
    """The assignment of a row; programs are campaigns, and told from them by their ids."""
    prefix = row["id"].partition("_")[0]
    return AssignmentView(
        object="validation_rule_assignment",
        rule_id=row["rule_id"],
        related_object=_PROGRAMS.get(prefix, row["object"]),
        related_id=row["id"],
        created_at=show_time(row["created_at"]),
    )
