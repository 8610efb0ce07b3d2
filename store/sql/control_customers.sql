-- Customers as shops keep them here; those whom the ledger has met are there already, blank.

-- fragment: customer_rows
SELECT id, name, email, segments, rule_segments, metadata::text AS metadata, version,
    created_at, updated_at FROM customers

-- name: control_ensure_customer
INSERT INTO customers (project_id, id) VALUES ($1, $2)
ON CONFLICT (project_id, id) DO NOTHING;

-- name: control_lock_customer
-- Changes of one customer are made one after another.
-- use: customer_rows
WHERE project_id = $1 AND id = $2
FOR UPDATE;

-- name: control_update_customer
-- The version is the time, where it can be: one who was erased and comes back is newer than what Redis may still have.
UPDATE customers
SET name = $3, email = $4, segments = $5, metadata = $6::text::jsonb, rule_segments = $7,
    updated_at = now(), version = greatest(version + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
WHERE project_id = $1 AND id = $2
RETURNING id, name, email, segments, rule_segments, metadata::text AS metadata, version,
    created_at, updated_at;

-- name: control_customer
-- use: customer_rows
WHERE project_id = $1 AND id = $2;

-- name: control_customer_narrowed
-- $3 address, $4 from, $5 until before, $6 segment, or NULL.
-- use: customer_rows
WHERE project_id = $1 AND id = $2 AND ($3::text IS NULL OR email_key = search_key($3))
    AND created_at >= COALESCE($4::timestamptz, '-infinity') AND created_at < COALESCE($5::timestamptz, 'infinity')
    AND ($6::text IS NULL OR $6 = ANY (segments) OR $6 = ANY (rule_segments));

-- name: control_customers
-- $2, $3: the last row of the page before, or NULL; $5, $6: made from and before. Newest first.
-- use: customer_rows
WHERE project_id = $1 AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
    AND created_at >= COALESCE($5::timestamptz, '-infinity') AND created_at < COALESCE($6::timestamptz, 'infinity')
ORDER BY created_at DESC, id DESC
LIMIT $4;

-- name: control_customers_of_email
-- As above, of those with the address $7, in whatever case, and of segment $8, or of any where that is NULL.
-- use: customer_rows
WHERE project_id = $1 AND email_key = search_key($7)
    AND ($8::text IS NULL OR $8 = ANY (segments) OR $8 = ANY (rule_segments))
    AND (created_at, id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
    AND created_at >= COALESCE($5::timestamptz, '-infinity') AND created_at < COALESCE($6::timestamptz, 'infinity')
ORDER BY created_at DESC, id DESC
LIMIT $4;

-- name: control_customers_of_segment
-- As above, of those in segment $7.
SELECT c.id, c.name, c.email, c.segments, c.rule_segments, c.metadata::text AS metadata, c.version, c.created_at,
    c.updated_at
FROM customer_segments m JOIN customers c ON c.project_id = m.project_id AND c.id = m.customer_id
WHERE m.project_id = $1 AND m.segment_id = $7
    AND (m.created_at, m.customer_id) < (COALESCE($2::timestamptz, 'infinity'), COALESCE($3::text, ''))
    AND m.created_at >= COALESCE($5::timestamptz, '-infinity')
    AND m.created_at < COALESCE($6::timestamptz, 'infinity')
ORDER BY m.created_at DESC, m.customer_id DESC
LIMIT $4;

-- name: control_search_customers_by_id
SELECT id, id AS search_key, name, email, segments, rule_segments, metadata::text AS metadata, version,
    created_at, updated_at
FROM customers
WHERE project_id = $1 AND id >= $2 AND id < $2 || chr(1114111) AND id > $3 AND $4 >= ''
    AND ($6::text IS NULL OR id = $6) AND ($7::text IS NULL OR email_key = search_key($7))
    AND created_at >= COALESCE($8::timestamptz, '-infinity') AND created_at < COALESCE($9::timestamptz, 'infinity')
    AND ($10::text IS NULL OR $10 = ANY (segments) OR $10 = ANY (rule_segments))
ORDER BY id
LIMIT $5;

-- name: control_search_customers_by_email
SELECT id, email_key AS search_key, name, email, segments, rule_segments, metadata::text AS metadata, version,
    created_at, updated_at
FROM customers
WHERE project_id = $1 AND email_key >= search_key($2) AND email_key < search_key($2) || chr(1114111)
    AND (email_key, id) > ($3, $4) AND NOT (id >= $2 AND id < $2 || chr(1114111))
    AND ($6::text IS NULL OR id = $6) AND ($7::text IS NULL OR email_key = search_key($7))
    AND created_at >= COALESCE($8::timestamptz, '-infinity') AND created_at < COALESCE($9::timestamptz, 'infinity')
    AND ($10::text IS NULL OR $10 = ANY (segments) OR $10 = ANY (rule_segments))
ORDER BY email_key, id
LIMIT $5;

-- name: control_search_customers_by_name
SELECT id, name_key AS search_key, name, email, segments, rule_segments, metadata::text AS metadata, version,
    created_at, updated_at
FROM customers
WHERE project_id = $1 AND name_key >= search_key($2) AND name_key < search_key($2) || chr(1114111)
    AND (name_key, id) > ($3, $4) AND NOT (id >= $2 AND id < $2 || chr(1114111))
    AND (email_key IS NULL OR NOT (email_key >= search_key($2) AND email_key < search_key($2) || chr(1114111)))
    AND ($6::text IS NULL OR id = $6) AND ($7::text IS NULL OR email_key = search_key($7))
    AND created_at >= COALESCE($8::timestamptz, '-infinity') AND created_at < COALESCE($9::timestamptz, 'infinity')
    AND ($10::text IS NULL OR $10 = ANY (segments) OR $10 = ANY (rule_segments))
ORDER BY name_key, id
LIMIT $5;

-- What a customer's export reads besides what lists read: $2 the customer, $3, $4 the last row of the page before, or
-- NULL, $5 how many. Newest first.

-- name: control_export_referrals
-- On either side. Who stands on the other is another person's.
SELECT f.redemption_id AS id, f.program_id, f.status, f.created_at,
    CASE WHEN f.referrer_id = $2 THEN 'referrer' ELSE 'referee' END AS side
FROM referrals f
WHERE f.project_id = $1 AND (f.referrer_id = $2 OR f.referee_id = $2)
    AND (f.created_at, f.redemption_id) < (COALESCE($3::timestamptz, 'infinity'), COALESCE($4::text, ''))
ORDER BY f.created_at DESC, f.redemption_id DESC
LIMIT $5;

-- name: control_export_events
SELECT e.type || ' ' || e.id AS id, e.id AS event_id, e.type, e.order_id, e.effect, e.occurred_at, e.created_at
FROM customer_events e
WHERE e.project_id = $1 AND e.customer_id = $2
    AND (e.created_at, e.type || ' ' || e.id) < (COALESCE($3::timestamptz, 'infinity'), COALESCE($4::text, ''))
ORDER BY e.created_at DESC, e.type || ' ' || e.id DESC
LIMIT $5;

-- name: control_knows_customer
SELECT knows_customer($1, $2);

-- name: control_erasure_under_way
SELECT id FROM async_actions
WHERE project_id = $1 AND status IN ('queued', 'running') AND type = $2 AND params ->> 'customer_id' = $3;

-- name: control_forget_params
-- What is done needs to know no more whose it was.
UPDATE async_actions SET params = '{}' WHERE project_id = $1 AND id = $2;

-- name: control_settled
-- How far the ledger of shard $1 is.
SELECT epoch, entry_ms, entry_seq FROM stream_positions WHERE shard = $1;

-- name: control_sweep_answers
SELECT forget_old_answers($1);
