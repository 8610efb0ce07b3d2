-- Numbers of the day, from what the ledger has summed already. $2 the day in UTC.

-- name: control_overview
SELECT
    (SELECT count(*) FROM campaigns c WHERE c.project_id = $1 AND c.status = 'active'
        AND NOT (c.rules ? 'expires_ms' AND (c.rules ->> 'expires_ms')::bigint <= $3)) AS active_campaigns,
    COALESCE(u.redemptions, 0) AS redemptions_today,
    COALESCE(u.rollbacks, 0) AS rollbacks_today,
    COALESCE(u.discount_minor, 0) AS discount_today_minor
FROM (VALUES (true)) AS one
LEFT JOIN usage_daily u ON u.project_id = $1 AND u.day = $2::date;

-- name: control_top_code
-- Of the day's last $3 redemptions: counting more would cost more than the number is worth.
SELECT l.code
FROM (
    SELECT r.project_id, r.id FROM redemptions r
    WHERE r.project_id = $1 AND r.created_at >= $2 AND r.status = 'redeemed'
    ORDER BY r.created_at DESC, r.id DESC
    LIMIT $3
) AS latest
JOIN redemption_lines l ON l.project_id = latest.project_id AND l.redemption_id = latest.id
GROUP BY l.code
ORDER BY count(*) DESC, l.code
LIMIT 1;
