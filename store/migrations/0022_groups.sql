-- Groups of what a shop keeps here: segments of customers, collections of products. Who is in one is what the shop says
-- of the member, what the group's rule says of it, or both; the two are kept apart, so that neither forgets the other.

ALTER TABLE segments
    -- the canonical form of domain/conditions; NULL: only who was put into it
    ADD COLUMN rule jsonb CHECK (jsonb_typeof(rule) = 'object' AND octet_length(rule::text) <= 32768);
CREATE INDEX segments_by_rule ON segments (project_id, id) WHERE rule IS NOT NULL;
SELECT allow_rows('segments', 'vauchflow_app', '{DELETE}', 'project');

CREATE TABLE collections (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    id text COLLATE "C" NOT NULL CHECK (length(id) BETWEEN 1 AND 128),
    name text CHECK (length(name) BETWEEN 1 AND 200),
    rule jsonb CHECK (jsonb_typeof(rule) = 'object' AND octet_length(rule::text) <= 32768),
    metadata jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    name_key text COLLATE "C" GENERATED ALWAYS AS (search_key(name)) STORED,
    PRIMARY KEY (project_id, id)
);
CREATE INDEX collections_by_time ON collections (project_id, created_at, id);
CREATE INDEX collections_by_name ON collections (project_id, name_key, id) WHERE name_key IS NOT NULL;
CREATE INDEX collections_by_rule ON collections (project_id, id) WHERE rule IS NOT NULL;
SELECT allow_rows('collections', 'vauchflow_app', '{SELECT,INSERT,UPDATE,DELETE}', 'project');

ALTER TABLE customers
    ADD COLUMN rule_segments text[] NOT NULL DEFAULT '{}'
        CHECK (cardinality(rule_segments) <= 100 AND octet_length(rule_segments::text) <= 65536);
ALTER TABLE products
    ADD COLUMN rule_collections text[] NOT NULL DEFAULT '{}'
        CHECK (cardinality(rule_collections) <= 100 AND octet_length(rule_collections::text) <= 65536),
    -- A product that is gone keeps its id and its version, so that one that comes back is newer than what Redis has.
    ADD COLUMN deleted_at timestamptz;
DROP INDEX products_by_time;
CREATE INDEX products_by_time ON products (project_id, created_at, id) WHERE deleted_at IS NULL;

-- Who is in what, for lists of one group's members. Kept by triggers, with the time of the member's own row, so that a
-- page is a walk over one index.
CREATE TABLE customer_segments (
    project_id text COLLATE "C" NOT NULL,
    customer_id text COLLATE "C" NOT NULL,
    segment_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, customer_id, segment_id),
    FOREIGN KEY (project_id, customer_id) REFERENCES customers (project_id, id) ON DELETE CASCADE
);
CREATE INDEX customer_segments_by_segment ON customer_segments (project_id, segment_id, created_at, customer_id);
SELECT allow_rows('customer_segments', 'vauchflow_app', '{SELECT}', 'project');

CREATE TABLE product_labels (
    project_id text COLLATE "C" NOT NULL,
    product_id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('category', 'collection')),
    label text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, product_id, kind, label),
    FOREIGN KEY (project_id, product_id) REFERENCES products (project_id, id) ON DELETE CASCADE
);
CREATE INDEX product_labels_by_label ON product_labels (project_id, kind, label, created_at, product_id);
SELECT allow_rows('product_labels', 'vauchflow_app', '{SELECT}', 'project');

-- They run as the owner: whoever may change a customer need not be allowed to write what follows from it.
CREATE FUNCTION keep_customer_segments() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    labels text[] := NEW.segments || NEW.rule_segments;
BEGIN
    DELETE FROM customer_segments s
    WHERE s.project_id = NEW.project_id AND s.customer_id = NEW.id AND s.segment_id <> ALL (labels);
    INSERT INTO customer_segments (project_id, customer_id, segment_id, created_at)
    SELECT DISTINCT NEW.project_id, NEW.id, n.label, NEW.created_at FROM unnest(labels) AS n (label)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE FUNCTION keep_product_labels() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    in_collections text[] := NEW.collections || NEW.rule_collections;
