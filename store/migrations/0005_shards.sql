-- Where each shard stands: epochs, positions, leases, and what could not be settled. Keyed by shard, not by tenant;
-- the engine reads them as vauchflow_app with app.shard set, and writes only what its worker says of itself.

-- An epoch is opened by a row here, bound to one Redis. At most one of a shard is not closed.
CREATE TABLE epochs (
    shard smallint NOT NULL CHECK (shard BETWEEN 0 AND 1023),
    epoch bigint NOT NULL CHECK (epoch BETWEEN 1 AND 9007199254740991),
    state text NOT NULL CHECK (state IN ('opening', 'open', 'closed')),
    run_id text NOT NULL CHECK (octet_length(run_id) BETWEEN 1 AND 64),
    replication_id text NOT NULL CHECK (octet_length(replication_id) BETWEEN 1 AND 64),
    opened_at timestamptz,
    closed_at timestamptz,
    -- how many epochs before this one are unaccounted for: so many windows W are withheld until released
    withheld_epochs int NOT NULL DEFAULT 0 CHECK (withheld_epochs >= 0),
    released_at timestamptz,
    released_by text CHECK (length(released_by) BETWEEN 1 AND 200),
    PRIMARY KEY (shard, epoch),
    CONSTRAINT epochs_open_has_a_time CHECK (state <> 'open' OR opened_at IS NOT NULL),
    CONSTRAINT epochs_closed_has_a_time CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
    CONSTRAINT epochs_release_names_its_author CHECK ((released_at IS NULL) = (released_by IS NULL))
);
CREATE UNIQUE INDEX epochs_one_not_closed ON epochs (shard) WHERE state <> 'closed';
SELECT allow_rows('epochs', 'vauchflow_app', '{SELECT}', 'shard');
SELECT allow_rows('epochs', 'vauchflow_reconciler', '{SELECT,INSERT,UPDATE}', 'shard');

-- How far the ledger has settled a shard's stream; moved by compare-and-set in the transaction that settles.
CREATE TABLE stream_positions (
    shard smallint PRIMARY KEY CHECK (shard BETWEEN 0 AND 1023),
    epoch bigint NOT NULL,
    entry_ms bigint NOT NULL CHECK (entry_ms >= 0),
    entry_seq bigint NOT NULL CHECK (entry_seq >= 0),
    updated_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (shard, epoch) REFERENCES epochs (shard, epoch)
) WITH (fillfactor = 50);
SELECT allow_rows('stream_positions', 'vauchflow_app', '{SELECT}', 'shard');
SELECT allow_rows('stream_positions', 'vauchflow_reconciler', '{SELECT,INSERT,UPDATE}', 'shard');

-- A worker grants only under a lease. Rows stay when a lease is over: recovery must know who may hold a ring.
CREATE TABLE worker_leases (
    shard smallint NOT NULL,
    epoch bigint NOT NULL,
    worker_id text COLLATE "C" NOT NULL CHECK (octet_length(worker_id) BETWEEN 1 AND 64),
    expires_at timestamptz NOT NULL,
    last_ack_ms bigint NOT NULL DEFAULT 0 CHECK (last_ack_ms >= 0), -- position of its last answered entry
    last_ack_seq bigint NOT NULL DEFAULT 0 CHECK (last_ack_seq >= 0),
    left_at timestamptz, -- it went in good order and holds nothing
    PRIMARY KEY (shard, epoch, worker_id),
    FOREIGN KEY (shard, epoch) REFERENCES epochs (shard, epoch)
) WITH (fillfactor = 50);
SELECT allow_rows('worker_leases', 'vauchflow_app',
    '{SELECT,INSERT,"UPDATE (expires_at, last_ack_ms, last_ack_seq, left_at)"}', 'worker');
SELECT allow_rows('worker_leases', 'vauchflow_reconciler', '{SELECT,DELETE}', 'shard');

