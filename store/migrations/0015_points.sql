-- How points come onto a loyalty card and off it: functions of the role vauchflow_cards, like those of gift cards.

-- A customer's card in a program. No row where the customer has one there already, or the code is taken.
CREATE FUNCTION issue_loyalty_card(project text, id text, program text, code text, customer text, metadata jsonb)
RETURNS SETOF text
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    INSERT INTO loyalty_cards (project_id, id, program_id, code, customer_id, metadata)
    SELECT issue_loyalty_card.project, issue_loyalty_card.id, issue_loyalty_card.program, issue_loyalty_card.code,
        issue_loyalty_card.customer, issue_loyalty_card.metadata
    WHERE NOT EXISTS (SELECT FROM codes c
        WHERE c.project_id = issue_loyalty_card.project AND c.code = issue_loyalty_card.code)
    ON CONFLICT DO NOTHING
    RETURNING loyalty_cards.id;
END;

-- What of a lot's steps has come at a time, less what was spent of it: nothing once it has expired.
CREATE FUNCTION points_available(lot loyalty_lots, at_ms bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp
RETURN CASE WHEN lot.expires_ms = 0 OR lot.expires_ms > at_ms THEN greatest(0, (
    SELECT COALESCE(sum((s.step ->> 1)::bigint), 0) FROM jsonb_array_elements(lot.steps) AS s (step)
    WHERE (s.step ->> 0)::bigint <= at_ms)::bigint - lot.spent) ELSE 0 END;

-- One entry on one lot, and the card's numbers; the caller holds the card's row, and has changed the lot.
CREATE FUNCTION post_points(project text, card text, lot_ms bigint, lot_from_ms bigint, kind text, amount bigint,
    cause text, why text, by text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    held loyalty_cards;
BEGIN
    UPDATE loyalty_cards c SET points = c.points + amount, entry_count = c.entry_count + 1
    WHERE c.project_id = project AND c.id = card RETURNING c.* INTO STRICT held;
    INSERT INTO loyalty_entries (project_id, card_id, entry_no, type, points, expires_ms, from_ms, balance, available,
        source, reason, actor)
    SELECT project, card, held.entry_count, kind, amount, lot_ms, lot_from_ms, held.points,
        (SELECT COALESCE(sum(points_available(l, (extract(epoch FROM now()) * 1000)::bigint)), 0)
            FROM loyalty_lots l WHERE l.project_id = project AND l.card_id = card), cause, why, by;
END $$;

-- Points, `kind` earn or adjust, that can be spent from `from_ms` until before `expires_ms` (0: for ever). What is owed
-- is paid first: `paid` of them. No row: there is no such card. The caller stages the card's new version.
CREATE FUNCTION add_points(project text, card text, lot_ms bigint, from_ms bigint, amount bigint, kind text,
    cause text, why text, by text)
RETURNS TABLE (version bigint, paid bigint, owed bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    held loyalty_cards;
    paying bigint;
    kept jsonb;
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
        PERFORM take_from_lot(project, card, lot_ms, paying);
        PERFORM post_points(project, card, lot_ms, NULL, 'take_back', -paying, cause, 'owed', by);
    END IF;
    RETURN QUERY SELECT held.version, paying, held.owed;
END $$;

-- Points off a lot: from the steps that come last, so that what has come covers what was spent as it did.
CREATE FUNCTION take_from_lot(project text, card text, lot_ms bigint, amount bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    UPDATE loyalty_lots l
    SET earned = l.earned - take_from_lot.amount,
        steps = (SELECT COALESCE(jsonb_agg(jsonb_build_array(s.since_ms, s.points) ORDER BY s.since_ms)
            FILTER (WHERE s.points > 0), '[]') FROM (
            SELECT (e.step ->> 0)::bigint AS since_ms, (e.step ->> 1)::bigint - greatest(0, least((e.step ->> 1)::bigint,
                take_from_lot.amount - COALESCE(sum((e.step ->> 1)::bigint) OVER (ORDER BY (e.step ->> 0)::bigint DESC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))) AS points
            FROM jsonb_array_elements(l.steps) AS e (step)) AS s)
    WHERE l.project_id = take_from_lot.project AND l.card_id = take_from_lot.card
        AND l.expires_ms = take_from_lot.lot_ms;
END;

-- Points taken back, as `kind` says: take_back (of what was earned, for its tier too) or adjust. First from the lot
-- `first_lot_ms`, even if it has expired: they were earned there; then from those that expire first. What had been spent
-- already is owed where `may_owe`; else no more is taken than could be spent now. No row: there is no such card.
CREATE FUNCTION take_back_points(project text, card text, amount bigint, kind text, first_lot_ms bigint,
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
        part := least(rest, CASE WHEN may_owe THEN lot.earned - lot.spent ELSE points_available(lot, at_ms) END);
        CONTINUE WHEN part <= 0;
        PERFORM take_from_lot(project, card, lot.expires_ms, part);
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

-- What redemptions spent of lots, or with points below 0 got back: in the order given.
CREATE FUNCTION post_loyalty_spends(project_ids text[], card_ids text[], lots_ms bigint[], amounts bigint[],
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
    SELECT p.project_id, p.id, c.entry_count - p.later_entries, CASE WHEN p.amount > 0 THEN 'spend' ELSE 'refund' END,
        -p.amount, p.lot_ms, c.points + p.later_points, greatest(0, (
            SELECT COALESCE(sum(points_available(l, p.at_ms)), 0) FROM loyalty_lots l
            WHERE l.project_id = p.project_id AND l.card_id = p.id) + p.later_points),
        p.redemption_id, p.line_no, p.at
    FROM (SELECT a.*, (extract(epoch FROM a.at) * 1000)::bigint AS at_ms, count(*) OVER later AS later_entries,
            COALESCE(sum(a.amount) OVER later, 0) AS later_points
        FROM unnest(project_ids, card_ids, lots_ms, amounts, redemption_ids, line_nos, times) WITH ORDINALITY
            AS a (project_id, id, lot_ms, amount, redemption_id, line_no, at, place)
        WINDOW later AS (PARTITION BY a.project_id, a.id ORDER BY a.place
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)) AS p
    JOIN loyalty_cards c ON c.project_id = p.project_id AND c.id = p.id;
END $$;

SELECT give_to_cards(name, 'vauchflow_app') FROM unnest('{issue_loyalty_card,add_points,take_back_points}'::name[]) AS name;
SELECT give_to_cards('post_loyalty_spends', 'vauchflow_reconciler');
SELECT give_to_cards(name, NULL) FROM unnest('{points_available,post_points,take_from_lot}'::name[]) AS name;
