-- What `vauchflow doctor` asks PostgreSQL, as the owner. Reads only.

-- name: doctor_server
SELECT current_user AS name, current_setting('server_version_num')::int AS version_num,
    current_setting('server_version') AS version, current_setting('fsync') = 'on' AS has_fsync,
    current_setting('full_page_writes') = 'on' AS has_full_page_writes,
    current_setting('synchronous_commit') <> 'off' AS commits_synchronously,
    current_setting('server_encoding') AS encoding, pg_catalog.pg_is_in_recovery() AS is_standby,
    current_setting('max_connections')::int AS max_connections,
    (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend') AS connections,
    pg_catalog.pg_database_size(current_database()) AS size_bytes,
    (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory') AS data_directory,
    to_regclass('public.schema_migrations') IS NOT NULL AS has_migrations;

-- name: doctor_clock
SELECT extract(epoch FROM clock_timestamp())::float8;

-- name: doctor_roles
-- $1 the roles. Those that are missing are not among the rows.
SELECT rolname::text AS name, rolcanlogin AS can_login,
    rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication AS is_mighty,
    EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.member = r.oid) AS is_member,
    EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relowner = r.oid) AS owns_relations,
    pg_catalog.has_schema_privilege(r.oid, 'public', 'CREATE') AS can_create
FROM pg_catalog.pg_roles r WHERE rolname = ANY ($1::text[]);

-- name: doctor_open_tables
-- Tables without Row-Level Security, or from which the owner is exempt.
SELECT c.relname::text AS name FROM pg_catalog.pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
ORDER BY 1;

-- name: doctor_grants
-- $1 the roles. What is granted and has no policy shows no rows; a policy that nothing is granted for is idle; and
-- nobody who serves may truncate, refer or add triggers.
SELECT c.relname::text AS table_name, r.rolname::text AS role, p.verb, g.granted
FROM pg_catalog.pg_class c, pg_catalog.pg_roles r,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p (verb),
    LATERAL (SELECT has_table_privilege(r.oid, c.oid, p.verb) OR (p.verb IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
        AND has_any_column_privilege(r.oid, c.oid, p.verb)) AS granted) AS g
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND r.rolname = ANY ($1::text[])
    AND g.granted <> EXISTS (SELECT FROM pg_catalog.pg_policies o
        WHERE o.schemaname = 'public' AND o.tablename = c.relname AND r.rolname = ANY (o.roles) AND o.cmd = p.verb)
ORDER BY 1, 2, 3;

-- name: doctor_objects
-- All that the schema consists of, by kind and name; `is_sound` is false of an index that could not be built.
SELECT 'policy' AS kind, tablename || '.' || policyname AS name, true AS is_sound
FROM pg_catalog.pg_policies WHERE schemaname = 'public'
UNION ALL
SELECT 'index', c.relname::text, x.indisvalid
FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid
WHERE c.relnamespace = 'public'::regnamespace
UNION ALL
SELECT 'constraint', r.relname || '.' || n.conname, n.convalidated
FROM pg_catalog.pg_constraint n JOIN pg_catalog.pg_class r ON r.oid = n.conrelid
WHERE n.connamespace = 'public'::regnamespace
UNION ALL
SELECT 'trigger', r.relname || '.' || t.tgname, t.tgenabled IN ('O', 'A')
FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class r ON r.oid = t.tgrelid
WHERE r.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
UNION ALL
SELECT 'table', c.relname::text, true
FROM pg_catalog.pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
UNION ALL
SELECT DISTINCT 'function', p.proname::text, true
FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'public'::regnamespace;

-- name: doctor_alarms
SELECT kind, shard, detail, created_at FROM alarms WHERE resolved_at IS NULL ORDER BY shard, kind;

-- name: doctor_quarantine
SELECT shard, count(*) AS entries, min(created_at) AS since FROM quarantine WHERE status = 'open'
GROUP BY shard ORDER BY shard;

-- name: doctor_stuck_actions
-- $1 seconds that nobody has touched them for.
SELECT project_id, id, type, status, attempts, updated_at FROM async_actions
WHERE status IN ('queued', 'running') AND (locked_until IS NULL OR locked_until < now())
    AND updated_at < now() - make_interval(secs => $1)
ORDER BY created_at LIMIT 20;

-- name: doctor_outbox
-- $1 seconds that they have waited for.
SELECT shard, count(*) AS changes, min(created_at) AS since FROM outbox
WHERE applied_at IS NULL AND created_at < now() - make_interval(secs => $1)
GROUP BY shard ORDER BY shard;

-- name: doctor_referral_tasks
-- $1 seconds that they are due for.
SELECT count(*) AS tasks, min(not_before) AS since FROM referral_tasks
WHERE done_at IS NULL AND not_before < now() - make_interval(secs => $1);

-- name: doctor_lost_workers
-- $1 seconds that their lease has been over for: they did not leave, and did not hand in what they had answered.
SELECT l.shard, l.epoch, array_agg(l.worker_id ORDER BY l.worker_id) AS workers
FROM worker_leases l
JOIN epochs e ON e.shard = l.shard AND e.epoch = l.epoch AND e.state <> 'closed'
WHERE l.left_at IS NULL AND l.handed_at IS NULL AND l.expires_at < now() - make_interval(secs => $1)
GROUP BY l.shard, l.epoch ORDER BY l.shard, l.epoch;

-- name: doctor_accounts_without_shard
-- $1 how many shards are served.
SELECT count(*) FROM accounts WHERE shard >= $1;
