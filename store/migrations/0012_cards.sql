-- Gift cards and loyalty cards: what was funded, earned and spent, each as append-only entries of its own. The role
-- vauchflow_cards owns the functions that post entries and is the only one that may write them or a balance: no fault
-- elsewhere, of billing or of a payment provider, reaches either. PostgreSQL has the last word here: what a CHECK of a
-- card refuses is not redeemed. Lock order: gift cards, loyalty cards, lots, then counters.

GRANT EXECUTE ON FUNCTION app_project_id(), app_shard() TO vauchflow_cards;

CREATE TABLE gift_cards (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 64),
    campaign_id text COLLATE "C",
    code text COLLATE "C" NOT NULL CHECK (code ~ '^[A-Z0-9_.~-]{1,64}$'),
    customer_id text COLLATE "C" CHECK (octet_length(customer_id) BETWEEN 1 AND 1024), -- whose it is
    currency char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'blocked')),
    starts_ms bigint CHECK (starts_ms BETWEEN 0 AND 9007199254740991),
    expires_ms bigint CHECK (expires_ms BETWEEN 0 AND 9007199254740991),
    category text CHECK (length(category) BETWEEN 1 AND 64),
    version bigint NOT NULL DEFAULT 1 CHECK (version BETWEEN 1 AND 9007199254740991),
    -- all that was put on it, less what was taken back: the limit of its counter
    funded_minor bigint NOT NULL CHECK (funded_minor BETWEEN 0 AND 9007199254740991),
    spent_minor bigint NOT NULL DEFAULT 0 CHECK (spent_minor >= 0),
    balance_minor bigint GENERATED ALWAYS AS (funded_minor - spent_minor) STORED,
    entry_count bigint NOT NULL CHECK (entry_count >= 1),
    metadata jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id),
    UNIQUE (project_id, code),
    FOREIGN KEY (project_id, campaign_id) REFERENCES campaigns (project_id, id),
    CONSTRAINT gift_cards_within_balance CHECK (funded_minor >= spent_minor)
) WITH (fillfactor = 80);
CREATE INDEX gift_cards_by_time ON gift_cards (project_id, created_at, id);
CREATE INDEX gift_cards_by_campaign ON gift_cards (project_id, campaign_id, created_at, id)
    WHERE campaign_id IS NOT NULL;
CREATE INDEX gift_cards_by_customer ON gift_cards (project_id, customer_id, created_at, id)
    WHERE customer_id IS NOT NULL;
CREATE TRIGGER gift_cards_codes AFTER INSERT ON gift_cards REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION register_codes('gift_card');

-- Each moves an amount from one account to another; `balance_minor` is the card's own after it. No foreign key to the
-- card, for the reason that redemption_lines has none.
CREATE TABLE gift_card_entries (
    project_id text COLLATE "C" NOT NULL,
    card_id text COLLATE "C" NOT NULL,
    entry_no bigint NOT NULL CHECK (entry_no >= 1), -- without a gap
    type text NOT NULL,
    from_account text NOT NULL,
    to_account text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor BETWEEN 1 AND 9007199254740991),
    balance_minor bigint NOT NULL CHECK (balance_minor >= 0),
    redemption_id text COLLATE "C" CHECK (octet_length(redemption_id) BETWEEN 1 AND 64),
    line_no smallint CHECK (line_no BETWEEN 1 AND 30),
    reason text CHECK (length(reason) BETWEEN 1 AND 500),
    actor text CHECK (length(actor) BETWEEN 1 AND 200), -- NULL: a checkout
    created_at timestamptz NOT NULL DEFAULT now(), -- of what a checkout did: the script's time
    PRIMARY KEY (project_id, card_id, entry_no),
    CONSTRAINT gift_card_entries_accounts CHECK ((type, from_account, to_account) IN (
        ('issue', 'funding', 'card'), ('top_up', 'funding', 'card'), ('spend', 'card', 'redeemed'),
        ('refund', 'redeemed', 'card'), ('take_back', 'card', 'taken_back'))),
    CONSTRAINT gift_card_entries_redemption CHECK (
        num_nulls(redemption_id, line_no) = CASE WHEN type IN ('spend', 'refund') THEN 0 ELSE 2 END)
);
CREATE UNIQUE INDEX gift_card_entries_one_spend ON gift_card_entries (project_id, redemption_id, line_no)
    WHERE type = 'spend';

