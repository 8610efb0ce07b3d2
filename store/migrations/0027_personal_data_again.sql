-- Personal data once more: what has come since 0021 and tells of a customer.

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
