-- Incident user groups, which incidents they see, and when people last worked on incidents.

CREATE TABLE user_groups (
    id         TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE user_group_members (
    group_id TEXT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    user_id  TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_group_members_by_user ON user_group_members (user_id, group_id);

CREATE TABLE incident_groups (
    incident_id TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    group_id    TEXT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    PRIMARY KEY (incident_id, group_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX incident_groups_by_group ON incident_groups (group_id);

-- Null while nobody has done anything to the incident.
ALTER TABLE incidents ADD COLUMN modified_at INTEGER;

CREATE INDEX incidents_by_change ON incidents (modified_at, id) WHERE modified_at IS NOT NULL;
