-- 8: what was missing before arrivals began to be counted is not explained by them

ALTER TABLE audit ADD COLUMN settled INTEGER NOT NULL DEFAULT 0; -- sent until then, ms, server clock: not counted as pushed out by what arrived
UPDATE audit SET settled = coalesce((SELECT server_time FROM account), 0);
