"""Reservations: units held for a session until they are captured, released, or their time is over.

A hold is decided and judged like a redemption, on the same counters. A capture is an ordinary redemption that takes
what the reservation holds. Must never answer for a hold that the script has not made.
"""

import os

import msgspec

from domain.decisions import Decision
from domain.events import Released, Reserved, encode
from domain.ids import derived_id, fingerprint, is_id, session_tag
from domain.ledger import HoldUse, Item, Mode, Move, Position
from domain.definitions import BUDGET_WINDOW_MINOR, COUNT_WINDOW
from domain.outcomes import Verdict
from domain.problems import Refused
from domain.views import encode as encode_json
from domain.views import view_reservation

from .attempt import Attempt
from .auth import Tenant
from .committer import Committed
from .holding import Held, find_reservation
from .orders import decode_reservation
from .redeem import Redeeming
from .refusing import refusal
from .requests import Call, check_key, decode_extension, decode_nothing, request_fingerprint
from .responses import Response, json_response
from .shard import ServedShard
from .worker import Worker