BEGIN
    DELETE FROM product_labels l
    WHERE l.project_id = NEW.project_id AND l.product_id = NEW.id
        AND l.label <> ALL (CASE l.kind WHEN 'category' THEN NEW.categories ELSE in_collections END);
    INSERT INTO product_labels (project_id, product_id, kind, label, created_at)
    SELECT NEW.project_id, NEW.id, 'category', n.label, NEW.created_at FROM unnest(NEW.categories) AS n (label)
    UNION
    SELECT NEW.project_id, NEW.id, 'collection', n.label, NEW.created_at FROM unnest(in_collections) AS n (label)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION keep_customer_segments(), keep_product_labels() FROM PUBLIC;

-- Whom the ledger has met, blank, costs nothing here.
CREATE TRIGGER customers_segments_made AFTER INSERT ON customers FOR EACH ROW
    WHEN (cardinality(NEW.segments) + cardinality(NEW.rule_segments) > 0)
    EXECUTE FUNCTION keep_customer_segments();
CREATE TRIGGER customers_segments_changed AFTER UPDATE OF segments, rule_segments ON customers FOR EACH ROW
    WHEN (OLD.segments IS DISTINCT FROM NEW.segments OR OLD.rule_segments IS DISTINCT FROM NEW.rule_segments)
    EXECUTE FUNCTION keep_customer_segments();
CREATE TRIGGER products_labels_made AFTER INSERT ON products FOR EACH ROW
    WHEN (cardinality(NEW.categories) + cardinality(NEW.collections) + cardinality(NEW.rule_collections) > 0)
    EXECUTE FUNCTION keep_product_labels();
-- Whoever comes back is made anew: the time of the row changes with it.
CREATE TRIGGER products_labels_changed AFTER UPDATE OF categories, collections, rule_collections ON products
    FOR EACH ROW WHEN (OLD.categories IS DISTINCT FROM NEW.categories
        OR OLD.collections IS DISTINCT FROM NEW.collections
        OR OLD.rule_collections IS DISTINCT FROM NEW.rule_collections)
    EXECUTE FUNCTION keep_product_labels();

INSERT INTO customer_segments (project_id, customer_id, segment_id, created_at)
SELECT DISTINCT c.project_id, c.id, n.label, c.created_at FROM customers c, unnest(c.segments) AS n (label)
ON CONFLICT DO NOTHING;
INSERT INTO product_labels (project_id, product_id, kind, label, created_at)
SELECT p.project_id, p.id, 'category', n.label, p.created_at FROM products p, unnest(p.categories) AS n (label)
UNION
SELECT p.project_id, p.id, 'collection', n.label, p.created_at FROM products p, unnest(p.collections) AS n (label)
ON CONFLICT DO NOTHING;

-- What is sold of a product: an item that names one is of its product.
CREATE TABLE skus (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    id text COLLATE "C" NOT NULL CHECK (length(id) BETWEEN 1 AND 128),
    version bigint NOT NULL DEFAULT 2 CHECK (version BETWEEN 2 AND 9007199254740991),
    product_id text COLLATE "C" CHECK (length(product_id) BETWEEN 1 AND 128),
    name text CHECK (length(name) BETWEEN 1 AND 200),
    price_minor bigint CHECK (price_minor BETWEEN 0 AND 1000000000000),
    attributes jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(attributes) = 'object' AND octet_length(attributes::text) <= 16384),
    metadata jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz, -- as it is of products
    name_key text COLLATE "C" GENERATED ALWAYS AS (search_key(name)) STORED,
    PRIMARY KEY (project_id, id)
);
CREATE INDEX skus_by_time ON skus (project_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX skus_by_product ON skus (project_id, product_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX skus_by_name ON skus (project_id, name_key, id) WHERE name_key IS NOT NULL;
SELECT allow_rows('skus', 'vauchflow_app', '{SELECT,INSERT,UPDATE}', 'project');
SELECT allow_rows('skus', 'vauchflow_reconciler', '{SELECT}', 'any shard');

ALTER TABLE outbox
    DROP CONSTRAINT outbox_object_check,
    ADD CONSTRAINT outbox_object_check CHECK (object IN ('campaign', 'voucher', 'batch', 'rule', 'customer', 'product',
        'sku', 'settings', 'promotion_tier', 'gift_card', 'loyalty_card', 'referral_code'));
