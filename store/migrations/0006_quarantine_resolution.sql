-- How a quarantine entry was settled: by which event of which stream, so that after a crash it can be told from a second
-- try; and which of its moves stand in counters.quarantined, so that exactly those are taken back.
ALTER TABLE quarantine
    ADD COLUMN counted_moves jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(counted_moves) = 'array'),
    ADD COLUMN resolved_epoch bigint,
    ADD COLUMN resolved_entry_ms bigint,
    ADD COLUMN resolved_entry_seq bigint,
    ADD COLUMN resolved_entry_index int,
    ADD CONSTRAINT quarantine_resolution_is_whole CHECK (
        num_nulls(resolved_epoch, resolved_entry_ms, resolved_entry_seq, resolved_entry_index) IN (0, 4));
GRANT UPDATE (resolved_epoch, resolved_entry_ms, resolved_entry_seq, resolved_entry_index)
    ON quarantine TO vauchflow_reconciler;