CREATE TABLE loyalty_cards (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 64),
    program_id text COLLATE "C" NOT NULL,
    code text COLLATE "C" NOT NULL CHECK (code ~ '^[A-Z0-9_.~-]{1,64}$'),
    customer_id text COLLATE "C" NOT NULL CHECK (octet_length(customer_id) BETWEEN 1 AND 1024),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'blocked')),
    version bigint NOT NULL DEFAULT 1 CHECK (version BETWEEN 1 AND 9007199254740991),
    -- what its tier is judged by: all that was earned, less what was taken back of that
    earned_total bigint NOT NULL DEFAULT 0 CHECK (earned_total BETWEEN 0 AND 9007199254740991),
    points bigint NOT NULL DEFAULT 0, -- earned - spent over all its lots, pending and expired ones too
    -- points that were to be taken back and had been spent: what is earned next pays them first
    owed bigint NOT NULL DEFAULT 0 CHECK (owed BETWEEN 0 AND 9007199254740991),
    entry_count bigint NOT NULL DEFAULT 0 CHECK (entry_count >= 0),
    metadata jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id),
    UNIQUE (project_id, code),
    UNIQUE (project_id, program_id, customer_id),
    FOREIGN KEY (project_id, program_id) REFERENCES campaigns (project_id, id),
    CONSTRAINT loyalty_cards_within_points CHECK (points >= 0)
) WITH (fillfactor = 80);
CREATE INDEX loyalty_cards_by_program ON loyalty_cards (project_id, program_id, created_at, id);
CREATE INDEX loyalty_cards_by_customer ON loyalty_cards (project_id, customer_id, created_at, id);
CREATE TRIGGER loyalty_cards_codes AFTER INSERT ON loyalty_cards REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION register_codes('loyalty_card');

-- Points of a card that expire together. `steps` are [[from_ms, points], ...] in order of time, each of them once: what
-- may be spent at a time is the sum of those that have come, less what was spent.
CREATE TABLE loyalty_lots (
    project_id text COLLATE "C" NOT NULL,
    card_id text COLLATE "C" NOT NULL,
    expires_ms bigint NOT NULL CHECK (expires_ms BETWEEN 0 AND 9007199254740991), -- 0: never
    steps jsonb NOT NULL CHECK (jsonb_typeof(steps) = 'array' AND octet_length(steps::text) <= 65536),
    earned bigint NOT NULL CHECK (earned BETWEEN 0 AND 9007199254740991), -- sum of the steps
    spent bigint NOT NULL DEFAULT 0 CHECK (spent >= 0),
    PRIMARY KEY (project_id, card_id, expires_ms),
    FOREIGN KEY (project_id, card_id) REFERENCES loyalty_cards (project_id, id),
    CONSTRAINT loyalty_lots_within_earned CHECK (spent <= earned)
) WITH (fillfactor = 80);

