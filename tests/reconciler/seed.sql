-- A project on shard 3 with a code that has a limit of 5, and a family of customers' counters with a limit of 2.
INSERT INTO accounts (id, name, plan, shard) VALUES ('acc_a', 'Account', 'unlimited', 3);
INSERT INTO projects (account_id, id, name) VALUES ('acc_a', 'prj_a', 'Project');
INSERT INTO counters (project_id, id, kind, limit_value, ceiling) VALUES
    ('prj_a', 'r:vch_1', 'redemptions', 5, 5), ('prj_a', 'u:cmp_1', 'customer_family', 2, 2);
