"""What a caller is told of a refusal: one code for the whole, and of each redeemable what became of it.

A secret key sees the conditions that fail and what would help; a publishable key sees one uniform refusal. Must never
tell a publishable key how a code could be made to apply.
"""

from collections.abc import Sequence

import msgspec

from domain.conditions import Failing
from domain.decisions import Decision, Found, Part
from domain.outcomes import Verdict
from domain.problems import Refused
from domain.views import RedeemableView, view_redeemable

from .attempt import Attempt, blame
from .committer import Committed

_BY_VERDICT = {
    Verdict.KEY_REUSED: "idempotency_key_reused",
    Verdict.WITHHELD: "recovering",
    Verdict.WINDOW: "ledger_lagging",
    Verdict.BACKLOG: "ledger_lagging",
    Verdict.HOLD_GONE: "reservation_expired",
}
_HIDDEN = ("rule_limit_reached",)


def refusal(attempt: Attempt, decision: Decision, said: Committed) -> Refused:
    """Why the script, or the decision that stands, refuses."""
    parts = parts_of(attempt, decision, said)
    redeemables = views_of(attempt, parts) if attempt.request.order is not None or not attempt.is_alone else ()
    return Refused(_shown(code_of(decision, said), attempt), redeemables=redeemables)


def code_of(decision: Decision, said: Committed) -> str:
    """The outcome code of the whole."""
    verdict = said.outcome.verdict
    if verdict is Verdict.STANDS:
        assert decision.refusal is not None, "only a refusal stands"
        return decision.refusal
    blamed = blame(decision, said)
    return blamed[1] if blamed is not None else _BY_VERDICT[verdict]


def parts_of(attempt: Attempt, decision: Decision, said: Committed) -> tuple[Part, ...]:
    """What became of each redeemable: where a limit refused one, or all must apply, nothing of the others holds."""
    blamed = blame(decision, said)
    if blamed is None and decision.refusal is None:
        return decision.parts
    parts = [_alone(part) for part in decision.parts]
    if blamed is not None and parts:
        number, code = blamed
        parts[number] = Part("inapplicable", code, _failing(attempt.found[number], decision, said))
    return tuple(parts)


def _alone(part: Part) -> Part:
    return Part("skipped", "stack_refused") if part.status == "applicable" else part


def _failing(found: Found, decision: Decision, said: Committed) -> tuple[Failing, ...]:
    """The condition of a rule that the commit has refused: a count's, or that on a customer's first order."""
    verdict, index = said.outcome.verdict, said.outcome.index
    counter = decision.guards[index].counter if verdict is Verdict.GUARD else decision.moves[index].counter
    rule_id, name = "", "customer.first_order"
    if counter.startswith("t:"):
        _, rule_id, name, _, _ = counter.split(":", 4)
    elif not counter.startswith("o:"):
        return ()
    said_by = [rule.compiled.refused(name) for rule in found.rules if rule_id in ("", rule.definition.id)]
    return tuple([failing for failing in said_by if failing is not None])


def views_of(attempt: Attempt, parts: Sequence[Part]) -> tuple[RedeemableView, ...]:
    """The redeemables as the answer shows them."""
    decimals = attempt.tenant.decimals
    views = [
        view_redeemable(object_of(attempt, number), attempt.wanted[number].name, part, decimals)
        for number, part in enumerate(parts)
    ]
    if attempt.tenant.publishable:
        return tuple(msgspec.structs.replace(v, code=_uniform(v.code), conditions=msgspec.UNSET) for v in views)
    return tuple(views)


def object_of(attempt: Attempt, number: int) -> str:
    """What a redeemable of the request is, or what it was said to be where there is no such thing."""
    redeemable = attempt.found[number].redeemable if attempt.found else None
    return redeemable.object if redeemable is not None else attempt.wanted[number].object or "voucher"


def unapplied(attempt: Attempt, parts: Sequence[Part]) -> tuple[tuple[str, str, str, str], ...]:
    """Those that were asked for and not applied, as the event keeps them."""
    return tuple(
        [
            (object_of(attempt, number), attempt.wanted[number].name, part.status, part.code or "")
            for number, part in enumerate(parts)
            if part.status != "applicable"
        ]
    )


def _shown(code: str, attempt: Attempt) -> str:
    return (_uniform(code) or code) if attempt.tenant.publishable else code


def _uniform(code: str | None) -> str | None:
    return "rule_not_met" if code in _HIDDEN else code
