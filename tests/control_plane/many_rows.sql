-- Many rows of a hundred projects, six in ten of them of one: {account} and {project} are that one's, {rows} how many.
-- Row n of each table is n seconds old; what is rare in it, is so because of its number.
CREATE FUNCTION pg_temp.project(n bigint) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN n % 10 < 6 THEN '{project}' ELSE 'prj_many' || n % 99 END;
CREATE FUNCTION pg_temp.account(n bigint) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN n % 10 < 6 OR n % 99 < 59 THEN '{account}' ELSE 'acc_many' || n % 99 END;
CREATE FUNCTION pg_temp.id(prefix text, n bigint) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN prefix || '_' || lpad(n::text, 26, '0');
CREATE FUNCTION pg_temp.since(n bigint) RETURNS timestamptz LANGUAGE sql STABLE
    RETURN now() - n * interval '1 second';
-- Of the big project: half are of campaign 0, a few of campaign 1.
CREATE FUNCTION pg_temp.campaign(prefix text, n bigint) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN n % 10 >= 6 THEN NULL WHEN n % 1000 = 1 THEN pg_temp.id(prefix, 1)
        WHEN n % 2 = 0 THEN pg_temp.id(prefix, 0) END;

INSERT INTO accounts (id, name, plan, shard) SELECT 'acc_many' || n, 'Many', 'unlimited', n % 8
    FROM generate_series(0, 2999) n;
INSERT INTO projects (account_id, id, name) SELECT CASE WHEN n < 59 THEN '{account}' ELSE 'acc_many' || n END,
    'prj_many' || n, 'Many' FROM generate_series(0, 2999) n;
INSERT INTO people (id, email, password_hash) SELECT pg_temp.id('per', n), n || '@many.example', '$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA'
    FROM generate_series(1, 5000) n;
-- People and keys are made by hand: some hundred of an account.
INSERT INTO members (account_id, id, person_id, email, role, status, invite_hash, created_at)
    SELECT CASE WHEN n <= 300 THEN '{account}' ELSE 'acc_many' || n % 3000 END, pg_temp.id('mem', n), pg_temp.id('per', n), n || '@many.example', 'analyst',
        CASE WHEN n % 10 = 1 THEN 'invited' WHEN n % 2 = 0 THEN 'removed' ELSE 'active' END,
        CASE WHEN n % 10 = 1 THEN sha256(n::text::bytea) END, pg_temp.since(n) FROM generate_series(1, 5000) n;
INSERT INTO sessions (person_id, id, account_id, member_id, token_hash)
    SELECT person_id, replace(id, 'mem', 'ses'), account_id, id, sha256(id::bytea) FROM members WHERE status = 'active';
INSERT INTO api_keys (account_id, project_id, id, type, key_hash, hint, created_at)
    SELECT CASE WHEN n <= 300 THEN '{account}' ELSE 'acc_many' || n % 3000 END,
        CASE WHEN n <= 300 THEN '{project}' WHEN n % 3000 < 59 THEN NULL ELSE 'prj_many' || n % 3000 END,
        pg_temp.id('key', n), CASE WHEN n > 300 AND n % 3000 < 59 THEN 'ADMIN' ELSE 'SECRET' END,
        sha256(n::text::bytea), 'abcd', pg_temp.since(n) FROM generate_series(1, 5000) n;
INSERT INTO audit_log (account_id, project_id, id, actor, action, object, object_id, created_at)
    SELECT pg_temp.account(n), pg_temp.project(n), pg_temp.id('aud', n),
        CASE WHEN n % 1000 = 1 THEN 'key_rare' ELSE 'key_usual' END,
        CASE WHEN n % 1000 = 1 THEN 'campaign.rare' ELSE 'voucher.create' END,
        CASE WHEN n % 1000 = 1 THEN 'rare' ELSE 'voucher' END, 'vch_' || n / 5, pg_temp.since(n / 5)
    FROM generate_series(1, {rows} * 5) n;
INSERT INTO async_actions (project_id, id, type, total_count, status, created_at)
    SELECT pg_temp.project(n), pg_temp.id('act', n), 'voucher_batch', 10,
        CASE n % 1000 WHEN 1 THEN 'cancelled' WHEN 2 THEN 'failed' WHEN 3 THEN 'running' WHEN 4 THEN 'queued'
            WHEN 5 THEN 'receiving' ELSE 'done' END, pg_temp.since(n)
    FROM generate_series(1, {rows} / 5) n;
