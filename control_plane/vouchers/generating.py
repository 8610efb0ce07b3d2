"""Makes the codes of a batch, a chunk at a time: codes and their counters. Must never log one."""

import msgspec

from control_plane.campaigns.storing import is_archived
from control_plane.codes import draw_many
from control_plane.jobs.kinds import Failure, Run, Step, reason_of
from control_plane.metrics import CODES_ISSUED
from control_plane.vouchers.patterns import Pattern
from domain.problems import Refused
from domain.rules import Rules
from store.database import Transaction
from store.queries import query

ACTION_TYPE = "voucher_batch"
CHUNK_CODES = 1_000
"""Small, because a commit brings its write-ahead log at once: with chunks of 5,000 the p99 of redemptions at 200/s
beside them rose by a factor of 2 and more in two rounds of three, with these not at all (2 cores, all on them)."""

_INSERT_CODES = query("control_insert_codes")


class BatchParams(msgspec.Struct, frozen=True):
    """What a batch is made from; `limit` None: what the campaign allows each code."""

    campaign_id: str
    limit: int | None
    pattern: Pattern | None = None


def nothing_more(run: Run) -> Step:
    """What is left of a batch whose campaign takes nothing new any more: one failure each."""
    reason = reason_of(Refused("archived"))
    return Step(failures=[Failure(run.gone_count + number, "", reason) for number in range(1, run.left_count + 1)])


async def make_chunk(tx: Transaction, run: Run) -> Step:
    """Draw codes and insert those that are free; the next chunk draws what is missing."""
    params = msgspec.convert(run.params, BatchParams)
    if await is_archived(tx, run.action.project_id, params.campaign_id):
        return nothing_more(run)
    ids, codes = draw_many("vch", min(run.left_count, CHUNK_CODES))
    if params.pattern is not None:
        codes = params.pattern.draw(len(ids))
        ids = ids[: len(codes)]
    row = (params.campaign_id, ids, codes, Rules(max_redemptions=params.limit), params.limit)
    made: int = await tx.fetchval(_INSERT_CODES, run.action.project_id, *row)
    CODES_ISSUED.inc(made)
    return Step(done=made)
