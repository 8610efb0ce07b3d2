"""One chunk of a distribution: the next customers of the segment, in the order of their ids, each given theirs in the
chunk's own transaction. So whoever goes on after a kill goes on behind the last one that was given something."""

import msgspec

from control_plane.effects import Change
from control_plane.jobs.kinds import Failure, Run, Step, reason_of
from control_plane.publications.giving import Wish, give
from control_plane.publications.picking import Contended, load_giver, pass_over_spent
from domain.problems import Refused
from store.database import Transaction
from store.queries import query

ACTION_TYPE = "distribution"
CUSTOMERS_A_CHUNK = 50
"""Few, because their rows stay locked until the chunk is over, and all of it is put in force within the lease."""
STRETCH = 2_000
"""So many customers are looked through at most for them."""

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

    after: str = ""


async def give_to_some(tx: Transaction, run: Run) -> Step:
    """The next customers."""
    params, place = msgspec.convert(run.params, DistributionParams), msgspec.convert(run.position, Place)
    project_id = run.action.project_id
    row = await tx.fetchrow(_NEXT, project_id, place.after, params.segment_id, CUSTOMERS_A_CHUNK, STRETCH)
    assert row is not None
    members: list[str] = row["members"]
    campaign = await load_giver(tx, project_id, params.campaign_id, is_open=False)
    wish = Wish(campaign, params.is_once, params.metadata, params.distribution_id)
    step, after, changes = Step(failures=[]), place.after, list[Change]()
    for number, customer_id in enumerate(members, start=run.gone_count + 1):
        try:
            # Whoever holds codes of this chunk must not wait for others': they may wait for these.
            given = await give(tx, run.call(), wish, customer_id, may_wait=not changes)
        except Contended:
            step.position = Place(after)
            break
        except Refused as refused:
            if refused.code == "no_code_left":
                await pass_over_spent(tx, project_id, campaign, None)
            step.failures.append(Failure(number, customer_id, reason_of(refused)))
        else:
            step.done += 1
            if given.change is not None:
                changes.append(given.change)
        after = customer_id
    else:
        is_full = len(members) == CUSTOMERS_A_CHUNK
        step.position = Place(after if is_full else row["last"] or after)
        step.is_over = not is_full and row["walked"] < STRETCH
    step.changes = tuple(changes)
    return step
