-- Referrals: codes, who referred whom, and what is given for it.
--
-- The reconciler writes causes (who referred whom, that it was rolled back, what is to be done), the control plane's
-- worker writes effects (rewards). Neither updates a row that the other writes, so that neither waits for the other.

CREATE TABLE referral_codes (
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 64),
    program_id text COLLATE "C" NOT NULL,
    code text COLLATE "C" NOT NULL CHECK (code ~ '^[A-Z0-9_.~-]{1,64}$'),
    customer_id text COLLATE "C" NOT NULL CHECK (octet_length(customer_id) BETWEEN 1 AND 1024), -- who refers by it
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    version bigint NOT NULL DEFAULT 1 CHECK (version BETWEEN 1 AND 9007199254740991),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, id),
    UNIQUE (project_id, code),
    UNIQUE (project_id, program_id, customer_id),
    FOREIGN KEY (project_id, program_id) REFERENCES campaigns (project_id, id)
);
CREATE INDEX referral_codes_by_program ON referral_codes (project_id, program_id, created_at, id);
CREATE INDEX referral_codes_by_customer ON referral_codes (project_id, customer_id, created_at, id);
SELECT allow_rows('referral_codes', 'vauchflow_app', '{SELECT,INSERT,"UPDATE (status, version, updated_at)"}',
    'project');
SELECT allow_rows('referral_codes', 'vauchflow_reconciler', '{SELECT}', 'any shard');
CREATE TRIGGER referral_codes_codes AFTER INSERT ON referral_codes REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION register_codes('referral_code');

-- What tells a referrer apart: commitments, never the values.
CREATE TABLE referrer_identities (
    project_id text COLLATE "C" NOT NULL,
    program_id text COLLATE "C" NOT NULL,
    customer_id text COLLATE "C" NOT NULL CHECK (octet_length(customer_id) BETWEEN 1 AND 1024),
    key text COLLATE "C" NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 64),
    commitment bytea NOT NULL CHECK (octet_length(commitment) = 16),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, program_id, customer_id, key, commitment),
    FOREIGN KEY (project_id, program_id, customer_id)
        REFERENCES referral_codes (project_id, program_id, customer_id)
);
SELECT allow_rows('referrer_identities', 'vauchflow_app', '{SELECT,INSERT}', 'project');
SELECT allow_rows('referrer_identities', 'vauchflow_reconciler', '{SELECT}', 'any shard');

-- Who was referred by whom, with the redemption that did it. A customer is referred once in a program, and the first
-- who did it stands.
CREATE TABLE referrals (
    project_id text COLLATE "C" NOT NULL,
    redemption_id text COLLATE "C" NOT NULL CHECK (octet_length(redemption_id) BETWEEN 1 AND 64),
    line_no smallint NOT NULL CHECK (line_no BETWEEN 1 AND 30),
    program_id text COLLATE "C" NOT NULL CHECK (octet_length(program_id) BETWEEN 1 AND 64),
    code_id text COLLATE "C" NOT NULL CHECK (octet_length(code_id) BETWEEN 1 AND 64),
    -- both NULL where a person has been erased
    referrer_id text COLLATE "C" CHECK (octet_length(referrer_id) BETWEEN 1 AND 1024),
    referee_id text COLLATE "C" CHECK (octet_length(referee_id) BETWEEN 1 AND 1024),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'rolled_back')),
    created_at timestamptz NOT NULL, -- the redemption's
    rolled_back_at timestamptz,
    -- No foreign keys, for the reason that redemption_lines has none.
    PRIMARY KEY (project_id, redemption_id),
    CONSTRAINT referrals_rollback_has_its_time CHECK ((rolled_back_at IS NULL) = (status = 'active'))
);
CREATE UNIQUE INDEX referrals_once_per_referee ON referrals (project_id, program_id, referee_id)
    WHERE status = 'active';
CREATE INDEX referrals_by_program ON referrals (project_id, program_id, created_at, redemption_id);
CREATE INDEX referrals_by_referrer ON referrals (project_id, program_id, referrer_id, created_at, redemption_id);
CREATE INDEX referrals_by_referee ON referrals (project_id, program_id, referee_id, created_at, redemption_id);
SELECT allow_rows('referrals', 'vauchflow_app', '{SELECT}', 'project');
SELECT allow_rows('referrals', 'vauchflow_reconciler', '{SELECT,INSERT,UPDATE}', 'any shard');

