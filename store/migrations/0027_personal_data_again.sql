-- Personal data once more: what has come since 0021 and tells of a customer, and what is neither's.

SELECT allow_rows('publications', 'vauchflow_eraser', '{SELECT,"UPDATE (customer_id, metadata)"}', 'project');
GRANT UPDATE (metadata) ON referral_codes TO vauchflow_eraser;

-- Some of what was given to a customer: what, stays. How many.
CREATE FUNCTION erase_publications(project text, customer text, most int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    erased int;
BEGIN
    UPDATE publications p SET customer_id = NULL, metadata = '{}'
    WHERE p.project_id = project AND p.id = ANY (ARRAY(SELECT f.id FROM publications f
        WHERE f.project_id = project AND f.customer_id = customer ORDER BY f.id LIMIT most FOR UPDATE));
    GET DIAGNOSTICS erased = ROW_COUNT;
    UPDATE referral_codes c SET metadata = '{}'
    WHERE c.project_id = project AND c.customer_id = customer AND c.metadata <> '{}';
    RETURN erased;
END $$;
SELECT give_to_eraser('erase_publications', 'vauchflow_app');

-- What else tells of a customer: the row, if no shop has written it anew, changes that Redis need not be told, the
-- audit log, answers that are kept, reports of what failed, and quarantine entries that are settled; the ids of those
-- that are not. Jobs that are under way keep what they work on.
CREATE FUNCTION erase_traces(project text, customer text, OUT open_entries text[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    quoted text := to_json(customer)::text;
BEGIN
    DELETE FROM customers c WHERE c.project_id = project AND c.id = customer AND c.updated_at IS NULL;
    DELETE FROM outbox o WHERE o.project_id = project AND o.object = 'customer' AND o.object_id = customer
        AND NOT EXISTS (SELECT FROM customers c WHERE c.project_id = project AND c.id = customer);
    UPDATE audit_log a SET object_id = 'erased', before = replace(a.before::text, quoted, '"erased"')::jsonb,
        after = replace(a.after::text, quoted, '"erased"')::jsonb
    WHERE a.project_id = project AND a.object = 'customer' AND a.object_id = customer;
    UPDATE idempotency_keys k SET status = NULL, body = NULL, fingerprint = decode(repeat('00', 16), 'hex')
    WHERE k.project_id = project AND k.body IS NOT NULL AND position(convert_to(quoted, 'UTF8') IN k.body) > 0;
    UPDATE async_actions x SET failures = replace(x.failures::text, quoted, '"erased"')::jsonb,
        params = replace(x.params::text, quoted, '"erased"')::jsonb
    WHERE x.project_id = project AND x.status IN ('done', 'failed', 'cancelled')
        AND (position(quoted IN x.failures::text) > 0 OR position(quoted IN x.params::text) > 0);
    UPDATE quarantine q SET payload = '', detail = '', counted_moves = '[]'
    WHERE q.project_id = project AND q.status <> 'open' AND customer_of_event(q.payload) = customer;
    open_entries := ARRAY(SELECT q.id FROM quarantine q
        WHERE q.project_id = project AND q.status = 'open' AND customer_of_event(q.payload) = customer ORDER BY q.id);
END $$;
SELECT give_to_eraser('erase_traces', 'vauchflow_app');

-- Whether anything is kept of a customer whose row may be gone.
CREATE FUNCTION knows_customer(project text, customer text) RETURNS boolean
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM customers x WHERE x.project_id = project AND x.id = customer)
        OR EXISTS (SELECT FROM redemptions x WHERE x.project_id = project AND x.customer_id = customer)
        OR EXISTS (SELECT FROM customer_events x WHERE x.project_id = project AND x.customer_id = customer)
        OR EXISTS (SELECT FROM paid_orders x WHERE x.project_id = project AND x.customer_id = customer)
        OR EXISTS (SELECT FROM vouchers x WHERE x.project_id = project AND x.customer_id = customer)
        OR EXISTS (SELECT FROM gift_cards x WHERE x.project_id = project AND x.customer_id = customer)
        OR EXISTS (SELECT FROM loyalty_cards x WHERE x.project_id = project AND x.customer_id = customer)
        OR EXISTS (SELECT FROM referral_codes x WHERE x.project_id = project AND x.customer_id = customer)
        OR EXISTS (SELECT FROM publications x WHERE x.project_id = project AND x.customer_id = customer)
        OR EXISTS (SELECT FROM orders x WHERE x.project_id = project AND x.customer_id = customer);
END;
REVOKE ALL ON FUNCTION knows_customer(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION knows_customer(text, text) TO vauchflow_app;

-- Answers that are still given again: a day's, of however many keys.
CREATE INDEX idempotency_keys_with_answers ON idempotency_keys (created_at) WHERE body IS NOT NULL;
CREATE INDEX idempotency_keys_of_projects ON idempotency_keys (project_id) WHERE body IS NOT NULL;

-- Answers that are older than a day are given to nobody again, whatever key is sent next: only that there was one stays.
CREATE FUNCTION forget_old_answers(most int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    forgotten int;
BEGIN
    UPDATE idempotency_keys k SET status = NULL, body = NULL
    WHERE k.ctid = ANY (ARRAY(SELECT o.ctid FROM idempotency_keys o
        WHERE o.body IS NOT NULL AND o.created_at < now() - interval '24 hours'
        ORDER BY o.created_at LIMIT least(most, 1000) FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten;
END $$;
REVOKE ALL ON FUNCTION forget_old_answers(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_old_answers(int) TO vauchflow_app;
