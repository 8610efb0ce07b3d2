-- Vouchers whose insertion was under way while migration 0011 made `codes` were not seen by its copy, nor by the trigger
-- that was not there yet: their codes could have been given to a card.

INSERT INTO codes (project_id, code, object)
SELECT v.project_id, v.code, 'voucher' FROM vouchers v
WHERE NOT EXISTS (SELECT FROM codes c WHERE c.project_id = v.project_id AND c.code = v.code)
ON CONFLICT DO NOTHING;