CREATE TABLE loyalty_entries (
    project_id text COLLATE "C" NOT NULL,
    card_id text COLLATE "C" NOT NULL,
    entry_no bigint NOT NULL CHECK (entry_no >= 1), -- without a gap
    type text NOT NULL,
    points bigint NOT NULL CHECK (points BETWEEN -9007199254740991 AND 9007199254740991), -- signed, as the card has it
    expires_ms bigint NOT NULL CHECK (expires_ms >= 0), -- the lot
    from_ms bigint CHECK (from_ms >= 0), -- pending until then
    balance bigint NOT NULL CHECK (balance >= 0), -- the card's points after it
    available bigint NOT NULL CHECK (available >= 0), -- those of them that could be spent then
    source text COLLATE "C" CHECK (octet_length(source) BETWEEN 1 AND 1280), -- what they were earned by
    redemption_id text COLLATE "C" CHECK (octet_length(redemption_id) BETWEEN 1 AND 64),
    line_no smallint CHECK (line_no BETWEEN 1 AND 30),
    reason text CHECK (length(reason) BETWEEN 1 AND 500),
    actor text CHECK (length(actor) BETWEEN 1 AND 200), -- NULL: a checkout, or an event
    created_at timestamptz NOT NULL DEFAULT now(), -- of what a checkout did: the script's time
    PRIMARY KEY (project_id, card_id, entry_no),
    CONSTRAINT loyalty_entries_sign CHECK (points <> 0 AND CASE type WHEN 'earn' THEN points > 0
        WHEN 'refund' THEN points > 0 WHEN 'spend' THEN points < 0 WHEN 'take_back' THEN points < 0
        ELSE type = 'adjust' END),
    CONSTRAINT loyalty_entries_redemption CHECK (
        num_nulls(redemption_id, line_no) = CASE WHEN type IN ('spend', 'refund') THEN 0 ELSE 2 END)
);
CREATE UNIQUE INDEX loyalty_entries_one_spend
    ON loyalty_entries (project_id, redemption_id, line_no, expires_ms) WHERE type = 'spend';
CREATE INDEX loyalty_entries_by_source ON loyalty_entries (project_id, card_id, source) WHERE source IS NOT NULL;

-- Who may what. A card is its project's, or for whoever settles a shard anybody's of it; never does the role that
-- serves requests get beyond the project it has named.
CREATE FUNCTION pg_temp.open_to_cards(target regclass, commands text[]) RETURNS void LANGUAGE sql AS $$
    SELECT allow_rows(target, 'vauchflow_cards', commands, 'project_id = (SELECT app_project_id()) OR ((SELECT '
        'app_project_id()) IS NULL AND (SELECT app_shard()) IS NOT NULL AND session_user <> ''vauchflow_app'')');
$$;
SELECT pg_temp.open_to_cards(name::regclass, '{SELECT,INSERT,UPDATE}')
FROM unnest('{gift_cards,loyalty_cards,loyalty_lots}'::text[]) AS name;
SELECT pg_temp.open_to_cards(name::regclass, '{SELECT,INSERT}')
FROM unnest('{gift_card_entries,loyalty_entries,codes}'::text[]) AS name;
DROP FUNCTION pg_temp.open_to_cards(regclass, text[]);
SELECT allow_rows('gift_cards', 'vauchflow_app', '{SELECT,"UPDATE (customer_id, status, starts_ms, expires_ms, category, version, metadata, updated_at)"}', 'project');
SELECT allow_rows('loyalty_cards', 'vauchflow_app', '{SELECT,"UPDATE (status, version, metadata, updated_at)"}',
    'project');
SELECT allow_rows(name::regclass, 'vauchflow_app', '{SELECT}', 'project')
FROM unnest('{gift_card_entries,loyalty_lots,loyalty_entries}'::text[]) AS name;
SELECT allow_rows(name::regclass, 'vauchflow_reconciler', '{SELECT}', 'any shard')
FROM unnest('{gift_cards,gift_card_entries,loyalty_cards,loyalty_lots,loyalty_entries}'::text[]) AS name;

-- Whoever it is, an owner or a superuser by mistake.
CREATE FUNCTION refuse_changes() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
REVOKE ALL ON FUNCTION refuse_changes() FROM PUBLIC;
CREATE TRIGGER gift_card_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON gift_card_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_changes();
CREATE TRIGGER loyalty_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON loyalty_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_changes();

