-- Whether a person asked for the notification; the others went out by themselves.
ALTER TABLE deliveries ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;
