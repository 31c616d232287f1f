-- Words of the API; repos is a JSON array of names, or NULL for every ordinary repo.

ALTER TABLE users ADD COLUMN date_format TEXT NOT NULL DEFAULT '%Y/%m/%d';
ALTER TABLE users ADD COLUMN hour_format TEXT NOT NULL DEFAULT '24 Hour';
ALTER TABLE users ADD COLUMN repos TEXT;