INSERT INTO quarantine (id, shard, epoch, entry_ms, entry_seq, entry_index, project_id, payload, reason, status,
        resolved_at, created_at)
    SELECT pg_temp.id('qua', n), 1, 1, n, 0, 0, pg_temp.project(n), '', 'integrity', s.status,
        CASE WHEN s.status <> 'open' THEN now() END, pg_temp.since(n)
    FROM generate_series(1, {rows} / 5) n
    CROSS JOIN LATERAL (SELECT CASE n % 1000 WHEN 1 THEN 'open' WHEN 2 THEN 'refused' WHEN 3 THEN 'void'
        ELSE 'applied' END AS status) s;

INSERT INTO campaigns (project_id, id, account_id, name, type, rules, status, created_at)
    SELECT pg_temp.project(n), pg_temp.id(t.prefix, n), pg_temp.account(n), 'Campaign ' || n, t.type, '{}',
        CASE WHEN n % 1000 = 1 THEN 'paused' ELSE 'active' END, pg_temp.since(n)
    FROM generate_series(0, {rows} / 10) n
    CROSS JOIN (VALUES ('cmp', 'DISCOUNT', 1), ('cmq', 'GIFT_CARD', 7), ('cmr', 'PROMOTION', 11), ('lty', 'LOYALTY', 2),
        ('ref', 'REFERRAL', 2)) t (prefix, type, every)
    WHERE n < 10 OR n % every = 1 % every;
INSERT INTO vouchers (project_id, id, campaign_id, code, status, customer_id, created_at)
    SELECT pg_temp.project(n), pg_temp.id('vch', n), pg_temp.campaign('cmp', n), 'CODE-' || lpad(n::text, 8, '0'),
        CASE WHEN n % 1000 IN (1, 2) THEN 'disabled' ELSE 'active' END,
        CASE WHEN n % 3 = 1 THEN 'cust-' || n % ({rows} / 20) END, pg_temp.since(n)
    FROM generate_series(0, {rows}) n;
INSERT INTO counters (project_id, id, kind, limit_value, ceiling)
    SELECT pg_temp.project(n), 'r:' || pg_temp.id('vch', n), 'redemptions', 500, 500 FROM generate_series(0, {rows}) n;
INSERT INTO gift_cards (project_id, id, campaign_id, code, customer_id, currency, funded_minor, entry_count, status,
        expires_ms, created_at)
    SELECT pg_temp.project(n), pg_temp.id('gft', n), pg_temp.campaign('cmp', n), 'GIFT-' || lpad(n::text, 8, '0'),
        CASE WHEN n % 3 = 1 THEN 'cust-' || n % ({rows} / 20) END, 'EUR', 5000, 1,
        CASE n % 1000 WHEN 1 THEN 'blocked' WHEN 2 THEN 'inactive' ELSE 'active' END,
        CASE WHEN n % 1000 = 3 THEN 1 ELSE 9999999999999 END, pg_temp.since(n)
    FROM generate_series(0, {rows} / 2) n;
INSERT INTO gift_card_entries (project_id, card_id, entry_no, type, from_account, to_account, amount_minor,
        balance_minor)
    SELECT pg_temp.project(c), pg_temp.id('gft', c), n, 'top_up', 'funding', 'card', 1, n
    FROM generate_series(0, 20) c CROSS JOIN LATERAL generate_series(1, CASE c WHEN 0 THEN {rows} / 10 ELSE 300 END) n;
INSERT INTO loyalty_cards (project_id, id, program_id, code, customer_id, status, points, entry_count, created_at)
    SELECT '{project}', pg_temp.id('lcd', n), pg_temp.id('lty', n % 2), 'LOYAL-' || lpad(n::text, 8, '0'),
        'cust-' || n, CASE WHEN n % 1000 = 1 THEN 'blocked' ELSE 'active' END, 0, 1, pg_temp.since(n)
    FROM generate_series(0, {rows} / 5) n;
INSERT INTO loyalty_lots (project_id, card_id, expires_ms, steps, earned)
    SELECT '{project}', pg_temp.id('lcd', n), 0, '[[0, 100]]', 100 FROM generate_series(0, {rows} / 5) n;
