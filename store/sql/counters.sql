-- Moving counters takes two statements. An upsert would be wrong: PostgreSQL checks the row that ON CONFLICT proposes
-- before it looks for the conflict, so a batch that returns more than it grants would be refused by
-- counters_return_only_what_was_granted although the row it leads to is sound.

-- name: ensure_child_counters
-- $1 project ids, $2 counter ids, $3 template ids. Children that are not there yet, with their template's limit and
-- ceiling, and a raised ceiling for those that are: only ever raised, NULL (unlimited) being the highest.
INSERT INTO counters AS c (project_id, id, kind, parent_id, limit_value, ceiling)
SELECT DISTINCT ON (t.project_id, m.id) t.project_id, m.id,
    CASE t.kind WHEN 'customer_family' THEN 'customer' WHEN 'points_family' THEN 'points' ELSE 'redemptions' END,
    t.id, t.limit_value, t.ceiling
FROM unnest($1::text[], $2::text[], $3::text[]) AS m (project_id, id, parent_id)
JOIN counters t ON t.project_id = m.project_id AND t.id = m.parent_id
    AND t.kind IN ('customer_family', 'code_family', 'points_family')
ORDER BY t.project_id, m.id
ON CONFLICT (project_id, id) DO UPDATE SET ceiling = excluded.ceiling, limit_value = excluded.limit_value
WHERE c.ceiling < excluded.ceiling OR (c.ceiling IS NOT NULL AND excluded.ceiling IS NULL);

-- name: move_counters
-- $1 project ids, $2 counter ids, $3 granted, $4 returned, $5 quarantined (signed): one element per counter, summed
-- by the caller. As many rows come back as there are counters that exist; fewer than sent is an integrity error.
UPDATE counters c
SET granted = c.granted + m.granted, returned = c.returned + m.returned, quarantined = c.quarantined + m.quarantined
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
    AS m (project_id, id, granted, returned, quarantined)
WHERE c.project_id = m.project_id AND c.id = m.id
RETURNING c.project_id, c.id;