CREATE TABLE referee_identities (
    project_id text COLLATE "C" NOT NULL,
    redemption_id text COLLATE "C" NOT NULL CHECK (octet_length(redemption_id) BETWEEN 1 AND 64),
    program_id text COLLATE "C" NOT NULL CHECK (octet_length(program_id) BETWEEN 1 AND 64),
    key text COLLATE "C" NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 64),
    commitment bytea NOT NULL CHECK (octet_length(commitment) = 16),
    is_active boolean NOT NULL DEFAULT true,
    PRIMARY KEY (project_id, redemption_id, key, commitment)
);
CREATE UNIQUE INDEX referee_identities_once ON referee_identities (project_id, program_id, key, commitment)
    WHERE is_active;
SELECT allow_rows('referee_identities', 'vauchflow_app', '{SELECT}', 'project');
SELECT allow_rows('referee_identities', 'vauchflow_reconciler', '{SELECT,INSERT,UPDATE}', 'any shard');

-- What each side gets, as the program had it when the redemption was settled.
CREATE TABLE referral_rewards (
    project_id text COLLATE "C" NOT NULL,
    redemption_id text COLLATE "C" NOT NULL CHECK (octet_length(redemption_id) BETWEEN 1 AND 64),
    side text NOT NULL CHECK (side IN ('referrer', 'referee')),
    customer_id text COLLATE "C" CHECK (octet_length(customer_id) BETWEEN 1 AND 1024), -- NULL: erased
    terms jsonb NOT NULL CHECK (jsonb_typeof(terms) = 'object' AND octet_length(terms::text) <= 1024),
    -- owed: what could not be taken back, because it was spent
    status text NOT NULL DEFAULT 'due' CHECK (status IN ('due', 'issued', 'failed', 'taken_back', 'owed')),
    reference text COLLATE "C" CHECK (octet_length(reference) BETWEEN 1 AND 64), -- id of the voucher or the card
    amount bigint NOT NULL DEFAULT 0 CHECK (amount BETWEEN 0 AND 9007199254740991), -- minor units, points, or 1 voucher
    lot_ms bigint CHECK (lot_ms >= 0), -- of points: the lot of the card that they went to
    owed bigint NOT NULL DEFAULT 0 CHECK (owed BETWEEN 0 AND 9007199254740991),
    failure text CHECK (length(failure) BETWEEN 1 AND 200), -- an outcome code
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, redemption_id, side),
    CONSTRAINT referral_rewards_owe_what_was_given CHECK (owed <= amount),
    CONSTRAINT referral_rewards_say_what_was_given
        CHECK (status IN ('due', 'failed', 'taken_back') OR reference IS NOT NULL)
);
SELECT allow_rows('referral_rewards', 'vauchflow_app',
    '{SELECT,"UPDATE (status, reference, amount, lot_ms, owed, failure, updated_at)"}', 'project');
SELECT allow_rows('referral_rewards', 'vauchflow_reconciler', '{SELECT,INSERT}', 'any shard');

-- What the worker has to do about them, each once.
CREATE TABLE referral_tasks (
    project_id text COLLATE "C" NOT NULL,
    redemption_id text COLLATE "C" NOT NULL CHECK (octet_length(redemption_id) BETWEEN 1 AND 64),
    side text NOT NULL CHECK (side IN ('referrer', 'referee')),
    action text NOT NULL CHECK (action IN ('issue', 'take_back')),
    created_at timestamptz NOT NULL DEFAULT now(),
    not_before timestamptz NOT NULL DEFAULT now(),
    attempts int NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    done_at timestamptz,
    PRIMARY KEY (project_id, redemption_id, side, action)
);
CREATE INDEX referral_tasks_due ON referral_tasks (not_before) WHERE done_at IS NULL;
SELECT allow_rows('referral_tasks', 'vauchflow_app', '{SELECT,"UPDATE (not_before, attempts, done_at)"}', 'project');
SELECT allow_rows('referral_tasks', 'vauchflow_reconciler', '{SELECT,INSERT}', 'any shard');

