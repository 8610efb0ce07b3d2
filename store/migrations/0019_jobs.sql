-- Work at scale: imports, bulk updates and exports go the way that batches of codes went. What they read and what
-- they write is kept in chunks beside the action, so that whichever worker is left goes on from the action's row.

ALTER TABLE async_actions
    DROP CONSTRAINT async_actions_status_check,
    -- receiving: its file is still coming in; nobody is shown it, and no worker takes it
    ADD CONSTRAINT async_actions_status_check
        CHECK (status IN ('receiving', 'queued', 'running', 'done', 'failed', 'cancelled')),
    ADD COLUMN actor text NOT NULL DEFAULT 'system' CHECK (length(actor) BETWEEN 1 AND 200), -- who ordered it
    -- where the next chunk begins, in the words of the action's type
    ADD COLUMN position jsonb NOT NULL DEFAULT '{}' CHECK (octet_length(position::text) <= 65536),
    ADD COLUMN is_open_ended boolean NOT NULL DEFAULT false, -- how much there is to do is known at its end
    ADD COLUMN attempts int NOT NULL DEFAULT 0 CHECK (attempts >= 0), -- since something was last done
    ADD COLUMN reason text CHECK (length(reason) <= 500), -- why the whole of it failed
    ADD COLUMN result_chunks int NOT NULL DEFAULT 0 CHECK (result_chunks >= 0),
    ADD COLUMN keeps_chunks boolean NOT NULL DEFAULT false; -- until they are swept
CREATE INDEX async_actions_by_status ON async_actions (project_id, status, created_at, id);
CREATE INDEX async_actions_with_chunks ON async_actions (updated_at) WHERE keeps_chunks;
-- What never came in whole is not worth a row.
SELECT allow_rows('async_actions', 'vauchflow_app', '{DELETE}',
    'project_id = (SELECT app_project_id()) AND status = ''receiving''');

CREATE TABLE async_action_chunks (
    project_id text COLLATE "C" NOT NULL,
    action_id text COLLATE "C" NOT NULL,
    side text NOT NULL CHECK (side IN ('input', 'result')),
    chunk_no int NOT NULL CHECK (chunk_no >= 0),
    data bytea NOT NULL CHECK (octet_length(data) <= 67108864),
    PRIMARY KEY (project_id, action_id, side, chunk_no),
    FOREIGN KEY (project_id, action_id) REFERENCES async_actions (project_id, id) ON DELETE CASCADE
);
SELECT allow_rows('async_action_chunks', 'vauchflow_app', '{SELECT,INSERT,DELETE}', 'project');

-- As 0004 has it, but whoever has waited longest since its last turn goes first: a million rows of one tenant do not
-- keep the others waiting.
CREATE OR REPLACE FUNCTION due_async_actions(max_rows int)
RETURNS TABLE (account_id text, project_id text, shard smallint, id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT a.id, x.project_id, a.shard, x.id
    FROM async_actions x
    JOIN projects p ON p.id = x.project_id
    JOIN accounts a ON a.id = p.account_id
    WHERE x.status IN ('queued', 'running') AND (x.locked_until IS NULL OR x.locked_until < now())
    ORDER BY x.updated_at
    LIMIT least(max_rows, 1000);
END;

-- Whose chunks are of no more use, across tenants: their names only.
CREATE FUNCTION spent_async_actions(max_rows int, keep_results interval, keep_uploads interval)
RETURNS TABLE (project_id text, id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    SELECT x.project_id, x.id
    FROM async_actions x
    WHERE x.keeps_chunks AND (x.status IN ('failed', 'cancelled')
        OR (x.status = 'done' AND (x.result_chunks = 0 OR x.updated_at < now() - keep_results))
        OR (x.status = 'receiving' AND x.updated_at < now() - keep_uploads))
    ORDER BY x.updated_at
    LIMIT least(max_rows, 1000);
END;
REVOKE ALL ON FUNCTION spent_async_actions(int, interval, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spent_async_actions(int, interval, interval) TO vauchflow_app;
