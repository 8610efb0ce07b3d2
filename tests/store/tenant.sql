-- A row of one project in every table. {account}, {project} and {shard} are replaced.
INSERT INTO accounts (id, name, plan, shard) VALUES ('acc_{account}', 'Account', 'unlimited', {shard})
    ON CONFLICT DO NOTHING;
INSERT INTO projects (account_id, id, name) VALUES ('acc_{account}', 'prj_{project}', 'Project');
INSERT INTO api_keys (account_id, project_id, id, type, key_hash, hint)
    VALUES ('acc_{account}', 'prj_{project}', 'key_{project}', 'SECRET', sha256('secret {project}'), 'abcd');
INSERT INTO api_keys (account_id, id, type, key_hash, hint)
    VALUES ('acc_{account}', 'key_admin_{project}', 'ADMIN', sha256('admin {project}'), 'wxyz');
INSERT INTO audit_log (account_id, project_id, id, actor, action, object, object_id)
    VALUES ('acc_{account}', 'prj_{project}', 'aud_{project}', 'key_{project}', 'create', 'campaign', 'cmp_1');
INSERT INTO idempotency_keys (account_id, project_id, route, key, fingerprint, status, body)
    VALUES ('acc_{account}', 'prj_{project}', 'create_campaign', 'k1', decode(repeat('00', 16), 'hex'), 201, '{}');
INSERT INTO people (id, email, password_hash)
    VALUES ('per_{project}', '{project}@example.com', '$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA');
INSERT INTO members (account_id, id, person_id, email, role, status)
    VALUES ('acc_{account}', 'mem_{project}', 'per_{project}', '{project}@example.com', 'owner', 'active');
INSERT INTO sessions (person_id, id, account_id, member_id, token_hash)
    VALUES ('per_{project}', 'ses_{project}', 'acc_{account}', 'mem_{project}', sha256('session {project}'));
INSERT INTO campaigns (project_id, id, account_id, name, rules)
    VALUES ('prj_{project}', 'cmp_1', 'acc_{account}', 'Sale', '{"discount_value": 20}');
INSERT INTO vouchers (project_id, id, campaign_id, code) VALUES ('prj_{project}', 'vch_1', 'cmp_1', 'SAVE20');
INSERT INTO gift_cards (project_id, id, campaign_id, code, customer_id, currency, funded_minor, entry_count)
    VALUES ('prj_{project}', 'gft_1', 'cmp_1', 'GIFT', 'cust_1', 'EUR', 5000, 1);
INSERT INTO gift_card_entries (project_id, card_id, entry_no, type, from_account, to_account, amount_minor,
    balance_minor)
    VALUES ('prj_{project}', 'gft_1', 1, 'issue', 'funding', 'card', 5000, 5000);
INSERT INTO loyalty_cards (project_id, id, program_id, code, customer_id, points, entry_count)
    VALUES ('prj_{project}', 'lcd_1', 'cmp_1', 'LOYAL', 'cust_1', 100, 1);
INSERT INTO loyalty_lots (project_id, card_id, expires_ms, steps, earned)
    VALUES ('prj_{project}', 'lcd_1', 0, '[[0, 100]]', 100);
INSERT INTO loyalty_entries (project_id, card_id, entry_no, type, points, expires_ms, from_ms, balance, available)
    VALUES ('prj_{project}', 'lcd_1', 1, 'earn', 100, 0, 0, 100, 100);
INSERT INTO referral_codes (project_id, id, program_id, code, customer_id)
    VALUES ('prj_{project}', 'rfc_1', 'cmp_1', 'CUST-1', 'cust_1');
INSERT INTO referrer_identities (project_id, program_id, customer_id, key, commitment)
    VALUES ('prj_{project}', 'cmp_1', 'cust_1', 'email', decode(repeat('00', 16), 'hex'));
INSERT INTO referee_identities (project_id, redemption_id, program_id, key, commitment)
    VALUES ('prj_{project}', 'rdm_9', 'cmp_1', 'email', decode(repeat('11', 16), 'hex'));
INSERT INTO referrals (project_id, redemption_id, line_no, program_id, code_id, referrer_id, referee_id, created_at)
    VALUES ('prj_{project}', 'rdm_9', 1, 'cmp_1', 'rfc_1', 'cust_1', 'cust_2', now());
INSERT INTO referral_rewards (project_id, redemption_id, side, customer_id, terms, created_at)
    VALUES ('prj_{project}', 'rdm_9', 'referrer', 'cust_1', '{"type": "gift_card", "amount_minor": 500}', now());
INSERT INTO referral_tasks (project_id, redemption_id, side, action)
    VALUES ('prj_{project}', 'rdm_9', 'referrer', 'issue');
INSERT INTO customer_events (project_id, type, id, customer_id, order_id, occurred_at)
    VALUES ('prj_{project}', 'order.paid', 'evt_1', 'cust_1', 'order_1', now());
INSERT INTO paid_orders (project_id, order_id, customer_id, event_id, total_minor)
    VALUES ('prj_{project}', 'order_1', 'cust_1', 'evt_1', 5000);
