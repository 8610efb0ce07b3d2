"""The one catalogue of outcome codes: what an API answers, and what the commit script may say.

Every refusal of either plane names a code from PROBLEMS; the Lua scripts name a Verdict. Must never grow a second
table elsewhere: docs, OpenAPI and tests read this one.
"""

from enum import IntEnum

import msgspec


class Verdict(IntEnum):
    """What the commit script says of one item; the numbers are those of lua/includes/verdicts.lua."""

    GRANTED = 0
    REPLAY = 1
    KEY_REUSED = 2
    STANDS = 3
    STALE = 4
    MISSING = 5
    LIMIT = 6
    HELD = 7
    WITHHELD = 8
    UNCONFIRMED = 9
    WINDOW = 10
    GUARD = 11
    BACKLOG = 12
    ORDER = 13
    HOLD_GONE = 14
    HOLD_TAKEN = 15


class Status(IntEnum):
    """What a script says of the whole call; the numbers are those of lua/includes/statuses.lua."""

    OK = 0
    FENCED = 1
    MOVED = 2
    EXISTS = 3
    BEHIND = 4


class Problem(msgspec.Struct, frozen=True):
    """How an outcome code is answered: HTTP status, a title for people, and whether a retry may succeed."""

    status: int
    title: str
    retryable: bool = False


