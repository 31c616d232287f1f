-- Which groups see an incident is kept by name: a group that is made later sees it, too.

CREATE TABLE incident_group_names (
    incident_id TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    PRIMARY KEY (incident_id, name)
) STRICT, WITHOUT ROWID;

INSERT INTO incident_group_names (incident_id, name)
SELECT i.incident_id, g.name FROM incident_groups i JOIN user_groups g ON g.id = i.group_id;

DROP TABLE incident_groups;

ALTER TABLE incident_group_names RENAME TO incident_groups;
