-- The ledger as the engine reads it.

-- name: redemptions_by_id
-- $1 project, $2 ids. `body` is the event, from which the first answer is rebuilt; `rollbacks` are the events of its
-- rollbacks, in order, and `rollback_times_ms` their times. A whole one of before revisions has left only its time.
-- `balances` are [number of the line from 0, what its card had left then] of the cards that paid: minor units, or points.
SELECT r.id, r.body, r.fingerprint, (extract(epoch FROM r.created_at) * 1000)::bigint AS created_ms,
    (extract(epoch FROM r.rolled_back_at) * 1000)::bigint AS rolled_back_ms, r.status, r.revision, r.refunded_minor,
    b.rollbacks, b.rollback_times_ms, c.balances
FROM redemptions r
CROSS JOIN LATERAL (
    SELECT COALESCE(array_agg(b.body ORDER BY b.revision), '{}') AS rollbacks,
        COALESCE(array_agg((extract(epoch FROM b.created_at) * 1000)::bigint ORDER BY b.revision), '{}')
            AS rollback_times_ms
    FROM redemption_rollbacks b WHERE b.project_id = r.project_id AND b.redemption_id = r.id) AS b
CROSS JOIN LATERAL (
    SELECT COALESCE(jsonb_agg(jsonb_build_array(e.line_no - 1, e.left_over)), '[]') AS balances
    FROM (
        SELECT g.line_no, g.balance_minor AS left_over FROM gift_card_entries g
        WHERE g.project_id = r.project_id AND g.redemption_id = r.id AND g.type = 'spend'
        UNION ALL
        SELECT l.line_no, min(l.available) FROM loyalty_entries l
        WHERE l.project_id = r.project_id AND l.redemption_id = r.id AND l.type = 'spend'
        GROUP BY l.line_no) AS e) AS c
WHERE r.project_id = $1 AND r.id = ANY($2::text[]);

-- name: redemptions_by_order
-- $1 project, $2 order keys. The newest redemption of each that was not rolled back whole.
SELECT DISTINCT ON (r.order_key) r.order_key, r.id, r.body, r.fingerprint,
    (extract(epoch FROM r.created_at) * 1000)::bigint AS created_ms
FROM redemptions r
WHERE r.project_id = $1 AND r.order_key = ANY($2::bytea[]) AND r.status <> 'rolled_back'
ORDER BY r.order_key, r.created_at DESC, r.id DESC;

-- name: reservations_by_id
-- $1 project, $2 ids. `body` is the newest Reserved event; empty (and then not to be shown) where only its end is known.
-- One that is 'held' and past expires_ms has expired.
SELECT id, body, status, session, tag, revision, redemption_id,
    (extract(epoch FROM expires_at) * 1000)::bigint AS expires_ms,
    (extract(epoch FROM created_at) * 1000)::bigint AS created_ms
FROM reservations
WHERE project_id = $1 AND id = ANY($2::text[]);

-- name: live_holds
-- $1 project, $2 counters. What is held of them, for hydration: a little more than what is live, because it is the
-- script's clock that decides.
SELECT counter_id, tag, amount, (extract(epoch FROM expires_at) * 1000)::bigint AS expires_ms, reservation_id
FROM reservation_holds
WHERE project_id = $1 AND counter_id = ANY($2::text[]) AND expires_at > now() - interval '1 minute'
ORDER BY counter_id, tag;

-- name: unaccounted_epochs
-- $1 shard, $2 project. For how many lost epochs this project's counters keep units back.
SELECT count(*) FROM epochs e
WHERE e.shard = $1 AND e.unaccounted IS NOT NULL AND NOT (e.unaccounted = 'workers' AND EXISTS (
    SELECT FROM projects p
    WHERE p.id = $2 AND e.closed_at + make_interval(secs => p.release_withheld_after_s) <= now()));
