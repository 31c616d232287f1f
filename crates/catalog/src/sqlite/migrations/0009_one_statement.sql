-- Views to insert into, for what is written by the thousand: a statement is one way to the
-- database's thread and back and one wait for the disk, and while it runs nobody else writes.

-- A row makes a rule, counts it, and records who made it.
CREATE VIEW made_rules AS
SELECT id, owner, name, description, created_at, spec,
  NULL AS told_at, NULL AS actor, NULL AS address, NULL AS action, NULL AS detail
FROM rules;

CREATE TRIGGER make_rule INSTEAD OF INSERT ON made_rules
BEGIN
  UPDATE counters SET value = value + 1 WHERE name = 'rules';
  INSERT INTO rules (id, owner, name, description, active, version, changed,
    created_at, updated_at, activated_at, spec)
  VALUES (NEW.id, NEW.owner, NEW.name, NEW.description, 1, 1,
    (SELECT value FROM counters WHERE name = 'rules'),
    NEW.created_at, NEW.created_at, NEW.created_at, NEW.spec);
  INSERT INTO audit (at, actor, address, action, detail)
  SELECT NEW.told_at, NEW.actor, NEW.address, NEW.action, NEW.detail
  WHERE NEW.told_at IS NOT NULL;
END;

-- A row records an evaluation of a rule, of which `kept` are kept, or what the rule remembers,
-- or both. A rule that was deleted meanwhile has nothing recorded.
CREATE VIEW remembered AS
SELECT rule_id, NULL AS evaluation, NULL AS kept, state FROM rule_states;

CREATE TRIGGER remember INSTEAD OF INSERT ON remembered
WHEN EXISTS (SELECT 1 FROM rules WHERE id = NEW.rule_id)
BEGIN
  INSERT INTO rule_states (rule_id, evaluations, state)
  VALUES (NEW.rule_id, NEW.evaluation IS NOT NULL, NEW.state)
  ON CONFLICT (rule_id) DO UPDATE SET
    evaluations = rule_states.evaluations + excluded.evaluations,
    state = coalesce(excluded.state, rule_states.state);
  INSERT INTO evaluations (rule_id, n, place, evaluation)
  SELECT rule_id, evaluations, evaluations % NEW.kept, NEW.evaluation
  FROM rule_states WHERE rule_id = NEW.rule_id AND NEW.evaluation IS NOT NULL
  ON CONFLICT (rule_id, place) DO UPDATE SET n = excluded.n, evaluation = excluded.evaluation;
END;
