-- What lists walk among a million rows, by what is rare. What nearly all rows have is found by walking the list itself,
-- so an index of the others is small, and a row that is made as most are never touches it.
CREATE INDEX loyalty_cards_not_active ON loyalty_cards (project_id, status, created_at, id) WHERE status <> 'active';
CREATE INDEX referral_codes_not_active ON referral_codes (project_id, program_id, status, created_at, id)
    WHERE status <> 'active';
CREATE INDEX quarantine_by_status ON quarantine (project_id, status, created_at, id) WHERE project_id IS NOT NULL;
CREATE INDEX redemptions_returned ON redemptions (project_id, status, created_at, id) WHERE status <> 'redeemed';

-- Redemptions of a campaign, and what its chain of receipts does not link.
CREATE INDEX redemption_lines_by_campaign ON redemption_lines (project_id, campaign_id, created_at, redemption_id)
    WHERE campaign_id IS NOT NULL;

-- The log by who, what and about what.
CREATE INDEX audit_log_by_actor ON audit_log (account_id, actor, created_at, id);
CREATE INDEX audit_log_by_action ON audit_log (account_id, action, created_at, id);
CREATE INDEX audit_log_by_object ON audit_log (account_id, object, created_at, id);
CREATE INDEX audit_log_by_object_id ON audit_log (account_id, object_id, created_at, id);

-- What a row that is deleted may be the parent, or the action, of.
CREATE INDEX counters_by_parent ON counters (project_id, parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX distributions_by_action ON distributions (project_id, async_action_id);