-- Which tasks wait for a worker, across tenants: their names only, as due_async_actions has it.
CREATE FUNCTION due_referral_tasks(max_rows int)
RETURNS TABLE (project_id text, shard smallint, redemption_id text, side text, action text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT x.project_id, a.shard, x.redemption_id, x.side, x.action
    FROM referral_tasks x
    JOIN projects p ON p.id = x.project_id
    JOIN accounts a ON a.id = p.account_id
    WHERE x.done_at IS NULL AND x.not_before <= now()
    ORDER BY x.not_before
    LIMIT least(max_rows, 1000);
END;
REVOKE ALL ON FUNCTION due_referral_tasks(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION due_referral_tasks(int) TO vauchflow_app;

-- What domain/referrals.py judges: whether a customer with these identities is who refers, was referred before, or has
-- referred the referrer, perhaps through others (a thousand of them at most). Who was referred by a redemption that was
-- rolled back can be referred again, but stays who it was. `besides` is a redemption that does not count.
CREATE FUNCTION referral_facts(project text, program text, referrer text, referee text, keys text[],
    commitments bytea[], besides text, OUT shares_identity boolean, OUT is_referred boolean, OUT is_ring boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, public
BEGIN ATOMIC
    WITH RECURSIVE stated AS (
        SELECT s.key, s.commitment FROM unnest(keys, commitments) AS s (key, commitment)
    ), line AS (
        SELECT referrer COLLATE "C" AS customer_id, 0 AS depth
        UNION ALL
        SELECT r.referrer_id, l.depth + 1 FROM line l
        JOIN referrals r ON r.project_id = project AND r.program_id = program AND r.referee_id = l.customer_id
            AND r.status = 'active' AND r.redemption_id <> besides
        WHERE l.depth < 1000 AND l.customer_id IS NOT NULL AND (l.depth = 0 OR l.customer_id <> referrer)
    ), alike AS (
        SELECT l.depth FROM line l
        JOIN referrer_identities i ON i.project_id = project AND i.program_id = program
            AND i.customer_id = l.customer_id
        JOIN stated s ON s.key = i.key AND s.commitment = i.commitment
        UNION ALL
        SELECT l.depth FROM line l
        JOIN referrals r ON r.project_id = project AND r.program_id = program AND r.referee_id = l.customer_id
            AND r.redemption_id <> besides
        JOIN referee_identities i ON i.project_id = project AND i.redemption_id = r.redemption_id
        JOIN stated s ON s.key = i.key AND s.commitment = i.commitment
    )
    SELECT
        EXISTS (SELECT FROM alike WHERE depth = 0),
        EXISTS (SELECT FROM referrals r WHERE r.project_id = project AND r.program_id = program
            AND r.referee_id = referee AND r.status = 'active' AND r.redemption_id <> besides)
        OR EXISTS (SELECT FROM stated s JOIN referee_identities i ON i.project_id = project
            AND i.program_id = program AND i.key = s.key AND i.commitment = s.commitment AND i.is_active
            AND i.redemption_id <> besides),
        EXISTS (SELECT FROM line WHERE depth > 0 AND customer_id = referee)
        OR EXISTS (SELECT FROM alike WHERE depth > 0);
END;
REVOKE ALL ON FUNCTION referral_facts(text, text, text, text, text[], bytea[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION referral_facts(text, text, text, text, text[], bytea[], text)
    TO vauchflow_app, vauchflow_reconciler;

-- The last word on it, when a referral is written down: after its identities, so that all of a batch see each other.
CREATE FUNCTION check_referrals() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    fault text;
BEGIN
    SELECT CASE WHEN f.is_self THEN 'referrals_not_of_oneself' ELSE 'referrals_make_no_ring' END INTO fault
    FROM (
        SELECT m.referrer_id = m.referee_id OR g.shares_identity AS is_self, g.is_ring
        FROM made m
        CROSS JOIN LATERAL (
            SELECT COALESCE(array_agg(i.key), '{}') AS keys, COALESCE(array_agg(i.commitment), '{}') AS commitments
            FROM referee_identities i WHERE i.project_id = m.project_id AND i.redemption_id = m.redemption_id
        ) own
        CROSS JOIN LATERAL referral_facts(m.project_id, m.program_id, m.referrer_id, m.referee_id, own.keys,
            own.commitments, m.redemption_id) g
    ) f
    WHERE f.is_self OR f.is_ring
    LIMIT 1;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'a referral is refused by %', fault
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = fault;
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION check_referrals() FROM PUBLIC;
CREATE TRIGGER referrals_checked AFTER INSERT ON referrals REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION check_referrals();
