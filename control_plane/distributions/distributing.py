"""One chunk of a distribution: the next customers of the segment, whoever was known first, each given theirs in the
chunk's own transaction. So whoever goes on after a kill goes on behind the last one that was given something."""

from datetime import datetime

import msgspec

from control_plane.effects import Change
from control_plane.groups.kinds import SEGMENTS
from control_plane.jobs.kinds import Failure, Run, Step, reason_of
from control_plane.programs import hold_program
from control_plane.publications.giving import Wish, give
from control_plane.publications.picking import Contended, load_giver, pass_over_spent
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

ACTION_TYPE = "distribution"
CUSTOMERS_A_CHUNK = 50
"""Few, because their rows stay locked until the chunk is over, and all of it is put in force within the lease."""

_NEXT = query("control_next_of_segment")


class DistributionParams(msgspec.Struct, frozen=True):
    """What a distribution is made from."""

    distribution_id: str
    campaign_id: str
    segment_id: str
    is_once: bool
    metadata: str


class Place(msgspec.Struct, frozen=True):
    """The last customer that was looked at."""

    after: datetime | None = None
    after_id: str | None = None


async def give_to_some(tx: Transaction, run: Run) -> Step:
    """The next customers."""
    params, place = msgspec.convert(run.params, DistributionParams), msgspec.convert(run.position, Place)
    project_id = run.action.project_id
    members = await tx.fetch(_NEXT, project_id, params.segment_id, place.after, place.after_id, CUSTOMERS_A_CHUNK)
    # All of them first, and in the order in which others lock many.
    await tx.fetch(SEGMENTS.lock_named, project_id, [member["customer_id"] for member in members])
    campaign = await load_giver(tx, project_id, params.campaign_id, hold_program)
    wish = Wish(campaign, params.is_once, params.metadata, params.distribution_id)
    step, changes = Step(failures=[], position=place, is_over=len(members) < CUSTOMERS_A_CHUNK), list[Change]()
    for number, member in enumerate(members, start=run.gone_count + 1):
        customer_id = member["customer_id"]
        try:
            # Whoever holds codes of this chunk must not wait for others': they may wait for these.
            given = await give(tx, run.call(), wish, customer_id, may_wait=not changes)
        except Contended:
            step.is_over = False
            break
        except Refused as refused:
            if refused.code == "no_code_left":
                await pass_over_spent(tx, project_id, campaign, None)
            step.failures.append(Failure(number, customer_id, reason_of(refused)))
        else:
            step.done += 1
            if given.change is not None:
                changes.append(given.change)
        step.position = Place(member["created_at"], customer_id)
    step.changes = tuple(changes)
    return step
