-- Personal data: who a customer was can be taken out of everything that is kept, for good. The role vauchflow_eraser,
-- as which nobody logs in, owns the functions that do it. They take a project, a customer and how much to do at once,
-- and no contents: whoever may call them can erase a person, and can change the ledger in no other way. Only columns
-- that may tell of a person are the role's to write, and only within the project that the caller has named.

GRANT EXECUTE ON FUNCTION app_project_id() TO vauchflow_eraser;

SELECT allow_rows(name::regclass, 'vauchflow_eraser', commands, 'project') FROM (VALUES
    ('redemptions',
        '{SELECT,"UPDATE (customer_id, idempotency_key, fingerprint, order_id, order_key, body)"}'::text[]),
    ('redemption_lines', '{SELECT,"UPDATE (moves)"}'),
    ('redemption_rollbacks', '{SELECT,"UPDATE (idempotency_key, fingerprint, body, moves)"}'),
    ('receipts', '{SELECT,"UPDATE (salt)"}'),
    ('reservations', '{SELECT,DELETE}'),
    ('reservation_holds', '{SELECT,DELETE}'),
    ('counters', '{SELECT,DELETE}'),
    ('referrals', '{SELECT,"UPDATE (referrer_id, referee_id)"}'),
    ('referral_rewards', '{SELECT,"UPDATE (customer_id)"}'),
    ('referral_codes', '{SELECT,"UPDATE (customer_id, status, version, updated_at)"}'),
    ('referee_identities', '{SELECT,DELETE}'),
    ('referrer_identities', '{SELECT,DELETE}'),
    ('customer_events', '{SELECT,"UPDATE (customer_id, order_id)"}'),
    ('paid_orders', '{SELECT,"UPDATE (customer_id)"}'),
    ('loyalty_cards', '{SELECT,"UPDATE (customer_id, status, metadata, version, updated_at)"}'),
    ('customers', '{SELECT,DELETE}'),
    ('outbox', '{SELECT,DELETE}'),
    ('audit_log', '{SELECT,"UPDATE (object_id, before, after)"}'),
    ('idempotency_keys', '{SELECT,"UPDATE (status, body, fingerprint)"}'),
    ('async_actions', '{SELECT,"UPDATE (params, failures)"}'),
    ('quarantine', '{SELECT,"UPDATE (payload, detail, counted_moves)"}')
) AS t (name, commands);

-- What a shop deletes, with all that it has said of the customer; the ledger stays.
SELECT allow_rows('customers', 'vauchflow_app', '{DELETE}', 'project');

-- What a customer's own part of the audit log is found by.
CREATE INDEX audit_log_of_customers ON audit_log (project_id, object_id) WHERE object = 'customer';

