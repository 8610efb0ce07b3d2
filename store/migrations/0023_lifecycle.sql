-- What is archived stays for the ledger and its readers, and is gone for everybody else: lists leave it out unless they
-- are asked for it, so that their indexes do too.

ALTER TABLE campaigns DROP CONSTRAINT campaigns_status_check,
    ADD CONSTRAINT campaigns_status_check CHECK (status IN ('draft', 'active', 'paused', 'ended', 'archived'));
DROP INDEX campaigns_by_time, campaigns_by_type;
CREATE INDEX campaigns_by_time ON campaigns (project_id, created_at, id) WHERE status <> 'archived';
CREATE INDEX campaigns_by_type ON campaigns (project_id, type, created_at, id) WHERE status <> 'archived';
CREATE INDEX campaigns_by_status ON campaigns (project_id, status, created_at, id) WHERE status <> 'active';
-- A draft that nothing has come into is nobody's: what refers to a campaign has a foreign key to it.
SELECT allow_rows('campaigns', 'vauchflow_app', '{DELETE}', 'project_id = (SELECT app_project_id()) AND status = ''draft''');

ALTER TABLE vouchers DROP CONSTRAINT vouchers_status_check,
    ADD CONSTRAINT vouchers_status_check CHECK (status IN ('active', 'disabled', 'archived'));
DROP INDEX vouchers_by_time;
CREATE INDEX vouchers_by_time ON vouchers (project_id, created_at, id) WHERE status <> 'archived';
CREATE INDEX vouchers_set_aside ON vouchers (project_id, status, created_at, id) WHERE status <> 'active';

ALTER TABLE promotion_tiers DROP CONSTRAINT promotion_tiers_status_check,
    ADD CONSTRAINT promotion_tiers_status_check CHECK (status IN ('active', 'disabled', 'archived'));
DROP INDEX promotion_tiers_by_time;
CREATE INDEX promotion_tiers_by_time ON promotion_tiers (project_id, created_at, id) WHERE status <> 'archived';
CREATE INDEX promotion_tiers_set_aside ON promotion_tiers (project_id, status, created_at, id) WHERE status <> 'active';

ALTER TABLE gift_cards DROP CONSTRAINT gift_cards_status_check,
    ADD CONSTRAINT gift_cards_status_check CHECK (status IN ('active', 'inactive', 'blocked', 'archived'));
DROP INDEX gift_cards_by_time;
CREATE INDEX gift_cards_by_time ON gift_cards (project_id, created_at, id) WHERE status <> 'archived';
CREATE INDEX gift_cards_set_aside ON gift_cards (project_id, status, created_at, id) WHERE status <> 'active';

ALTER TABLE referral_codes ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}'
    CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384);
GRANT UPDATE (metadata) ON referral_codes TO vauchflow_app;

-- What is exported is walked through all programs of a project.
CREATE INDEX loyalty_cards_by_time ON loyalty_cards (project_id, created_at, id);
CREATE INDEX referral_codes_by_time ON referral_codes (project_id, created_at, id);
CREATE INDEX referrals_by_time ON referrals (project_id, created_at, redemption_id);

-- What names a validation rule, so that none is deleted that something still needs. Written by triggers only.
CREATE TABLE validation_rule_assignments (
    project_id text COLLATE "C" NOT NULL,
    rule_id text COLLATE "C" NOT NULL,
    object text NOT NULL CHECK (object IN ('campaign', 'voucher', 'promotion_tier')),
    object_id text COLLATE "C" NOT NULL CHECK (octet_length(object_id) BETWEEN 1 AND 64),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, rule_id, object_id),
    FOREIGN KEY (project_id, rule_id) REFERENCES validation_rules (project_id, id)
);
CREATE INDEX validation_rule_assignments_by_time ON validation_rule_assignments
    (project_id, rule_id, created_at, object_id);
CREATE INDEX validation_rule_assignments_by_object ON validation_rule_assignments (project_id, object_id);
SELECT allow_rows('validation_rule_assignments', 'vauchflow_app', '{SELECT,INSERT,DELETE}', 'project');
SELECT allow_rows('validation_rules', 'vauchflow_app', '{DELETE}', 'project');

-- An archived voucher or tier is that for ever, and needs its rules no more; a campaign can be restored.
CREATE FUNCTION assign_rules() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM validation_rule_assignments a USING made m
        WHERE a.project_id = m.project_id AND a.object_id = m.id
            AND (NOT COALESCE(m.rules -> 'validation_rules', '[]') ? a.rule_id
                OR (TG_ARGV[0] <> 'campaign' AND m.status = 'archived'));
    END IF;
    INSERT INTO validation_rule_assignments (project_id, rule_id, object, object_id)
    SELECT m.project_id, r.id, TG_ARGV[0], m.id
    FROM made m CROSS JOIN jsonb_array_elements_text(m.rules -> 'validation_rules') AS r (id)
    WHERE m.rules ? 'validation_rules' AND (TG_ARGV[0] = 'campaign' OR m.status <> 'archived')
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE FUNCTION release_rules() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM validation_rule_assignments a USING gone g WHERE a.project_id = g.project_id AND a.object_id = g.id;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION assign_rules(), release_rules() FROM PUBLIC;
CREATE TRIGGER campaigns_rules_made AFTER INSERT ON campaigns REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION assign_rules('campaign');
CREATE TRIGGER campaigns_rules_changed AFTER UPDATE ON campaigns REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION assign_rules('campaign');
CREATE TRIGGER campaigns_rules_released AFTER DELETE ON campaigns REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION release_rules();
CREATE TRIGGER vouchers_rules_made AFTER INSERT ON vouchers REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION assign_rules('voucher');
CREATE TRIGGER vouchers_rules_changed AFTER UPDATE ON vouchers REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION assign_rules('voucher');
CREATE TRIGGER promotion_tiers_rules_made AFTER INSERT ON promotion_tiers REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION assign_rules('promotion_tier');
CREATE TRIGGER promotion_tiers_rules_changed AFTER UPDATE ON promotion_tiers REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION assign_rules('promotion_tier');
INSERT INTO validation_rule_assignments (project_id, rule_id, object, object_id)
SELECT o.project_id, r.id, o.object, o.id
FROM (
    SELECT project_id, id, 'campaign' AS object, rules FROM campaigns WHERE rules ? 'validation_rules'
    UNION ALL SELECT project_id, id, 'voucher', rules FROM vouchers WHERE rules ? 'validation_rules'
    UNION ALL SELECT project_id, id, 'promotion_tier', rules FROM promotion_tiers WHERE rules ? 'validation_rules'
) AS o
CROSS JOIN jsonb_array_elements_text(o.rules -> 'validation_rules') AS r (id)
ON CONFLICT DO NOTHING;
