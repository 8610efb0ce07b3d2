-- Referrals: codes, who referred whom, and what is given for it.
SELECT;
