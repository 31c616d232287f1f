-- A thousand users more, with a hundred tokens each, a fifth of which are bearer's. No secret
-- belongs to any of them.
WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000)
INSERT INTO users (id, number, username, email, api_access_key, created_at)
SELECT printf('%024x', n), n + (SELECT value FROM counters WHERE name = 'users'),
  'user' || (n * 7919 % 1000), '', 'x', n
FROM n;
UPDATE counters SET value = value + 1000 WHERE name = 'users';
INSERT INTO user_roles (user_id, place, role)
SELECT id, 0, CASE CAST(created_at AS INTEGER) % 10 WHEN 0 THEN 'administrator' ELSE 'readonly' END
FROM users WHERE api_access_key = 'x';
WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000)
INSERT INTO api_tokens (kind, access_id, user_id, user_number, user_name, note, status,
  created_on, created_by, last_used_on, last_address)
SELECT n % 5 = 0, iif(n % 5 = 0, '', printf('%020d', n * 7919 % 1000003)), u.id, u.number,
  u.username, 'runner ' || (n * 31 % 100000) || ' of the build farm', 2 - (n % 9 = 0),
  n * 60, 'root', n * 70, '10.1.2.' || (n % 250)
FROM n JOIN users u ON u.id = printf('%024x', n % 1000 + 1);
INSERT INTO token_keys (token, sealed, digest)
SELECT id, iif(kind = 0, printf('%0120d', id), NULL),
  iif(kind = 1, CAST(printf('%032d', id) AS BLOB), NULL)
FROM api_tokens WHERE id NOT IN (SELECT token FROM token_keys);