INSERT INTO loyalty_entries (project_id, card_id, entry_no, type, points, expires_ms, from_ms, balance, available)
    SELECT '{project}', pg_temp.id('lcd', c), n, 'earn', 1, 0, 0, n, n
    FROM generate_series(0, 20) c CROSS JOIN LATERAL generate_series(1, CASE c WHEN 0 THEN {rows} / 10 ELSE 300 END) n;
INSERT INTO referral_codes (project_id, id, program_id, code, customer_id, status, created_at)
    SELECT '{project}', pg_temp.id('rfc', n), pg_temp.id('ref', n % 2), 'REFER-' || lpad(n::text, 8, '0'),
        'cust-' || n, CASE WHEN n % 1000 = 1 THEN 'disabled' ELSE 'active' END, pg_temp.since(n)
    FROM generate_series(0, {rows} / 5) n;
ALTER TABLE referrals DISABLE TRIGGER USER;
INSERT INTO referrals (project_id, redemption_id, line_no, program_id, code_id, referrer_id, referee_id, created_at)
    SELECT '{project}', pg_temp.id('rdm', n), 1, pg_temp.id('ref', n % 2), pg_temp.id('rfc', n / 4),
        'cust-' || n / 4, 'cust-' || n, pg_temp.since(n)
    FROM generate_series(0, {rows} / 5) n;
ALTER TABLE referrals ENABLE TRIGGER USER;
INSERT INTO referral_rewards (project_id, redemption_id, side, customer_id, terms, created_at)
    SELECT '{project}', pg_temp.id('rdm', n), 'referrer', 'cust-' || n / 4, '{"type": "gift_card", "amount_minor": 500}',
        pg_temp.since(n)
    FROM generate_series(0, {rows} / 5) n;
INSERT INTO promotion_tiers (project_id, id, name, campaign_id, status, created_at)
    SELECT pg_temp.project(n), pg_temp.id('tier', n), 'Tier ' || n, pg_temp.campaign('cmp', n),
        CASE WHEN n % 1000 = 1 THEN 'disabled' ELSE 'active' END, pg_temp.since(n)
    FROM generate_series(0, {rows} / 5) n;
INSERT INTO validation_rules (project_id, id, name, rule, created_at)
    SELECT pg_temp.project(n), pg_temp.id('rul', n), 'Rule ' || n, '{"all": []}', pg_temp.since(n)
    FROM generate_series(0, {rows} / 5) n;
INSERT INTO validation_rule_assignments (project_id, rule_id, object, object_id, created_at)
    SELECT '{project}', pg_temp.id('rul', 0), 'voucher', pg_temp.id('vch', n), pg_temp.since(n)
    FROM generate_series(0, {rows} / 5) n;
INSERT INTO segments (project_id, id, name, created_at)
    SELECT pg_temp.project(n), 'segment-' || n, 'Segment ' || n, pg_temp.since(n) FROM generate_series(0, {rows} / 5) n;
INSERT INTO segments (project_id, id) VALUES ('{project}', 'usual');
INSERT INTO collections (project_id, id) VALUES ('{project}', 'usual');
INSERT INTO collections (project_id, id, name, created_at)
    SELECT pg_temp.project(n), 'collection-' || n, 'Collection ' || n, pg_temp.since(n)
    FROM generate_series(0, {rows} / 5) n;
INSERT INTO skus (project_id, id, product_id, name, created_at)
    SELECT pg_temp.project(n), 'sku-' || n, CASE WHEN n % 1000 = 1 THEN 'rare' ELSE 'usual' END, 'Sku ' || n,
        pg_temp.since(n)
    FROM generate_series(0, {rows} / 5) n;
INSERT INTO products (project_id, id, name, price_minor, categories, collections, created_at)
    SELECT pg_temp.project(n), 'product-' || n, 'Product ' || n, 100,
        ARRAY['usual', CASE WHEN n % 1000 = 1 THEN 'rare' ELSE 'other' END],
        ARRAY['usual', CASE WHEN n % 1000 = 1 THEN 'rare' ELSE 'other' END], pg_temp.since(n)
    FROM generate_series(0, {rows} / 5) n;
INSERT INTO customers (project_id, id, name, email, segments, created_at, updated_at)
    SELECT pg_temp.project(n), 'cust-' || n, 'Name ' || n, n || '@example.com',
        ARRAY['usual', CASE WHEN n % 1000 = 1 THEN 'rare' ELSE 'other' END], pg_temp.since(n), now()
    FROM generate_series(0, {rows}) n;
