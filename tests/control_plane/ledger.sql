-- Rows that a reconciler would have written. {project} and {account} are filled in by the tests.
INSERT INTO redemptions (project_id, id, customer_id, currency, order_value_minor, discount_minor, total_minor,
    durability, idempotency_key, fingerprint, created_at, shard, epoch, entry_ms, entry_seq, entry_index, body)
SELECT '{project}', 'rdm_' || n, CASE WHEN n % 2 = 0 THEN 'cust_even' END, 'EUR', 8999, 1800, 7199,
    'durable', 'k-' || n, '\x00', now() - n * interval '1 ms', 1, 1, 1, n, 0, '\x00'
FROM generate_series(1, 5) AS n;
INSERT INTO redemption_lines (project_id, redemption_id, line_no, object, redeemable_id, campaign_id, code,
    discount_minor, moves, created_at)
SELECT project_id, id, 1, 'voucher', CASE WHEN id IN ('rdm_1', 'rdm_2', 'rdm_3') THEN '{voucher}' ELSE 'vch_other' END,
    CASE WHEN id = 'rdm_5' THEN 'cmp_1' END, CASE WHEN id IN ('rdm_1', 'rdm_2', 'rdm_3') THEN 'SAVE20' ELSE 'B' END,
    1800, '[]', created_at
FROM redemptions WHERE project_id = '{project}';
UPDATE redemptions SET status = 'rolled_back', rolled_back_at = now(), rollback_epoch = 1, rollback_entry_ms = 1,
    rollback_entry_seq = 1, rollback_entry_index = 1
WHERE project_id = '{project}' AND id = 'rdm_3';
INSERT INTO usage_daily (account_id, project_id, day, redemptions, rollbacks, discount_minor)
VALUES ('{account}', '{project}', (now() AT TIME ZONE 'UTC')::date, 5, 1, 9000),
    ('{account}', '{project}', (now() AT TIME ZONE 'UTC')::date - 1, 100, 0, 100);
INSERT INTO quarantine (id, shard, epoch, entry_ms, entry_seq, entry_index, project_id, redemption_id, payload, reason)
SELECT 'qrn_{project}_' || n, 1, 1, 1, n, {index}, '{project}', 'rdm_q' || n, '\x00', 'decode_failed'
FROM generate_series(1, 2) AS n;
