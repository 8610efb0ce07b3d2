"""What a question is asked about: the settings, the customer and the products, as Redis has them at this moment.

What is left out for what they say is asked of nobody any more: so their versions are checked here. Must never be kept
beyond one call.
"""

import msgspec

from domain.conditions import Facts
from domain.decisions import Request, Surroundings, Wanted
from domain.definitions import customer_key, settings_key
from domain.ledger import Check, Item, Mode
from domain.orders import Order
from domain.outcomes import Verdict
from domain.problems import Refused
from domain.stacking import customer_of, enrich
from engine.attempt import ATTEMPTS, Attempt
from engine.auth import Tenant
from engine.orders import Asked
from engine.requests import invalid
from engine.shard import ServedShard
from engine.things import sku_keys_of, things_of
from engine.worker import Worker


class Cart:
    """One checkout, with what is known of it. `around` is there once it has looked around."""

    def __init__(self, worker: Worker, tenant: Tenant, served: ServedShard, asked: Asked, client: str) -> None:
        self.tenant = tenant
        self.served = served
        self.project_id = tenant.project_id
        self.around: Surroundings
        self._worker, self._asked, self._client = worker, asked, client

    @property
    def request(self) -> Request:
        """What is asked, of nothing yet."""
        return self._asked.request

    @property
    def order(self) -> Order:
        """The order as the request states it."""
        order = self._asked.request.order
        assert order is not None, "a question has an order"
        return order

    def attempt(self, wanted: tuple[Wanted, ...]) -> Attempt:
        """The same checkout with something to redeem."""
        request = msgspec.structs.replace(self.request, wanted=wanted)
        asked = msgspec.structs.replace(self._asked, request=request, wanted=wanted)
        return Attempt(self._worker, self.tenant, self.served, asked, self._client)

    async def look_around(self) -> None:
        """Read what decisions on this cart read, all of it as it is now."""
        for _ in range(ATTEMPTS):
            if await self._load():
                if self._asked.states_customer and (
                    self.tenant.publishable or not self.around.settings.request_attributes
                ):
                    detail = "the project takes segments and metadata of customers from /v1/customers only"
                    raise invalid("/customer", detail)
                return
        raise Refused("contended")

    async def _load(self) -> bool:
        """Whether what is cached, once it is, is what Redis has."""
        catalog, project_id, customer_id = self.served.catalog, self.project_id, self.request.customer_id
        keys = [settings_key(project_id), *sku_keys_of(self.order, project_id)]
        if customer_id is not None:
            keys.append(customer_key(project_id, customer_id))
        await catalog.load(project_id, [key for key in keys if not catalog.has(key)])
        await catalog.load(project_id, things_of(self.order, catalog, project_id).lacking)
        things = things_of(self.order, catalog, project_id)
        settings = catalog.settings(project_id)
        customer = catalog.customer(project_id, customer_id) if customer_id is not None else None
        if settings is None or things.lacking or (customer is None) is not (customer_id is None):
            return False  # dropped from the cache in between
        tenant = self.tenant
        read = (things.products, tenant.currency, tenant.decimals, tenant.key_id)
        self.around = Surroundings(settings, customer, *read, skus=things.skus)
        checks = [Check(settings_key(project_id), settings.version), *things.checks(project_id)]
        if customer is not None:
            checks.append(Check(customer_key(project_id, customer.id), customer.version))
        said = await self.served.submit(Item(Mode.PROBE, checks=tuple(checks)))
        if said.outcome.missing:
            catalog.forget(said.outcome.missing)
        return said.outcome.verdict is Verdict.STANDS

    def facts(self) -> Facts:
        """What conditions ask of, before any discount."""
        around = self.around
        return Facts(
            order=enrich(self.order, around.products, around.skus),
            discounted_minor=self.order.amount_minor,
            customer=customer_of(self.request, around.customer),
            metadata=self.request.metadata or {},
            api_key_id=around.api_key_id,
            now_ms=self.served.now_ms(),
            currency=around.currency,
            decimals=around.decimals,
        )
