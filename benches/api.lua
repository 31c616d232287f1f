-- For wrk: makes COUNT requests one after the other over one connection, and tells in ms how long
-- they took.
--   wrk -t1 -c1 -d10 -s api.lua URL -- NAME COUNT [create]
-- With `create`, each is a request to make another rule.

local rule = [[{"name": "Rule number %05d", "description": "One of many", "search_params": {
"query": "event=never%d | chart count() as cnt by user | search cnt>5",
"timerange_day": 0, "timerange_hour": 0, "timerange_minute": 10, "repos": [],
"limit": 100, "search_interval_minute": 5},
"incident_condition": {"condition_option": "greaterthan", "condition_value": 0, "risk": "low", "aggregate": "max"},
"taxonomy": {"attack_tag_hashes": [], "logsources": [], "metadata": []},
"incident_ownership": {"assignee": "admin", "visible_to_usergroups": []},
"incident_display_data": {"apply_jinja_template": false, "simple_view": true}}]]

local the_thread
local answered, made = 0, 0

function setup(thread)
  the_thread = thread
end

function init(args)
  name, count, creates = args[1], tonumber(args[2]), args[3] == "create"
end

function request()
  if not creates then return wrk.format() end
  made = made + 1
  return wrk.format("POST", nil, nil, rule:format(made, made))
end

function response(status, headers, body)
  if status ~= 200 then
    io.stderr:write(("%s: %d %s\n"):format(name, status, body:sub(1, 300)))
    os.exit(1)
  end
  answered = answered + 1
  if answered == count then wrk.thread:stop() end
end

function done(summary, latency)
  local name, count = the_thread:get("name"), the_thread:get("count")
  if summary.requests < count then
    io.stderr:write(("%s: %d of %d requests were answered in %d s\n"):format(
      name, summary.requests, count, summary.duration / 1e6))
    os.exit(1)
  end
  for figure, microseconds in pairs({
    median = latency:percentile(50), p99 = latency:percentile(99), longest = latency.max,
  }) do
    print(("%s_%s %.2f"):format(name, figure, microseconds / 1000))
  end
end