-- give_to_eraser('erase_events', 'vauchflow_app'): as give_to_cards has it.
CREATE FUNCTION give_to_eraser(function_name name, caller name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    wanted regprocedure := (
        SELECT p.oid FROM pg_proc p WHERE p.proname = function_name AND p.pronamespace = 'public'::regnamespace);
BEGIN
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', wanted);
    IF caller IS NOT NULL THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', wanted, caller);
    END IF;
    GRANT CREATE ON SCHEMA public TO vauchflow_eraser;
    EXECUTE format('ALTER FUNCTION %s OWNER TO vauchflow_eraser', wanted);
    REVOKE CREATE ON SCHEMA public FROM vauchflow_eraser;
END $$;
REVOKE ALL ON FUNCTION give_to_eraser(name, name) FROM PUBLIC;

-- MessagePack, as far as events need it (https://github.com/msgpack/msgpack/blob/master/spec.md): the events that the
-- ledger keeps are made blank here, and not by who asks for it. Positions count from 0. What runs within functions of
-- the role needs no search path of its own.

-- Where the value that begins at a position ends.
CREATE FUNCTION packed_end(packed bytea, since int) RETURNS int
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    place int := since;
    waiting int := 1; -- values that are still to come
    head int;
BEGIN
    WHILE waiting > 0 LOOP
        waiting := waiting - 1;
        head := get_byte(packed, place);
        IF head < 128 OR head >= 224 OR head IN (192, 194, 195) THEN -- a small number, nil, false, true
            place := place + 1;
        ELSIF head < 144 THEN -- a map
            waiting := waiting + 2 * (head - 128);
            place := place + 1;
        ELSIF head < 160 THEN -- an array
            waiting := waiting + head - 144;
            place := place + 1;
        ELSIF head < 192 THEN -- a string
            place := place + 1 + head - 160;
        ELSIF head IN (196, 217) THEN -- bytes or a string, its length in one byte
            place := place + 2 + get_byte(packed, place + 1);
        ELSIF head IN (197, 218) THEN -- ... in two
            place := place + 3 + packed_number(packed, place + 1, 2);
        ELSIF head IN (198, 219) THEN -- ... in four
            place := place + 5 + packed_number(packed, place + 1, 4);
        ELSIF head IN (204, 208) THEN -- numbers
            place := place + 2;
        ELSIF head IN (205, 209) THEN
            place := place + 3;
        ELSIF head IN (202, 206, 210) THEN
            place := place + 5;
        ELSIF head IN (203, 207, 211) THEN
            place := place + 9;
        ELSIF head IN (220, 221) THEN -- longer arrays
            waiting := waiting + packed_number(packed, place + 1, CASE head WHEN 220 THEN 2 ELSE 4 END);
            place := place + CASE head WHEN 220 THEN 3 ELSE 5 END;
        ELSIF head IN (222, 223) THEN -- longer maps
            waiting := waiting + 2 * packed_number(packed, place + 1, CASE head WHEN 222 THEN 2 ELSE 4 END);
            place := place + CASE head WHEN 222 THEN 3 ELSE 5 END;
        ELSE
            RAISE EXCEPTION 'an event holds a value of type %', head USING ERRCODE = 'data_exception';
        END IF;
    END LOOP;
    RETURN place;
END $$;

CREATE FUNCTION packed_number(packed bytea, since int, size int) RETURNS int
LANGUAGE sql IMMUTABLE
RETURN CASE size WHEN 2 THEN (get_byte(packed, since) << 8) + get_byte(packed, since + 1)
    ELSE (get_byte(packed, since) << 24) + (get_byte(packed, since + 1) << 16) + (get_byte(packed, since + 2) << 8)
        + get_byte(packed, since + 3) END;

-- Where each element of the array at a position begins, and where the last one ends; NULL where there is no array.
CREATE FUNCTION packed_elements(packed bytea, since int) RETURNS int[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    head int := get_byte(packed, since);
    size int;
    place int;
    places int[];
BEGIN
    IF head BETWEEN 144 AND 159 THEN
        size := head - 144;
        place := since + 1;
    ELSIF head IN (220, 221) THEN
        size := packed_number(packed, since + 1, CASE head WHEN 220 THEN 2 ELSE 4 END);
        place := since + CASE head WHEN 220 THEN 3 ELSE 5 END;
    ELSE
        RETURN NULL;
    END IF;
    places := array_fill(place, ARRAY[1]);
    FOR number IN 1..size LOOP
        place := packed_end(packed, place);
        places := places || place;
    END LOOP;
    RETURN places;
END $$;

-- An array of these elements, each packed already.
CREATE FUNCTION packed_array(elements bytea[]) RETURNS bytea
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN cardinality(elements) < 16 THEN set_byte('\x00', 0, 144 + cardinality(elements))
    ELSE '\xdc'::bytea || substring(int4send(cardinality(elements)) FROM 3) END
    || COALESCE((SELECT string_agg(e.element, ''::bytea ORDER BY e.place)
        FROM unnest(elements) WITH ORDINALITY AS e (element, place)), ''::bytea);

-- The text at a position, NULL for anything else.
CREATE FUNCTION packed_text(packed bytea, since int) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN get_byte(packed, since) BETWEEN 160 AND 191
        THEN convert_from(substring(packed FROM since + 2 FOR get_byte(packed, since) - 160), 'UTF8')
    WHEN get_byte(packed, since) = 217
        THEN convert_from(substring(packed FROM since + 3 FOR get_byte(packed, since + 1)), 'UTF8')
    WHEN get_byte(packed, since) = 218
        THEN convert_from(substring(packed FROM since + 4 FOR packed_number(packed, since + 1, 2)), 'UTF8') END;

-- As domain/receipts.py has it: whether a counter is a customer's own.
CREATE FUNCTION counts_customer(counter text) RETURNS boolean
LANGUAGE sql IMMUTABLE
RETURN counter ~ '^(u:|o:|t:[^:]*:customer[.])';

-- The moves at a position without those on customers' counters; what is no array stays.
CREATE FUNCTION blank_moves(packed bytea, since int) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    places int[] := packed_elements(packed, since);
    kept bytea[] := '{}';
BEGIN
    IF places IS NULL THEN
        RETURN substring(packed FROM since + 1 FOR packed_end(packed, since) - since);
    END IF;
    FOR number IN 1..cardinality(places) - 1 LOOP
        -- a move is a short array, whose first element begins behind one byte
        IF NOT counts_customer(packed_text(packed, places[number] + 1)) THEN
            kept := kept || substring(packed FROM places[number] + 1 FOR places[number + 1] - places[number]);
        END IF;
    END LOOP;
    RETURN packed_array(kept);
END $$;

-- An event with some of its fields, by their numbers from 0 (the first is the name of its kind), as these packed
-- values; an event of an older schema has no later ones.
CREATE FUNCTION packed_with(packed bytea, places int[], fields int[], contents bytea[]) RETURNS bytea
LANGUAGE sql IMMUTABLE
RETURN packed_array(ARRAY(
    SELECT COALESCE(c.content, substring(packed FROM places[p.number] + 1 FOR places[p.number + 1] - places[p.number]))
    FROM generate_series(1, cardinality(places) - 1) AS p (number)
    LEFT JOIN unnest(fields, contents) AS c (field, content) ON c.field = p.number - 1
    ORDER BY p.number));

-- A redemption's event without the customer: what it took off, and what was bought, stays.
CREATE FUNCTION blank_redeemed(event bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    packed bytea := event || ''::bytea; -- once out of storage, not once for each byte
    places int[] := packed_elements(packed, 0);
    line_at int[];
    lines bytea[] := '{}';
    line int[];
    bought int[];
    ordered bytea;
BEGIN
    IF packed_text(packed, places[1]) IS DISTINCT FROM 'redeemed' THEN
        RAISE EXCEPTION 'an event is no redemption' USING ERRCODE = 'data_exception';
    END IF;
    line_at := packed_elements(packed, places[13]);
    FOR number IN 1..cardinality(line_at) - 1 LOOP
        line := packed_elements(packed, line_at[number]);
        lines := lines || packed_with(packed, line, '{5}', ARRAY[blank_moves(packed, line[6])]);
    END LOOP;
    IF cardinality(places) > 14 AND get_byte(packed, places[14]) <> 192 THEN
        bought := packed_elements(packed, places[14]); -- id, key and metadata go
        ordered := packed_with(packed, bought, '{0,1,4}', '{"\\xc0","\\xc400","\\x80"}');
    END IF;
    RETURN packed_with(packed, places, '{4,5,6,12,13,14,17}',
        ARRAY['\xc400', '\xc0', '\xc0', packed_array(lines), ordered, '\xc0', '\xc0']::bytea[]);
END $$;

-- A rollback's event without the customer.
CREATE FUNCTION blank_rolled_back(event bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    packed bytea := event || ''::bytea;
    places int[] := packed_elements(packed, 0);
BEGIN
    IF packed_text(packed, places[1]) IS DISTINCT FROM 'rolled_back' THEN
        RAISE EXCEPTION 'an event is no rollback' USING ERRCODE = 'data_exception';
    END IF;
    RETURN packed_with(packed, places, '{6,7,9}', ARRAY['\xc0', '\xc400',
        CASE WHEN cardinality(places) > 10 THEN blank_moves(packed, places[10]) END]::bytea[]);
END $$;

-- Whose redemption or reservation an event is; NULL for other events, and for what is none.
CREATE FUNCTION customer_of_event(event bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    packed bytea := event || ''::bytea;
    places int[];
    head int;
    asked jsonb;
BEGIN
    places := packed_elements(packed, 0);
    CASE packed_text(packed, places[1])
        WHEN 'redeemed' THEN
            RETURN packed_text(packed, places[7]);
        WHEN 'reserved' THEN -- the body of the request, in bytes
            head := CASE get_byte(packed, places[15]) WHEN 196 THEN 2 WHEN 197 THEN 3 ELSE 5 END;
            asked := convert_from(
                substring(packed FROM places[15] + 1 + head FOR places[16] - places[15] - head), 'UTF8')::jsonb;
            RETURN COALESCE(asked -> 'customer' ->> 'id', asked ->> 'customer_id');
        ELSE
            RETURN NULL;
    END CASE;
EXCEPTION WHEN data_exception OR array_subscript_error THEN
    RETURN NULL;
END $$;

-- Some of a customer's redemptions: who it was, by which key and for which order is forgotten, the salts of their
-- receipts go, and the customer's own counters. What Redis has of them, the caller lets go of: the events that records
-- hold from now on, and the counters. Nothing comes back where nothing was left. Each chain that they are linked in is
-- read once.
CREATE FUNCTION erase_redemptions(project text, customer text, most int)
RETURNS TABLE (record_id text, body bytea, made_at timestamptz, is_redemption boolean, own_counters text[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    ids text[];
    gone text[];
BEGIN
    ids := ARRAY(SELECT r.id FROM redemptions r
        WHERE r.project_id = project AND r.customer_id = customer
        ORDER BY r.created_at, r.id LIMIT least(most, 5000) FOR UPDATE);
    gone := ARRAY(SELECT DISTINCT m.move ->> 0
        FROM redemption_lines l CROSS JOIN jsonb_array_elements(l.moves) AS m (move)
        WHERE l.project_id = project AND l.redemption_id = ANY (ids) AND counts_customer(m.move ->> 0));
    UPDATE receipts c SET salt = NULL
    WHERE c.project_id = project AND c.salt IS NOT NULL AND c.redemption_id = ANY (ids) AND c.chain_id = ANY (ARRAY(
        SELECT DISTINCT COALESCE(l.campaign_id, l.redeemable_id) FROM redemption_lines l
        WHERE l.project_id = project AND l.redemption_id = ANY (ids)));
    UPDATE redemption_lines l SET moves = (
        SELECT COALESCE(jsonb_agg(m.move ORDER BY m.place) FILTER (WHERE NOT counts_customer(m.move ->> 0)), '[]')
        FROM jsonb_array_elements(l.moves) WITH ORDINALITY AS m (move, place))
    WHERE l.project_id = project AND l.redemption_id = ANY (ids);
    DELETE FROM counters c WHERE c.project_id = project AND c.id = ANY (gone) AND c.kind = 'customer';
    RETURN QUERY UPDATE redemptions r SET customer_id = NULL, idempotency_key = NULL, fingerprint = '',
        order_id = NULL, order_key = NULL, body = blank_redeemed(r.body)
    WHERE r.project_id = project AND r.id = ANY (ids)
    RETURNING r.id, r.body, r.created_at, true, '{}'::text[];
    RETURN QUERY UPDATE redemption_rollbacks x SET idempotency_key = NULL, fingerprint = '',
        body = blank_rolled_back(x.body), moves = (
            SELECT COALESCE(jsonb_agg(m.move ORDER BY m.place) FILTER (WHERE NOT counts_customer(m.move ->> 0)), '[]')
            FROM jsonb_array_elements(x.moves) WITH ORDINALITY AS m (move, place))
    WHERE x.project_id = project AND x.redemption_id = ANY (ids)
    RETURNING 'x:' || x.redemption_id || ':' || x.revision, x.body, x.created_at, false, '{}'::text[];
    IF cardinality(gone) > 0 THEN
        RETURN QUERY SELECT NULL::text, NULL::bytea, NULL::timestamptz, false, gone;
    END IF;
END $$;

-- Of some of a project's reservations, from one id on, those for the customer that are over; what is held is still to
-- be captured, or to expire. `last_id` NULL: those were the last.
CREATE FUNCTION erase_reservations(project text, customer text, since text, most int,
    OUT last_id text, OUT erased text[], OUT held_count int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    looked_at int;
    -- as it is, and as JSON spells it
    spelled bytea[] := ARRAY[convert_to(customer, 'UTF8'), convert_to(btrim(to_json(customer)::text, '"'), 'UTF8')];
BEGIN
    WITH next AS MATERIALIZED (
        SELECT r.id, r.body, r.status, r.expires_at FROM reservations r
        WHERE r.project_id = project AND r.id > since ORDER BY r.id LIMIT least(most, 20000)
    ), theirs AS MATERIALIZED (
        SELECT n.id, n.status <> 'held' OR n.expires_at < now() - interval '1 minute' AS is_over FROM next n
        WHERE (position(spelled[1] IN n.body) > 0 OR position(spelled[2] IN n.body) > 0
            OR position('\x5c75'::bytea IN n.body) > 0) AND customer_of_event(n.body) = customer
    )
    SELECT count(*), max(n.id), ARRAY(SELECT t.id FROM theirs t WHERE t.is_over),
        (SELECT count(*) FROM theirs t WHERE NOT t.is_over)
    INTO looked_at, last_id, erased, held_count FROM next n;
    DELETE FROM reservation_holds h WHERE h.project_id = project AND h.reservation_id = ANY (erased);
    DELETE FROM reservations r WHERE r.project_id = project AND r.id = ANY (erased);
    IF looked_at < least(most, 20000) THEN
        last_id := NULL;
    END IF;
END $$;

-- Some of a customer's events and orders; how many. An order's own id stays: it is paid once, whoever is told to have
-- paid it.
CREATE FUNCTION erase_events(project text, customer text, most int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    events int;
    orders int;
BEGIN
    UPDATE customer_events e SET customer_id = NULL, order_id = NULL
    WHERE e.ctid = ANY (ARRAY(SELECT f.ctid FROM customer_events f
        WHERE f.project_id = project AND f.customer_id = customer LIMIT most FOR UPDATE));
    GET DIAGNOSTICS events = ROW_COUNT;
    UPDATE paid_orders o SET customer_id = NULL
    WHERE o.ctid = ANY (ARRAY(SELECT f.ctid FROM paid_orders f
        WHERE f.project_id = project AND f.customer_id = customer LIMIT most FOR UPDATE));
    GET DIAGNOSTICS orders = ROW_COUNT;
    RETURN events + orders;
END $$;

-- Some of what is the customer's own. What has changed comes back, and the caller stages it. Nobody spends the points
-- any more, and nobody refers by the code; its spelling stays, because others have redeemed it. Vouchers and gift cards,
-- which are whoever's has the code, the caller may write by itself.
CREATE FUNCTION erase_belongings(project text, customer text, most int)
RETURNS TABLE (object text, object_id text, version bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY UPDATE loyalty_cards c SET customer_id = 'erased:' || c.id, status = 'blocked', metadata = '{}',
        version = c.version + 1, updated_at = now()
    WHERE c.project_id = project AND c.id = ANY (ARRAY(SELECT f.id FROM loyalty_cards f
        WHERE f.project_id = project AND f.customer_id = customer ORDER BY f.id LIMIT most FOR UPDATE))
    RETURNING 'loyalty_card', c.id, c.version;
    DELETE FROM referrer_identities i WHERE i.project_id = project AND i.customer_id = customer;
    RETURN QUERY UPDATE referral_codes c SET customer_id = 'erased:' || c.id, status = 'disabled',
        version = c.version + 1, updated_at = now()
    WHERE c.project_id = project AND c.customer_id = customer
    RETURNING 'referral_code', c.id, c.version;
END $$;

-- The customer as one who has referred, and as one who was referred; how often. What was given for it is nobody's.
CREATE FUNCTION erase_referrals(project text, customer text, most int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    ids text[] := ARRAY(SELECT f.redemption_id FROM referrals f
        WHERE f.project_id = project AND (f.referrer_id = customer OR f.referee_id = customer)
        ORDER BY f.redemption_id LIMIT most FOR UPDATE);
BEGIN
    DELETE FROM referee_identities i WHERE i.project_id = project AND i.redemption_id = ANY (ARRAY(
        SELECT f.redemption_id FROM referrals f
        WHERE f.project_id = project AND f.redemption_id = ANY (ids) AND f.referee_id = customer));
    UPDATE referral_rewards w SET customer_id = NULL
    WHERE w.project_id = project AND w.redemption_id = ANY (ids) AND w.customer_id = customer;
    UPDATE referrals f SET referrer_id = NULLIF(f.referrer_id, customer), referee_id = NULLIF(f.referee_id, customer)
    WHERE f.project_id = project AND f.redemption_id = ANY (ids);
    RETURN cardinality(ids);
END $$;

SELECT give_to_eraser(name, NULL)
FROM unnest('{packed_end,packed_number,packed_elements,packed_array,packed_text,packed_with,counts_customer,blank_moves,
    blank_redeemed,blank_rolled_back,customer_of_event}'::name[]) AS name;
SELECT give_to_eraser(name, 'vauchflow_app')
FROM unnest('{erase_redemptions,erase_reservations,erase_events,erase_belongings,erase_referrals}'::name[])
    AS name;
