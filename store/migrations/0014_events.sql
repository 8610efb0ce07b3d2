-- What a shop reports of its customers: each event counts once for all time, and an order is paid once.

CREATE TABLE customer_events (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    type text COLLATE "C" NOT NULL CHECK (type ~ '^[a-z0-9][a-z0-9._]{0,63}$'),
    id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 1024), -- the shop's own, or drawn
    customer_id text COLLATE "C" CHECK (octet_length(customer_id) BETWEEN 1 AND 1024),
    order_id text COLLATE "C" CHECK (octet_length(order_id) BETWEEN 1 AND 1024),
    -- what came of it, as it was answered
    effect jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(effect) = 'object' AND octet_length(effect::text) <= 262144),
    occurred_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, type, id)
);
CREATE INDEX customer_events_by_customer ON customer_events (project_id, customer_id) WHERE customer_id IS NOT NULL;
SELECT allow_rows('customer_events', 'vauchflow_app', '{SELECT,INSERT,"UPDATE (effect)"}', 'project');

-- Orders that have earned points, and how much of each was refunded. One whose refund came first has no total yet.
CREATE TABLE paid_orders (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    order_id text COLLATE "C" NOT NULL CHECK (octet_length(order_id) BETWEEN 1 AND 1024),
    customer_id text COLLATE "C" CHECK (octet_length(customer_id) BETWEEN 1 AND 1024),
    event_id text COLLATE "C", -- the one that said it was paid
    total_minor bigint CHECK (total_minor BETWEEN 0 AND 1000000000000),
    refunded_minor bigint NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND 9007199254740991),
    is_refunded boolean NOT NULL DEFAULT false, -- whole, whatever was paid
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, order_id),
    CONSTRAINT paid_orders_by_an_event CHECK ((total_minor IS NULL) = (event_id IS NULL))
);
CREATE INDEX paid_orders_by_customer ON paid_orders (project_id, customer_id) WHERE customer_id IS NOT NULL;
SELECT allow_rows('paid_orders', 'vauchflow_app',
    '{SELECT,INSERT,"UPDATE (customer_id, event_id, total_minor, refunded_minor, is_refunded)"}', 'project');