-- Rings that workers hand in at a recovery: the second copy of what was answered and not confirmed.
CREATE TABLE ring_entries (
    shard smallint NOT NULL,
    epoch bigint NOT NULL,
    worker_id text COLLATE "C" NOT NULL CHECK (octet_length(worker_id) BETWEEN 1 AND 64),
    entry_ms bigint NOT NULL CHECK (entry_ms >= 0),
    entry_seq bigint NOT NULL CHECK (entry_seq >= 0),
    entry_index int NOT NULL CHECK (entry_index >= 0),
    payload bytea NOT NULL CHECK (octet_length(payload) <= 65536),
    PRIMARY KEY (shard, epoch, worker_id, entry_ms, entry_seq, entry_index),
    FOREIGN KEY (shard, epoch) REFERENCES epochs (shard, epoch)
);
SELECT allow_rows('ring_entries', 'vauchflow_app', '{SELECT,INSERT}', 'worker');
SELECT allow_rows('ring_entries', 'vauchflow_reconciler', '{SELECT,DELETE}', 'shard');

-- Events that could not be settled. A person applies or voids them; that, too, travels through the stream, so the
-- reconciler is the only writer and the control plane only reads.
CREATE TABLE quarantine (
    id text COLLATE "C" PRIMARY KEY CHECK (octet_length(id) BETWEEN 1 AND 64),
    shard smallint NOT NULL CHECK (shard BETWEEN 0 AND 1023),
    epoch bigint NOT NULL CHECK (epoch >= 1),
    entry_ms bigint NOT NULL CHECK (entry_ms >= 0),
    entry_seq bigint NOT NULL CHECK (entry_seq >= 0),
    entry_index int NOT NULL CHECK (entry_index >= 0),
    project_id text COLLATE "C", -- NULL: the event does not even say whose it is
    redemption_id text COLLATE "C",
    payload bytea NOT NULL,
    reason text NOT NULL CHECK (reason ~ '^[a-z][a-z0-9_]{0,63}$'),
    detail text NOT NULL DEFAULT '' CHECK (length(detail) <= 4000),
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'applied', 'void', 'refused')),
    created_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    resolved_by text CHECK (length(resolved_by) BETWEEN 1 AND 200),
    UNIQUE (shard, epoch, entry_ms, entry_seq, entry_index),
    CONSTRAINT quarantine_resolved_has_a_time CHECK ((status = 'open') = (resolved_at IS NULL))
);
CREATE INDEX quarantine_by_time ON quarantine (project_id, created_at, id) WHERE project_id IS NOT NULL;
CREATE INDEX quarantine_open ON quarantine (shard) WHERE status = 'open';
SELECT allow_rows('quarantine', 'vauchflow_app', '{SELECT}', 'project');
SELECT allow_rows('quarantine', 'vauchflow_reconciler',
    '{SELECT,INSERT,"UPDATE (status, detail, resolved_at, resolved_by)"}', 'shard');

-- Things a person must look at. One open alarm of a kind for a shard: raising it again changes nothing.
CREATE TABLE alarms (
    id text COLLATE "C" PRIMARY KEY CHECK (octet_length(id) BETWEEN 1 AND 64),
    kind text NOT NULL CHECK (kind ~ '^[a-z][a-z0-9_]{0,63}$'),
    shard smallint CHECK (shard BETWEEN 0 AND 1023),
    detail jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(detail) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz
);
CREATE UNIQUE INDEX alarms_one_open ON alarms (kind, shard) NULLS NOT DISTINCT WHERE resolved_at IS NULL;
CREATE INDEX alarms_by_time ON alarms (created_at, id);
SELECT allow_rows('alarms', 'vauchflow_reconciler', '{SELECT,INSERT,"UPDATE (detail, resolved_at)"}',
    '(SELECT app_shard()) IS NOT NULL AND (shard IS NULL OR shard = (SELECT app_shard()))');