-- give_to_cards('fund_gift_card', 'vauchflow_app'): the function is the role's own from then on, and for this caller
-- alone (NULL: for none). Whoever owns a function must be able to create one, for as long as that takes.
CREATE FUNCTION give_to_cards(function_name name, caller name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    wanted regprocedure := (
        SELECT p.oid FROM pg_proc p WHERE p.proname = function_name AND p.pronamespace = 'public'::regnamespace);
BEGIN
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', wanted);
    IF caller IS NOT NULL THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', wanted, caller);
    END IF;
    GRANT CREATE ON SCHEMA public TO vauchflow_cards;
    EXECUTE format('ALTER FUNCTION %s OWNER TO vauchflow_cards', wanted);
    REVOKE CREATE ON SCHEMA public FROM vauchflow_cards;
END $$;
REVOKE ALL ON FUNCTION give_to_cards(name, name) FROM PUBLIC;

-- New cards with the same amount on each, and their first entries. Their ids come back, except of those whose code is
-- taken. The caller stages their counters.
CREATE FUNCTION issue_gift_cards(project text, campaign text, currency text, amount_minor bigint, ids text[],
    codes text[], customer text, status text, starts_ms bigint, expires_ms bigint, category text, metadata jsonb,
    reason text, actor text)
RETURNS SETOF text
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    WITH made AS (
        INSERT INTO gift_cards (project_id, id, campaign_id, code, customer_id, currency, status, starts_ms, expires_ms,
            category, funded_minor, entry_count, metadata)
        SELECT issue_gift_cards.project, n.id, issue_gift_cards.campaign, n.code, issue_gift_cards.customer,
            issue_gift_cards.currency, issue_gift_cards.status, issue_gift_cards.starts_ms,
            issue_gift_cards.expires_ms, issue_gift_cards.category, issue_gift_cards.amount_minor, 1,
            issue_gift_cards.metadata
        FROM unnest(issue_gift_cards.ids, issue_gift_cards.codes) AS n (id, code)
        WHERE NOT EXISTS (SELECT FROM codes c WHERE c.project_id = issue_gift_cards.project AND c.code = n.code)
        ON CONFLICT (project_id, code) DO NOTHING
        RETURNING project_id, id, funded_minor
    ), posted AS (
        INSERT INTO gift_card_entries (project_id, card_id, entry_no, type, from_account, to_account, amount_minor,
            balance_minor, reason, actor)
        SELECT m.project_id, m.id, 1, 'issue', 'funding', 'card', m.funded_minor, m.funded_minor,
            issue_gift_cards.reason, issue_gift_cards.actor FROM made m
    )
    SELECT m.id FROM made m;
END;

-- More money on a card: its new version, which the caller stages. No row: there is no such card.
CREATE FUNCTION fund_gift_card(project text, card text, amount_minor bigint, reason text, actor text)
RETURNS TABLE (version bigint, funded_minor bigint, balance_minor bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    WITH funded AS (
        UPDATE gift_cards g
        SET funded_minor = g.funded_minor + fund_gift_card.amount_minor, version = g.version + 1,
            entry_count = g.entry_count + 1, updated_at = now()
        WHERE g.project_id = fund_gift_card.project AND g.id = fund_gift_card.card
        RETURNING g.*
    ), posted AS (
        INSERT INTO gift_card_entries (project_id, card_id, entry_no, type, from_account, to_account, amount_minor,
            balance_minor, reason, actor)
        SELECT f.project_id, f.id, f.entry_count, 'top_up', 'funding', 'card', fund_gift_card.amount_minor,
            f.balance_minor, fund_gift_card.reason, fund_gift_card.actor FROM funded f
    )
    SELECT f.version, f.funded_minor, f.balance_minor FROM funded f;
END;

-- As much of an amount as is left of it. Where nothing is, nothing changes. No row: there is no such card.
CREATE FUNCTION take_back_from_gift_card(project text, card text, amount_minor bigint, reason text, actor text)
RETURNS TABLE (taken_minor bigint, version bigint, funded_minor bigint, balance_minor bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    held gift_cards;
    taken bigint;
BEGIN
    IF take_back_from_gift_card.amount_minor <= 0 THEN
        RAISE EXCEPTION 'nothing to take back' USING ERRCODE = 'check_violation';
    END IF;
    SELECT g.* INTO held FROM gift_cards g WHERE g.project_id = project AND g.id = card FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    taken := least(take_back_from_gift_card.amount_minor, held.balance_minor);
    IF taken > 0 THEN
        UPDATE gift_cards g SET funded_minor = g.funded_minor - taken, version = g.version + 1,
            entry_count = g.entry_count + 1, updated_at = now()
        WHERE g.project_id = project AND g.id = card RETURNING g.* INTO held;
        INSERT INTO gift_card_entries (project_id, card_id, entry_no, type, from_account, to_account, amount_minor,
            balance_minor, reason, actor)
        VALUES (project, card, held.entry_count, 'take_back', 'card', 'taken_back', taken, held.balance_minor,
            take_back_from_gift_card.reason, take_back_from_gift_card.actor);
    END IF;
    RETURN QUERY SELECT taken, held.version, held.funded_minor, held.balance_minor;
END $$;

-- What redemptions spent, or with amounts below 0 got back: in the order given, one card any number of times.
CREATE FUNCTION post_gift_card_spends(project_ids text[], card_ids text[], amounts_minor bigint[],
    redemption_ids text[], line_nos int[], times timestamptz[])
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    wanted bigint;
    moved bigint;
BEGIN
    SELECT count(DISTINCT (a.project_id, a.id)) INTO wanted FROM unnest(project_ids, card_ids) AS a (project_id, id);
    PERFORM FROM (SELECT DISTINCT u.project_id, u.id FROM unnest(project_ids, card_ids) AS u (project_id, id)) AS a
    JOIN gift_cards g ON g.project_id = a.project_id AND g.id = a.id
    ORDER BY g.project_id, g.id FOR UPDATE OF g;
    UPDATE gift_cards g SET spent_minor = g.spent_minor + s.amount, entry_count = g.entry_count + s.entries
    FROM (SELECT a.project_id, a.id, sum(a.amount)::bigint AS amount, count(*) AS entries
        FROM unnest(project_ids, card_ids, amounts_minor) AS a (project_id, id, amount)
        GROUP BY a.project_id, a.id) AS s
    WHERE g.project_id = s.project_id AND g.id = s.id;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> wanted THEN
        RAISE EXCEPTION 'a gift card is not in the ledger' USING ERRCODE = 'foreign_key_violation';
    END IF;
    INSERT INTO gift_card_entries (project_id, card_id, entry_no, type, from_account, to_account, amount_minor,
        balance_minor, redemption_id, line_no, created_at)
    SELECT a.project_id, a.id, g.entry_count - count(*) OVER later,
        CASE WHEN a.amount > 0 THEN 'spend' ELSE 'refund' END,
        CASE WHEN a.amount > 0 THEN 'card' ELSE 'redeemed' END,
        CASE WHEN a.amount > 0 THEN 'redeemed' ELSE 'card' END,
        abs(a.amount), g.balance_minor + COALESCE(sum(a.amount) OVER later, 0), a.redemption_id, a.line_no, a.at
    FROM unnest(project_ids, card_ids, amounts_minor, redemption_ids, line_nos, times) WITH ORDINALITY
        AS a (project_id, id, amount, redemption_id, line_no, at, place)
    JOIN gift_cards g ON g.project_id = a.project_id AND g.id = a.id
    WINDOW later AS (PARTITION BY a.project_id, a.id ORDER BY a.place
        ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING);
END $$;

SELECT give_to_cards(name, 'vauchflow_app')
FROM unnest('{issue_gift_cards,fund_gift_card,take_back_from_gift_card}'::name[]) AS name;
SELECT give_to_cards('post_gift_card_spends', 'vauchflow_reconciler');
