-- Epochs as every process reads them; who writes them is the reconciler's recovery.

-- name: current_epoch
SELECT e.epoch, e.run_id, e.replication_id, e.withheld_epochs, e.released_at, e.opened_at,
    (SELECT min(f.epoch) FROM epochs f WHERE f.shard = e.shard) AS first_epoch
FROM epochs e
WHERE e.shard = $1 AND e.state = 'open';
