-- Recovery with the engine as the second copy. An epoch that is to end is first `closing`: workers that see it seal
-- their rings and hand them in, and from then on nothing of that epoch is answered.
ALTER TABLE epochs
    DROP CONSTRAINT epochs_state_check,
    ADD CONSTRAINT epochs_state_check CHECK (state IN ('opening', 'open', 'closing', 'closed')),
    -- Why this closed epoch may have acknowledged what no one has handed in: NULL when it is accounted for.
    ADD COLUMN unaccounted text CHECK (unaccounted IN ('workers', 'abandoned')),
    ADD COLUMN reason text NOT NULL DEFAULT '' CHECK (length(reason) <= 1000),
    -- When Redis had the idempotency records of the last 24 hours again; until then the ledger is asked.
    ADD COLUMN records_restored_at timestamptz,
    ADD CONSTRAINT epochs_only_a_closed_one_is_unaccounted CHECK (unaccounted IS NULL OR state = 'closed');

-- What an unreleased epoch withholds now is a person's to release, as it was.
UPDATE epochs e SET unaccounted = 'abandoned'
FROM (
    SELECT shard, epoch, withheld_epochs FROM epochs
    WHERE state <> 'closed' AND withheld_epochs > 0 AND released_at IS NULL
) AS newest
WHERE e.shard = newest.shard AND e.state = 'closed' AND e.epoch >= newest.epoch - newest.withheld_epochs;

ALTER TABLE worker_leases ADD COLUMN handed_at timestamptz; -- it has handed in its ring, and answers no more
GRANT UPDATE (handed_at) ON worker_leases TO vauchflow_app;

ALTER TABLE ring_entries ADD COLUMN time_ms bigint NOT NULL CHECK (time_ms >= 0);

-- How long a project keeps back what a vanished worker may have sold; NULL: until a person releases it.
ALTER TABLE projects ADD COLUMN release_withheld_after_s int
    CHECK (release_withheld_after_s BETWEEN 1 AND 31536000);
GRANT UPDATE (release_withheld_after_s) ON projects TO vauchflow_app;