PROBLEMS: dict[str, Problem] = {
    "malformed_body": Problem(400, "The body is not the JSON that this route takes."),
    "invalid_api_key": Problem(401, "The API key is missing, malformed, unknown or revoked."),
    "invalid_session": Problem(401, "The session is unknown, has ended, or was not used for too long: sign in."),
    "invalid_credentials": Problem(401, "The address, the password or the code is wrong."),
    "totp_required": Problem(401, "The member has a second factor: send its code as totp."),
    "invalid_token": Problem(403, "The token is unknown, was used, or has expired."),
    "csrf_failed": Problem(403, "The change was not asked for by our page: Vauchflow-CSRF or Origin is wrong."),
    "session_required": Problem(403, "This route takes a member's session."),
    "email_unconfirmed": Problem(403, "The address has not been confirmed: follow the link that was mailed there."),
    "right_missing": Problem(403, "The role or the key's scopes do not allow this."),
    "not_a_member": Problem(403, "The person is a member of no such account."),
    "publishable_key": Problem(403, "A publishable key may validate, and nothing else."),
    "secret_key_required": Problem(403, "This route takes a project's secret key."),
    "admin_key_required": Problem(403, "This route takes an account's admin key."),
    "account_suspended": Problem(403, "The account or project is suspended."),
    "not_found": Problem(404, "There is nothing at this path."),
    "project_not_found": Problem(404, "No such project."),
    "api_key_not_found": Problem(404, "No such API key."),
    "member_not_found": Problem(404, "No such member."),
    "session_not_found": Problem(404, "There is no such session."),
    "campaign_not_found": Problem(404, "No such campaign."),
    "voucher_not_found": Problem(404, "No such voucher."),
    "redemption_not_found": Problem(404, "No such redemption."),
    "reservation_not_found": Problem(404, "No such reservation."),
    "gift_card_not_found": Problem(404, "No such gift card."),
    "loyalty_card_not_found": Problem(404, "No such loyalty card."),
    "loyalty_program_not_found": Problem(404, "No such loyalty program."),
    "referral_code_not_found": Problem(404, "No such referral code."),
    "referral_program_not_found": Problem(404, "No such referral program."),
    "promotion_tier_not_found": Problem(404, "No such promotion tier."),
    "validation_rule_not_found": Problem(404, "No such validation rule."),
    "customer_not_found": Problem(404, "No such customer."),
    "segment_not_found": Problem(404, "No such segment."),
    "product_not_found": Problem(404, "No such product."),
    "sku_not_found": Problem(404, "No such SKU."),
    "collection_not_found": Problem(404, "No such collection."),
    "async_action_not_found": Problem(404, "No such asynchronous action."),
    "publication_not_found": Problem(404, "No such publication."),
    "distribution_not_found": Problem(404, "No such distribution."),
    "order_not_found": Problem(404, "No such order."),
    "metadata_schema_not_found": Problem(404, "There is no metadata schema for this object."),
    "result_not_found": Problem(404, "No such result, or the link to it has expired."),
    "quarantine_entry_not_found": Problem(404, "No such quarantine entry."),
    "method_not_allowed": Problem(405, "This path does not take this method."),
    "incomplete_body": Problem(408, "The connection ended before the body did.", retryable=True),
    "limit_reached": Problem(409, "Every redemption of the code or its campaign has been used."),
    "limit_held": Problem(409, "What is left is held by reservations.", retryable=True),
    "customer_limit_reached": Problem(409, "The customer has used every redemption allowed to one customer."),
    "budget_exhausted": Problem(409, "The discount does not fit into what is left of the budget."),
    "campaign_paused": Problem(409, "The campaign is paused."),
    "campaign_not_active": Problem(409, "The campaign is a draft, or has been ended or archived."),
    "voucher_disabled": Problem(409, "The voucher is disabled."),
    "voucher_expired": Problem(409, "The voucher, card or tier, or its campaign, has expired."),
    "voucher_not_started": Problem(409, "The voucher, card or tier, or its campaign, has not started yet."),
    "card_inactive": Problem(409, "The card has not been activated."),
    "card_blocked": Problem(409, "The card is blocked."),
    "insufficient_balance": Problem(409, "The gift card does not have that much left."),
    "insufficient_points": Problem(409, "The loyalty card does not have that many points to spend."),
    "too_few_points": Problem(409, "The loyalty program takes more points at a time."),
    "reward_unknown": Problem(409, "The loyalty program has no such reward."),
    "self_referral": Problem(409, "Customers cannot refer themselves."),
    "referral_ring": Problem(409, "The customer has, perhaps through others, referred who refers now."),
    "already_referred": Problem(409, "The customer has been referred in this program before."),
    "rule_not_met": Problem(409, "A condition of the voucher or its campaign is not met."),
    "rule_limit_reached": Problem(409, "A limit of a validation rule has been reached for its period."),
    "no_effect": Problem(409, "The discount takes nothing off this order."),
    "nothing_applicable": Problem(409, "None of the redeemables can be applied."),
    "stack_full": Problem(409, "The project applies no more redeemables to one order."),
    "stack_excluded": Problem(409, "It does not go together with what is applied before it."),
    "stack_refused": Problem(409, "Another redeemable of the stack was refused, and all or none are applied."),
    "return_exceeds": Problem(409, "More is returned than the redemption still has."),
    "rolled_back_already": Problem(409, "The redemption, or this redeemable of it, is rolled back already."),
    "reservation_expired": Problem(409, "The reservation has expired."),
    "reservation_released": Problem(409, "The reservation has been released."),
    "reservation_captured": Problem(409, "The reservation has been captured already."),
    "reservation_changed": Problem(409, "What is held no longer covers what the redeemables take: reserve again."),
    "session_holds": Problem(409, "The session holds one of these redeemables by another reservation."),
    "email_taken": Problem(409, "Somebody has signed up with this address."),
    "member_exists": Problem(409, "The person is a member of the account."),
    "last_owner": Problem(409, "An account keeps at least one owner."),
    "totp_active": Problem(409, "The member has a second factor already."),
    "totp_inactive": Problem(409, "The member has no second factor, or has not begun to set one up."),
    "key_rotated": Problem(409, "The key has been rotated already, or is the new one of two that are live."),
    "transition_not_allowed": Problem(409, "From the status that it has, this cannot become of it."),
    "archived": Problem(409, "It, or the campaign that it would be in, is archived: nothing of it is changed."),
    "card_not_empty": Problem(409, "There is money on the gift card that can still be spent."),
    "rule_in_use": Problem(409, "The validation rule is named by something; see its assignments."),
    "code_taken": Problem(409, "Something with this code exists in the project."),
    "no_code_left": Problem(409, "The campaign has no code left to give."),
    "idempotency_key_expired": Problem(409, "The key has had its effect more than a day ago; its answer is not kept."),
    "idempotency_in_progress": Problem(409, "The first request with this key is not answered yet.", retryable=True),
    "async_action_over": Problem(409, "The asynchronous action has ended already."),
    "quarantine_settled": Problem(409, "The quarantine entry has been settled already."),
    "ledger_refused": Problem(409, "The ledger refused the redemption; nothing was redeemed."),
    "body_too_large": Problem(413, "The body is larger than this route takes."),
    "uri_too_long": Problem(414, "The path or query is too long."),
    "invalid_request": Problem(422, "The request has fields that do not hold; see errors."),
    "customer_required": Problem(422, "The campaign has a limit per customer: customer_id is needed."),
    "currency_mismatch": Problem(422, "The currency is not the project's."),
    "idempotency_key_reused": Problem(422, "The Idempotency-Key came before with another path or body."),
    "rate_limited": Problem(429, "Too many requests of this kind; slow down.", retryable=True),
    "internal_error": Problem(500, "An error of ours. It has been logged under the request id.", retryable=True),
    "unavailable": Problem(503, "The plane that answers this is away, or the request broke off.", retryable=True),
    "overloaded": Problem(503, "More requests are in flight than this worker takes.", retryable=True),
    "recovering": Problem(503, "The shard is being recovered; nothing is sold on half the truth.", retryable=True),
    "ledger_lagging": Problem(503, "The ledger is behind; grants wait for it.", retryable=True),
    "contended": Problem(503, "The definition changed faster than the request could be decided.", retryable=True),
    "outcome_pending": Problem(503, "The outcome is not known yet: retry with the same key.", retryable=True),
    "store_unavailable": Problem(503, "A store that this needs is away.", retryable=True),
}
