-- What can be redeemed beside vouchers. A campaign has a type, of which loyalty and referral programs are two, and terms
-- of its own; a code leads to one thing, whatever that is; promotion tiers have no code.

ALTER TABLE campaigns
    DROP CONSTRAINT campaigns_type_check,
    ADD CONSTRAINT campaigns_type_check
        CHECK (type IN ('DISCOUNT', 'GIFT_CARD', 'PROMOTION', 'LOYALTY', 'REFERRAL')),
    ADD COLUMN program jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(program) = 'object' AND octet_length(program::text) <= 65536);
CREATE INDEX campaigns_by_type ON campaigns (project_id, type, created_at, id);

-- Every code of a project, of vouchers and cards alike: no two things have the same. Written by triggers only.
CREATE TABLE codes (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    code text COLLATE "C" NOT NULL CHECK (code ~ '^[A-Z0-9_.~-]{1,64}$'),
    object text NOT NULL CHECK (object IN ('voucher', 'gift_card', 'loyalty_card', 'referral_code')),
    PRIMARY KEY (project_id, code)
);
SELECT allow_rows('codes', 'vauchflow_app', '{SELECT,INSERT}', 'project');
INSERT INTO codes (project_id, code, object) SELECT project_id, code, 'voucher' FROM vouchers;

-- For each table whose rows have codes: CREATE TRIGGER ... AFTER INSERT ON t REFERENCING NEW TABLE AS made
-- FOR EACH STATEMENT EXECUTE FUNCTION register_codes('object').
CREATE FUNCTION register_codes() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO codes (project_id, code, object) SELECT made.project_id, made.code, TG_ARGV[0] FROM made;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION register_codes() FROM PUBLIC;
CREATE TRIGGER vouchers_codes AFTER INSERT ON vouchers REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION register_codes('voucher');

-- To whom a voucher was given; others may use it all the same.
ALTER TABLE vouchers ADD COLUMN customer_id text COLLATE "C" CHECK (octet_length(customer_id) BETWEEN 1 AND 1024);
CREATE INDEX vouchers_by_customer ON vouchers (project_id, customer_id, created_at, id) WHERE customer_id IS NOT NULL;

CREATE TABLE promotion_tiers (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 64),
    campaign_id text COLLATE "C",
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    hierarchy int NOT NULL DEFAULT 0 CHECK (hierarchy BETWEEN 0 AND 1000000), -- the smaller goes first
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    version bigint NOT NULL DEFAULT 1 CHECK (version BETWEEN 1 AND 9007199254740991),
    rules jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(rules) = 'object' AND octet_length(rules::text) <= 16384),
    metadata jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384),
    counts_customers_since bigint NOT NULL DEFAULT 0 CHECK (counts_customers_since >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id),
    FOREIGN KEY (project_id, campaign_id) REFERENCES campaigns (project_id, id)
);
CREATE INDEX promotion_tiers_by_time ON promotion_tiers (project_id, created_at, id);
CREATE INDEX promotion_tiers_by_campaign ON promotion_tiers (project_id, campaign_id, created_at, id)
    WHERE campaign_id IS NOT NULL;
CREATE INDEX promotion_tiers_active ON promotion_tiers (project_id, id, version) WHERE status = 'active';
SELECT allow_rows('promotion_tiers', 'vauchflow_app', '{SELECT,INSERT,UPDATE}', 'project');
SELECT allow_rows('promotion_tiers', 'vauchflow_reconciler', '{SELECT}', 'any shard');

ALTER TABLE counters
    DROP CONSTRAINT counters_kind_check,
    ADD CONSTRAINT counters_kind_check CHECK (kind IN ('redemptions', 'budget', 'customer', 'code_family',
        'customer_family', 'balance', 'points', 'points_family')),
    DROP CONSTRAINT counters_template_is_never_moved,
    ADD CONSTRAINT counters_template_is_never_moved CHECK (kind NOT IN ('code_family', 'customer_family',
        'points_family') OR (granted = 0 AND quarantined = 0)),
    DROP CONSTRAINT counters_template_has_no_parent,
    ADD CONSTRAINT counters_template_has_no_parent CHECK (parent_id IS NULL OR kind NOT IN ('code_family',
        'customer_family', 'points_family'));

ALTER TABLE outbox
    DROP CONSTRAINT outbox_object_check,
    ADD CONSTRAINT outbox_object_check CHECK (object IN ('campaign', 'voucher', 'batch', 'rule', 'customer', 'product',
        'settings', 'promotion_tier', 'gift_card', 'loyalty_card', 'referral_code'));
