-- A list of rules is read from an index alone, without the documents.
ALTER TABLE rules ADD COLUMN description TEXT NOT NULL DEFAULT '';
UPDATE rules SET description = coalesce(spec ->> '$.description', '');
CREATE INDEX rules_listed ON rules (owner, created_at, id, active, name, description);

-- The counter of the rules as it was after the last change of this rule.
ALTER TABLE rules ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX rules_changed ON rules (changed, active);
DROP INDEX rules_active;