-- Three in ten of voucher 0, the others of vouchers of their own.
INSERT INTO redemptions (project_id, id, customer_id, currency, order_value_minor, discount_minor, total_minor,
        durability, fingerprint, created_at, shard, epoch, entry_ms, entry_seq, entry_index, body, idempotency_key,
        order_id, status, rolled_back_at, rollback_epoch, rollback_entry_ms, rollback_entry_seq, rollback_entry_index)
    SELECT pg_temp.project(n), pg_temp.id('rdm', n), 'cust-' || n % ({rows} / 10), 'EUR', 8999, 1800, 7199, 'durable', '',
        pg_temp.since(n), 1, 1, n, 0, 0, '', 'key-' || n, 'order-' || n,
        CASE WHEN back.at IS NOT NULL THEN 'rolled_back' WHEN n % 1000 = 2 THEN 'partially_rolled_back'
            ELSE 'redeemed' END, back.at, back.no, back.no, back.no, back.no
    FROM generate_series(0, {rows}) n
    CROSS JOIN LATERAL (SELECT CASE WHEN n % 1000 = 1 THEN now() END AS at, CASE WHEN n % 1000 = 1 THEN 1 END AS no) back;
INSERT INTO redemption_lines (project_id, redemption_id, line_no, object, redeemable_id, campaign_id, code,
        discount_minor, moves, created_at)
    SELECT pg_temp.project(n), pg_temp.id('rdm', n), 1, 'voucher', v.id, CASE WHEN n % 10 < 3 AND n % 1000 <> 1 THEN pg_temp.id('cmp', 0) ELSE pg_temp.campaign('cmp', n) END, 'CODE', 1800,
        '[]', pg_temp.since(n)
    FROM generate_series(0, {rows}) n
    CROSS JOIN LATERAL (SELECT pg_temp.id('vch', CASE WHEN n % 10 < 3 THEN 0 ELSE n / 4 * 4 END) AS id) v;
INSERT INTO receipts (project_id, chain_id, seq, kind, redemption_id, link, salt, commitment)
    SELECT pg_temp.project(n), COALESCE(pg_temp.campaign('cmp', n), pg_temp.id('vch', 0)), n + 1, 'redeemed',
        pg_temp.id('rdm', n), sha256(n::text::bytea), decode(repeat('00', 16), 'hex'), sha256('')
    FROM generate_series(0, {rows}) n;
INSERT INTO orders (project_id, id, customer_id, status, created_at)
    SELECT pg_temp.project(n), 'order-' || n, 'cust-' || n % ({rows} / 10),
        CASE n % 1000 WHEN 1 THEN 'created' WHEN 2 THEN 'canceled' WHEN 3 THEN 'fulfilled' ELSE 'paid' END,
        pg_temp.since(n)
    FROM generate_series(0, {rows}) n;
INSERT INTO distributions (project_id, id, campaign_id, segment_id, is_once, async_action_id, created_at)
    SELECT '{project}', pg_temp.id('dis', n), CASE WHEN n % 1000 = 1 THEN pg_temp.id('cmp', 1)
        ELSE pg_temp.id('cmp', 0) END, 'usual', true, pg_temp.id('act', 10), pg_temp.since(n)
    FROM generate_series(0, {rows} / 5) n;
INSERT INTO publications (project_id, id, campaign_id, customer_id, object, redeemable_id, code, is_once,
        distribution_id, created_at)
    SELECT '{project}', pg_temp.id('pub', n), CASE WHEN n % 1000 = 1 THEN pg_temp.id('cmp', 1)
        ELSE pg_temp.id('cmp', 0) END, 'cust-' || n, 'voucher', pg_temp.id('vch', n), 'CODE-' || n, true,
        pg_temp.id('dis', n / 50), pg_temp.since(n)
    FROM generate_series(0, {rows} / 5) n;
INSERT INTO paid_orders (project_id, order_id, customer_id, event_id, total_minor)
    SELECT pg_temp.project(n), 'order-' || n, 'cust-' || n % ({rows} / 10), 'evt-' || n, 5000
    FROM generate_series(0, {rows}) n WHERE n % 1000 > 3;
