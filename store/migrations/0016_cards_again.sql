-- Cards once more: what a session's temporary tables must not stand before, what is taken off a card by hand, and what
-- entries cost on a card that is years old.

-- A function that fires within one of another role's runs as that role. A temporary table of a caller's own, with a
-- trigger on it, would run as vauchflow_cards if it were found before the real one.
ALTER FUNCTION register_codes() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION refuse_changes() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION check_referrals() SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION referral_facts(text, text, text, text, text[], bytea[], text)
    SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION allow_rows(regclass, name, text[], text) SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION give_to_cards(name, name) SET search_path = pg_catalog, public, pg_temp;

-- Points off a lot: from the steps that come last, so that what has come covers what was spent as it did; or first from
-- those that have come by `come_by_ms`.
DROP FUNCTION take_from_lot(text, text, bigint, bigint);
CREATE FUNCTION take_from_lot(project text, card text, lot_ms bigint, amount bigint, come_by_ms bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    UPDATE loyalty_lots l
    SET earned = l.earned - take_from_lot.amount,
        steps = (SELECT COALESCE(jsonb_agg(jsonb_build_array(s.since_ms, s.points) ORDER BY s.since_ms)
            FILTER (WHERE s.points > 0), '[]') FROM (
            SELECT n.since_ms, n.points - greatest(0, least(n.points, take_from_lot.amount - COALESCE(sum(n.points)
                OVER (ORDER BY (n.since_ms <= take_from_lot.come_by_ms) DESC NULLS LAST, n.since_ms DESC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))) AS points
            FROM (SELECT (e.step ->> 0)::bigint AS since_ms, (e.step ->> 1)::bigint AS points
                FROM jsonb_array_elements(l.steps) AS e (step)) AS n) AS s)
    WHERE l.project_id = take_from_lot.project AND l.card_id = take_from_lot.card
        AND l.expires_ms = take_from_lot.lot_ms;
END;
SELECT give_to_cards('take_from_lot', NULL);

-- As before, but for how much could be spent then: of lots that have expired there is nothing to be asked.
CREATE OR REPLACE FUNCTION post_points(project text, card text, lot_ms bigint, lot_from_ms bigint, kind text,
    amount bigint, cause text, why text, by text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    held loyalty_cards;
    at_ms bigint := (extract(epoch FROM now()) * 1000)::bigint;
BEGIN
    UPDATE loyalty_cards c SET points = c.points + amount, entry_count = c.entry_count + 1
    WHERE c.project_id = project AND c.id = card RETURNING c.* INTO STRICT held;
    INSERT INTO loyalty_entries (project_id, card_id, entry_no, type, points, expires_ms, from_ms, balance, available,
        source, reason, actor)
    SELECT project, card, held.entry_count, kind, amount, lot_ms, lot_from_ms, held.points,
        (SELECT COALESCE(sum(points_available(l, at_ms)), 0) FROM loyalty_lots l
            WHERE l.project_id = project AND l.card_id = card AND (l.expires_ms = 0 OR l.expires_ms > at_ms)),
        cause, why, by;
END $$;

-- As before, but for the steps that points are taken from.
CREATE OR REPLACE FUNCTION add_points(project text, card text, lot_ms bigint, from_ms bigint, amount bigint, kind text,
    cause text, why text, by text)
RETURNS TABLE (version bigint, paid bigint, owed bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    held loyalty_cards;
    paying bigint;
BEGIN
    IF add_points.amount <= 0 OR add_points.kind NOT IN ('earn', 'adjust') THEN
        RAISE EXCEPTION 'no points to add' USING ERRCODE = 'check_violation';
    END IF;
    SELECT c.* INTO held FROM loyalty_cards c WHERE c.project_id = project AND c.id = card FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    paying := least(held.owed, add_points.amount);
    INSERT INTO loyalty_lots AS l (project_id, card_id, expires_ms, steps, earned)
    VALUES (project, card, lot_ms, jsonb_build_array(jsonb_build_array(add_points.from_ms, add_points.amount)),
        add_points.amount)
    ON CONFLICT (project_id, card_id, expires_ms) DO UPDATE SET earned = l.earned + excluded.earned,
        steps = (SELECT jsonb_agg(jsonb_build_array(s.since_ms, s.points) ORDER BY s.since_ms) FROM (
            -- Steps that have come a day ago have come by any clock: they are one, or their number would grow for ever.
            SELECT CASE WHEN (e.step ->> 0)::bigint < extract(epoch FROM now() - interval '1 day') * 1000 THEN 0
                ELSE (e.step ->> 0)::bigint END AS since_ms, sum((e.step ->> 1)::bigint) AS points
            FROM jsonb_array_elements(l.steps || excluded.steps) AS e (step) GROUP BY 1) AS s);
    UPDATE loyalty_cards c SET version = c.version + 1, owed = c.owed - paying, updated_at = now(),
        earned_total = c.earned_total + CASE add_points.kind WHEN 'earn' THEN add_points.amount ELSE 0 END
    WHERE c.project_id = project AND c.id = card RETURNING c.* INTO held;
    PERFORM post_points(project, card, lot_ms, add_points.from_ms, add_points.kind, add_points.amount, cause, why, by);
    IF paying > 0 THEN
        PERFORM take_from_lot(project, card, lot_ms, paying, NULL);
        PERFORM post_points(project, card, lot_ms, NULL, 'take_back', -paying, cause, 'owed', by);
    END IF;
    RETURN QUERY SELECT held.version, paying, held.owed;
END $$;

-- As before; but by hand what could be spent now is taken, and not what is still to come.
CREATE OR REPLACE FUNCTION take_back_points(project text, card text, amount bigint, kind text, first_lot_ms bigint,
    may_owe boolean, cause text, why text, by text)
RETURNS TABLE (taken bigint, version bigint, owed bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    held loyalty_cards;
    lot loyalty_lots;
    at_ms bigint := (extract(epoch FROM now()) * 1000)::bigint;
    part bigint;
    rest bigint := take_back_points.amount;
BEGIN
    IF take_back_points.amount <= 0 OR take_back_points.kind NOT IN ('take_back', 'adjust') THEN
        RAISE EXCEPTION 'no points to take back' USING ERRCODE = 'check_violation';
    END IF;
    PERFORM FROM loyalty_cards c WHERE c.project_id = project AND c.id = card FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    FOR lot IN SELECT l.* FROM loyalty_lots l WHERE l.project_id = project AND l.card_id = card
        AND (l.expires_ms = 0 OR l.expires_ms > at_ms OR (may_owe AND l.expires_ms = first_lot_ms))
        ORDER BY l.expires_ms IS DISTINCT FROM first_lot_ms, l.expires_ms = 0, l.expires_ms FOR UPDATE
    LOOP
        EXIT WHEN rest = 0;
        part := least(rest, CASE WHEN may_owe THEN lot.earned - lot.spent ELSE points_available(lot, at_ms) END);
        CONTINUE WHEN part <= 0;
        PERFORM take_from_lot(project, card, lot.expires_ms, part, CASE WHEN may_owe THEN NULL ELSE at_ms END);
        PERFORM post_points(project, card, lot.expires_ms, NULL, take_back_points.kind, -part, cause, why, by);
        rest := rest - part;
    END LOOP;
    UPDATE loyalty_cards c SET version = c.version + 1, updated_at = now(),
        owed = c.owed + CASE WHEN may_owe THEN rest ELSE 0 END,
        earned_total = CASE take_back_points.kind WHEN 'take_back'
            THEN greatest(0, c.earned_total - take_back_points.amount) ELSE c.earned_total END
    WHERE c.project_id = project AND c.id = card RETURNING c.* INTO held;
    RETURN QUERY SELECT take_back_points.amount - rest, held.version, held.owed;
END $$;

-- As before, but that what could be spent is asked once for each card and time, and of no lot that has expired.
CREATE OR REPLACE FUNCTION post_loyalty_spends(project_ids text[], card_ids text[], lots_ms bigint[], amounts bigint[],
    redemption_ids text[], line_nos int[], times timestamptz[])
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    wanted bigint;
    moved bigint;
BEGIN
    PERFORM FROM (SELECT DISTINCT u.project_id, u.id FROM unnest(project_ids, card_ids) AS u (project_id, id)) AS a
    JOIN loyalty_cards c ON c.project_id = a.project_id AND c.id = a.id
    ORDER BY c.project_id, c.id FOR UPDATE OF c;
    SELECT count(DISTINCT (a.project_id, a.id, a.lot_ms)) INTO wanted
    FROM unnest(project_ids, card_ids, lots_ms) AS a (project_id, id, lot_ms);
    UPDATE loyalty_lots l SET spent = l.spent + s.amount
    FROM (SELECT a.project_id, a.id, a.lot_ms, sum(a.amount)::bigint AS amount
        FROM unnest(project_ids, card_ids, lots_ms, amounts) AS a (project_id, id, lot_ms, amount)
        GROUP BY a.project_id, a.id, a.lot_ms) AS s
    WHERE l.project_id = s.project_id AND l.card_id = s.id AND l.expires_ms = s.lot_ms;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> wanted THEN
        RAISE EXCEPTION 'points of a loyalty card are not in the ledger' USING ERRCODE = 'foreign_key_violation';
    END IF;
    UPDATE loyalty_cards c SET points = c.points - s.amount, entry_count = c.entry_count + s.entries
    FROM (SELECT a.project_id, a.id, sum(a.amount)::bigint AS amount, count(*) AS entries
        FROM unnest(project_ids, card_ids, amounts) AS a (project_id, id, amount)
        GROUP BY a.project_id, a.id) AS s
    WHERE c.project_id = s.project_id AND c.id = s.id;
    INSERT INTO loyalty_entries (project_id, card_id, entry_no, type, points, expires_ms, balance, available,
        redemption_id, line_no, created_at)
    WITH posted AS MATERIALIZED (
        SELECT a.*, (extract(epoch FROM a.at) * 1000)::bigint AS at_ms, count(*) OVER later AS later_entries,
            COALESCE(sum(a.amount) OVER later, 0) AS later_points
        FROM unnest(project_ids, card_ids, lots_ms, amounts, redemption_ids, line_nos, times) WITH ORDINALITY
            AS a (project_id, id, lot_ms, amount, redemption_id, line_no, at, place)
        WINDOW later AS (PARTITION BY a.project_id, a.id ORDER BY a.place
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
    ), left_over AS MATERIALIZED (
        SELECT t.project_id, t.id, t.at_ms, (
            SELECT COALESCE(sum(points_available(l, t.at_ms)), 0) FROM loyalty_lots l
            WHERE l.project_id = t.project_id AND l.card_id = t.id AND (l.expires_ms = 0 OR l.expires_ms > t.at_ms)
            ) AS available
        FROM (SELECT DISTINCT p.project_id, p.id, p.at_ms FROM posted p) AS t
    )
    SELECT p.project_id, p.id, c.entry_count - p.later_entries, CASE WHEN p.amount > 0 THEN 'spend' ELSE 'refund' END,
        -p.amount, p.lot_ms, c.points + p.later_points, greatest(0, o.available + p.later_points),
        p.redemption_id, p.line_no, p.at
    FROM posted p
    JOIN loyalty_cards c ON c.project_id = p.project_id AND c.id = p.id
    JOIN left_over o ON o.project_id = p.project_id AND o.id = p.id AND o.at_ms = p.at_ms;
END $$;
