-- name: lookup_api_key
SELECT key_id, type, account_id, project_id, shard, currency, currency_decimals, plan, account_status,
    project_status, scopes
FROM lookup_api_key($1);