INSERT INTO promotion_tiers (project_id, id, name) VALUES ('prj_{project}', 'tier_1', 'Tier');
INSERT INTO customers (project_id, id, segments) VALUES ('prj_{project}', 'cust_1', '{vip}');
INSERT INTO validation_rules (project_id, id, name, rule) VALUES ('prj_{project}', 'rul_1', 'Rule', '{"all": []}');
INSERT INTO segments (project_id, id) VALUES ('prj_{project}', 'vip');
INSERT INTO collections (project_id, id) VALUES ('prj_{project}', 'summer');
INSERT INTO skus (project_id, id, product_id) VALUES ('prj_{project}', 'tee-m', 'tee');
INSERT INTO products (project_id, id, price_minor, categories) VALUES ('prj_{project}', 'tee', 1999, '{shirts}');
INSERT INTO project_settings (project_id, settings) VALUES ('prj_{project}', '{"mode": "ALL"}');
INSERT INTO counters (project_id, id, kind, limit_value, ceiling) VALUES
    ('prj_{project}', 'r:vch_1', 'redemptions', 500, 500),
    ('prj_{project}', 'u:cmp_1', 'customer_family', 2, 2);
INSERT INTO outbox (project_id, shard, object, object_id, version)
    VALUES ('prj_{project}', {shard}, 'campaign', 'cmp_1', 1);
INSERT INTO async_actions (project_id, id, type, total_count)
    VALUES ('prj_{project}', 'act_1', 'create_vouchers', 10);
INSERT INTO distributions (project_id, id, campaign_id, segment_id, is_once, async_action_id)
    VALUES ('prj_{project}', 'dst_1', 'cmp_1', 'vip', true, 'act_1');
INSERT INTO publications (project_id, id, campaign_id, customer_id, object, redeemable_id, code, is_once,
    distribution_id)
    VALUES ('prj_{project}', 'pub_1', 'cmp_1', 'cust_1', 'voucher', 'vch_1', 'SAVE20', true, 'dst_1');
INSERT INTO orders (project_id, id, customer_id) VALUES ('prj_{project}', 'ord_1', 'cust_1');
INSERT INTO metadata_schemas (project_id, object, properties)
    VALUES ('prj_{project}', 'voucher', '{"size": {"type": "number"}}');
INSERT INTO async_action_chunks (project_id, action_id, side, chunk_no, data)
    VALUES ('prj_{project}', 'act_1', 'input', 0, '[]');
INSERT INTO redemptions (project_id, id, customer_id, currency, order_value_minor, discount_minor, total_minor,
    durability, fingerprint, created_at, shard, epoch, entry_ms, entry_seq, entry_index, body)
    VALUES ('prj_{project}', 'rdm_1', 'cust_1', 'EUR', 8999, 1800, 7199, 'durable', '', now(), {shard}, 1, 1, 0, 0, '');
INSERT INTO redemption_lines (project_id, redemption_id, line_no, object, redeemable_id, campaign_id, code,
    discount_minor, moves, created_at)
    VALUES ('prj_{project}', 'rdm_1', 1, 'voucher', 'vch_1', 'cmp_1', 'SAVE20', 1800, '[["r:vch_1", 1]]', now());
INSERT INTO redemption_rollbacks (project_id, redemption_id, revision, fingerprint, is_whole, refund_minor, moves, body,
    created_at, shard, epoch, entry_ms, entry_seq, entry_index)
    VALUES ('prj_{project}', 'rdm_1', 0, '', false, 0, '[]', '', now(), {shard}, 1, 1, 0, 1);
INSERT INTO reservations (project_id, id, session, tag, status, expires_at, revision, body, created_at, shard, epoch,
    entry_ms, entry_seq, entry_index)
    VALUES ('prj_{project}', 'rsv_1', 'cart_9', 'tag', 'held', now(), 0, '', now(), {shard}, 1, 1, 0, 2);
INSERT INTO reservation_holds (project_id, counter_id, tag, reservation_id, amount, expires_at, shard)
    VALUES ('prj_{project}', 'r:vch_1', 'tag', 'rsv_1', 1, now(), {shard});
INSERT INTO receipts (project_id, chain_id, seq, kind, redemption_id, link, salt, commitment)
    VALUES ('prj_{project}', 'cmp_1', 1, 'redeemed', 'rdm_1', sha256('link'), decode(repeat('00', 16), 'hex'), sha256(''));
INSERT INTO receipt_heads (project_id, chain_id, links, redeemed, rolled_back, head)
    VALUES ('prj_{project}', 'cmp_1', 1, 1, 0, sha256('link'));
INSERT INTO usage_daily (account_id, project_id, day, redemptions)
    VALUES ('acc_{account}', 'prj_{project}', '2026-11-21', 1);
INSERT INTO epochs (shard, epoch, state, run_id, replication_id, opened_at)
    VALUES ({shard}, 1, 'open', 'run', 'replication', now()) ON CONFLICT DO NOTHING;
INSERT INTO stream_positions (shard, epoch, entry_ms, entry_seq) VALUES ({shard}, 1, 0, 0) ON CONFLICT DO NOTHING;
INSERT INTO worker_leases (shard, epoch, worker_id, expires_at)
    VALUES ({shard}, 1, 'wrk_{project}', now() + interval '30 seconds');
INSERT INTO ring_entries (shard, epoch, worker_id, entry_ms, entry_seq, entry_index, time_ms, payload)
    VALUES ({shard}, 1, 'wrk_{project}', 1, 0, 0, 1, 'event');
INSERT INTO quarantine (id, shard, epoch, entry_ms, entry_seq, entry_index, project_id, payload, reason)
    SELECT 'qua_{project}', {shard}, 1, 2, 0, count(*), 'prj_{project}', 'event', 'integrity' FROM quarantine;
INSERT INTO alarms (id, kind, shard) VALUES ('alm_{project}', 'quarantine_{project}', {shard});
INSERT INTO validation_rule_assignments (project_id, rule_id, object, object_id)
    VALUES ('prj_{project}', 'rul_1', 'voucher', 'vch_1');
