-- Vouchers as the control plane writes and shows them. `used` is what the ledger has counted, `inherited_limit` what
-- the campaign allows each code; the counter's name is spelled as domain/definitions.py does. It is read by a query of
-- its own and never joined: row security lets no function of another row's columns near an index, not even ||, and a
-- join would read all of the project's counters for one page.

-- fragment: voucher_rows
SELECT v.id, v.code, v.code AS search_key, v.campaign_id, v.customer_id, v.status, v.version, v.rules,
    v.metadata::text AS metadata, v.counts_customers_since, v.created_at, v.updated_at,
    COALESCE((SELECT k.used FROM counters k WHERE k.project_id = v.project_id AND k.id = 'r:' || v.id), 0) AS used,
    (c.rules ->> 'max_redemptions_per_code')::bigint AS inherited_limit
FROM vouchers v
LEFT JOIN campaigns c ON c.project_id = v.project_id AND c.id = v.campaign_id

-- fragment: vouchers_as_asked
-- $2 status, or NULL for all that are not archived; $3, $4: the last row of the page before, or NULL; $5 how many rows;
-- $6 since, or NULL. Newest first.
    AND (v.status = $2 OR $2::text IS NULL AND v.status <> 'archived')
    AND v.created_at >= COALESCE($6::timestamptz, '-infinity')
    AND (v.created_at, v.id) < (COALESCE($3::timestamptz, 'infinity'), COALESCE($4::text, ''))
ORDER BY v.created_at DESC, v.id DESC
LIMIT $5

-- name: control_insert_voucher
-- No row comes back where the code is taken, by whatever.
INSERT INTO vouchers (project_id, id, campaign_id, code, rules, metadata, counts_customers_since, customer_id)
SELECT $1::text, $2::text, $3::text, $4::text, $5::jsonb, $6::text::jsonb, $7::bigint, $8::text
WHERE NOT EXISTS (SELECT FROM codes WHERE project_id = $1 AND code = $4)
ON CONFLICT (project_id, code) DO NOTHING
RETURNING id;

-- name: control_voucher
-- By $2, its id, or else by $3, its code.
-- use: voucher_rows
WHERE v.project_id = $1 AND (v.id = $2 OR v.code = $3)
ORDER BY v.id = $2 DESC
LIMIT 1;

-- name: control_lock_voucher
-- Changes of one voucher are made one after another.
SELECT id FROM vouchers WHERE project_id = $1 AND id = $2 FOR UPDATE;

-- name: control_update_voucher
UPDATE vouchers
SET status = $3, version = $4, rules = $5, metadata = $6::text::jsonb, counts_customers_since = $7,
    customer_id = $8, is_passed_over = false, updated_at = now()
WHERE project_id = $1 AND id = $2;

-- name: control_vouchers
-- But for those that are archived.
-- use: voucher_rows
WHERE v.project_id = $1 AND v.status <> 'archived'
-- use: vouchers_as_asked
;

-- name: control_vouchers_set_aside
-- Of status $2, which is anything but active; in campaign $7 or NULL.
-- use: voucher_rows
WHERE v.project_id = $1 AND v.status = $2 AND v.status <> 'active' AND ($7::text IS NULL OR v.campaign_id = $7)
-- use: vouchers_as_asked
;

-- name: control_vouchers_of_campaign
-- The same of campaign $7: a list of its own, so that it walks the campaign's index.
-- use: voucher_rows
WHERE v.project_id = $1 AND v.campaign_id = $7
-- use: vouchers_as_asked
;

-- name: control_vouchers_of_customer
-- The same of those that were given to customer $8, in campaign $7 or NULL.
-- use: voucher_rows
WHERE v.project_id = $1 AND ($7::text IS NULL OR v.campaign_id = $7) AND v.customer_id = $8
-- use: vouchers_as_asked
;

-- name: control_search_vouchers
-- By the beginning of the code; $6 status, $7 campaign, $8 customer, $9 since, $10 until, or NULL.
-- use: voucher_rows
WHERE v.project_id = $1 AND v.code >= $2 AND v.code < $2 || chr(1114111) AND v.code > $3 AND $4 >= ''
    AND (v.status = $6 OR $6::text IS NULL AND v.status <> 'archived') AND ($7::text IS NULL OR v.campaign_id = $7)
    AND ($8::text IS NULL OR v.customer_id = $8) AND v.created_at >= COALESCE($9::timestamptz, '-infinity')
    AND v.created_at < COALESCE($10::timestamptz, 'infinity')
ORDER BY v.code
LIMIT $5;

-- name: control_lock_codes_of_campaign
-- Nobody else counts $2's codes until this ends. Codes may be made meanwhile: they were counted when they were ordered.
SELECT id FROM campaigns WHERE project_id = $1 AND id = $2 FOR NO KEY UPDATE;

-- name: control_count_codes_of_campaign
-- $2 the campaign's, and those that its batches (of type $3) are still to make; counted up to $4.
SELECT (SELECT count(*) FROM (SELECT FROM vouchers WHERE project_id = $1 AND campaign_id = $2 LIMIT $4) v)
    + (SELECT COALESCE(sum(total_count - done_count - failed_count), 0) FROM async_actions
        WHERE project_id = $1 AND status IN ('queued', 'running') AND type = $3 AND params ->> 'campaign_id' = $2);

-- name: control_taken_codes
-- Those of $2 that lead to something already.
SELECT code FROM codes WHERE project_id = $1 AND code = ANY($2::text[]);

-- name: control_import_vouchers
-- Columns of rows whose codes are free; a code that was taken this very moment fails the chunk, which is made again.
INSERT INTO vouchers (project_id, id, campaign_id, code, rules, metadata, counts_customers_since, customer_id)
SELECT $1, n.id, n.campaign_id, n.code, n.rules::jsonb, n.metadata::jsonb, n.since, n.customer_id
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[])
    AS n (id, campaign_id, code, rules, metadata, since, customer_id);
