-- Who sees which rows. Every later migration opens its tables with allow_rows(), so that a granted command always
-- has its policy and a table without a line here is shut for both roles.

-- What a transaction is for: set by store/database.py, local to the transaction. A missing one is NULL, and
-- `column = NULL` shows nothing. (A setting that ended with its transaction reads '', not NULL.)
CREATE FUNCTION app_project_id() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN NULLIF(current_setting('app.project_id', true), '');
CREATE FUNCTION app_account_id() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN NULLIF(current_setting('app.account_id', true), '');
CREATE FUNCTION app_shard() RETURNS smallint LANGUAGE sql STABLE PARALLEL SAFE
    RETURN NULLIF(current_setting('app.shard', true), '')::smallint;
CREATE FUNCTION app_worker_id() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN NULLIF(current_setting('app.worker_id', true), '');

REVOKE ALL ON FUNCTION app_project_id(), app_account_id(), app_shard(), app_worker_id() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app_project_id(), app_account_id(), app_shard(), app_worker_id()
    TO vauchflow_app, vauchflow_reconciler;

-- The predicates by name. Each setting is read in a sub-select: once per statement, not once per row.
CREATE FUNCTION row_scope(scope text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN CASE scope
        -- a project's rows
        WHEN 'project' THEN 'project_id = (SELECT app_project_id())'
        -- an account's rows, and only those of one project as soon as a project is set
        WHEN 'account' THEN 'project_id = (SELECT app_project_id())'
            ' OR (account_id = (SELECT app_account_id()) AND (SELECT app_project_id()) IS NULL)'
        -- a shard's rows
        WHEN 'shard' THEN 'shard = (SELECT app_shard())'
        -- rows without a shard of their own, for whoever has said for which shard it works
        WHEN 'any shard' THEN '(SELECT app_shard()) IS NOT NULL'
        -- what a worker writes of itself
        WHEN 'worker' THEN 'shard = (SELECT app_shard()) AND worker_id = (SELECT app_worker_id())'
    END;

-- allow_rows('campaigns', 'vauchflow_app', '{SELECT,"UPDATE (status)"}', 'project'): the grant, RLS forced (the
-- owner of a table would be exempt otherwise), and a policy for each command. Another predicate than those of
-- row_scope() may be written out.
CREATE FUNCTION allow_rows(target regclass, grantee name, commands text[], scope text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
    command text;
    verb text;
    predicate text := COALESCE(row_scope(scope), scope);
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    FOREACH command IN ARRAY commands LOOP
        verb := split_part(command, ' ', 1);
        EXECUTE format('GRANT %s ON TABLE %s TO %I', command, target, grantee);
        EXECUTE format('CREATE POLICY %I ON %s FOR %s TO %I%s%s',
            replace(grantee, 'vauchflow_', '') || '_' || lower(verb), target, verb, grantee,
            CASE WHEN verb <> 'INSERT' THEN ' USING (' || predicate || ')' ELSE '' END,
            CASE WHEN verb IN ('INSERT', 'UPDATE') THEN ' WITH CHECK (' || predicate || ')' ELSE '' END);
    END LOOP;
END $$;

REVOKE ALL ON FUNCTION row_scope(text), allow_rows(regclass, name, text[], text) FROM PUBLIC;
