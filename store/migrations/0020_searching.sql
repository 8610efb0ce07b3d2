-- What searches walk: names and addresses without their case, in byte order. Generated, so that row security, which
-- lets nothing but comparisons of columns near an index, does not stand between.

CREATE FUNCTION search_key(given text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN lower(given COLLATE "pg_c_utf8");
REVOKE ALL ON FUNCTION search_key(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_key(text) TO vauchflow_app, vauchflow_reconciler;

ALTER TABLE campaigns ADD COLUMN name_key text COLLATE "C" GENERATED ALWAYS AS (search_key(name)) STORED;
CREATE INDEX campaigns_by_name ON campaigns (project_id, name_key, id);
ALTER TABLE promotion_tiers ADD COLUMN name_key text COLLATE "C" GENERATED ALWAYS AS (search_key(name)) STORED;
CREATE INDEX promotion_tiers_by_name ON promotion_tiers (project_id, name_key, id);
ALTER TABLE validation_rules ADD COLUMN name_key text COLLATE "C" GENERATED ALWAYS AS (search_key(name)) STORED;
CREATE INDEX validation_rules_by_name ON validation_rules (project_id, name_key, id);
ALTER TABLE segments ADD COLUMN name_key text COLLATE "C" GENERATED ALWAYS AS (search_key(name)) STORED;
CREATE INDEX segments_by_name ON segments (project_id, name_key, id) WHERE name_key IS NOT NULL;
ALTER TABLE products ADD COLUMN name_key text COLLATE "C" GENERATED ALWAYS AS (search_key(name)) STORED;
CREATE INDEX products_by_name ON products (project_id, name_key, id) WHERE name_key IS NOT NULL;
ALTER TABLE customers ADD COLUMN name_key text COLLATE "C" GENERATED ALWAYS AS (search_key(name)) STORED,
    ADD COLUMN email_key text COLLATE "C" GENERATED ALWAYS AS (search_key(email)) STORED;
CREATE INDEX customers_by_name ON customers (project_id, name_key, id) WHERE name_key IS NOT NULL;
CREATE INDEX customers_by_email ON customers (project_id, email_key, id) WHERE email_key IS NOT NULL;
