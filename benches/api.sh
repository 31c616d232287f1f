#!/usr/bin/env bash
# Measures the API of the release binary against its bounds: the list of 5,000 rules, creating a
# rule, and authenticated requests per second with wrk. Ends with 1 if a bound is missed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cresset=${CRESSET:-target/release/cresset}
rules=${RULES:-5000}
port=${PORT:-17099}
seconds=${SECONDS_OF_LOAD:-10}

fail() { printf 'api.sh: %s\n' "$*" >&2; exit 2; }
[ -x "$cresset" ] || fail "$cresset is missing; run ./dev bench or cargo build --release"
command -v curl >/dev/null || fail "curl is missing; install it: sudo apt-get install curl"
command -v python3 >/dev/null || fail "python3 is missing; install it: sudo apt-get install python3"
if ! command -v wrk >/dev/null; then
  echo "installing wrk"
  { [ "$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq wrk; } >/dev/null 2>&1 \
    || fail "wrk is missing; install it: sudo apt-get update && sudo apt-get install wrk"
fi

dir=$(mktemp -d)
server=
finish() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  rm -rf "$dir"
}
trap finish EXIT
url=http://127.0.0.1:$port
"$cresset" serve --data-dir "$dir/data" --listen "127.0.0.1:$port" >"$dir/log" 2>&1 &
server=$!
for _ in $(seq 100); do
  kill -0 "$server" 2>/dev/null || { cat "$dir/log" >&2; fail "the server stopped"; }
  curl --silent --fail --noproxy '*' "$url/health/ready" >/dev/null && break
  sleep 0.1
done
token=$("$cresset" token --user admin --scope 'alertrules:read alertrules:write' --ttl 1h --data-dir "$dir/data")

missed=0
# judge TEXT FIGURE below|above BOUND UNIT
judge() {
  local verdict
  verdict=$(python3 -c 'import sys; f, way, b = float(sys.argv[1]), sys.argv[2], float(sys.argv[3])
print("ok" if (f < b if way == "below" else f >= b) else "MISSED")' "$2" "$3" "$4")
  [ "$verdict" = ok ] || missed=1
  printf '%-52s %10s %-5s (bound: %s %s) %s\n' "$1" "$2" "$5" "$3" "$4" "$verdict"
}

# One connection, as a script that loads rules would use. Prints per request, in ms: the median
# and the 99th percentile of the time, the longest, and the server's CPU time, which a busy
# machine changes less.
cat >"$dir/load.py" <<'PYTHON'
import http.client, json, os, sys, time

port, token, count, server = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
connection = http.client.HTTPConnection("127.0.0.1", port)
headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

def call(method, path, body=None):
    begin = time.perf_counter()
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    data = answer.read()
    spent = (time.perf_counter() - begin) * 1000
    if answer.status != 200:
        sys.exit(f"{method} {path}: {answer.status} {data[:300]}")
    return spent, json.loads(data)

def rule(n):
    return json.dumps({
        "name": f"Rule number {n:05}", "description": "One of many",
        "search_params": {
            "query": f"event=never{n} | chart count() as cnt by user | search cnt>5",
            "timerange_day": 0, "timerange_hour": 0, "timerange_minute": 10, "repos": [],
            "limit": 100, "search_interval_minute": 5},
        "incident_condition": {
            "condition_option": "greaterthan", "condition_value": 0, "risk": "low", "aggregate": "max"},
        "taxonomy": {"attack_tag_hashes": [], "logsources": [], "metadata": []},
        "incident_ownership": {"assignee": "admin", "visible_to_usergroups": []},
        "incident_display_data": {"apply_jinja_template": False, "simple_view": True}})

def cpu():
    with open(f"/proc/{server}/stat") as stat:
        user, system = stat.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) * 1000 / os.sysconf("SC_CLK_TCK")

def measured(calls):
    before = cpu()
    times, answers = zip(*(call(*request) for request in calls))
    spent = (cpu() - before) / len(times)
    times = sorted(times)
    print(f"{times[len(times) // 2]:.2f} {times[int(len(times) * 0.99)]:.2f} {times[-1]:.2f} {spent:.2f}")
    return answers

created = measured([("POST", "/AlertRules/create_api", rule(n)) for n in range(count)])
lists = measured([("GET", f"/AlertRules/lists_api?limit={count}&page=1")] * 50)
if len(lists[0]["rows"]) != count:
    sys.exit("the list is not complete")
print(created[count // 2]["id"])
PYTHON
figures=$(python3 "$dir/load.py" "$port" "$token" "$rules" "$server") || fail "the rules could not be created"
{ read -r create create99 create_most create_cpu; read -r list list99 list_most list_cpu; read -r id; } <<<"$figures"
judge "create_api, median of $rules" "$create" below 10 ms
judge "create_api, 99th percentile" "$create99" below 10 ms
printf 'create_api: longest %s ms; CPU of the server, detection included, %s ms each\n' "$create_most" "$create_cpu"
judge "lists_api with $rules rules, median of 50" "$list" below 50 ms
judge "lists_api with $rules rules, 99th percentile" "$list99" below 50 ms
printf 'lists_api: longest %s ms; CPU of the server %s ms each\n' "$list_most" "$list_cpu"

wrk --threads 1 --connections 16 --duration "${seconds}s" --latency \
  --header "Authorization: Bearer $token" "$url/AlertRules/read_api?id=$id" >"$dir/wrk" || fail "wrk failed"
if grep -q 'Non-2xx' "$dir/wrk"; then cat "$dir/wrk" >&2; fail "requests were refused"; fi
judge "read_api, with a token, requests per second" "$(awk '/Requests\/sec/ { print $2 }' "$dir/wrk")" above 2000 /s
printf 'latency of read_api:%s\n' "$(awk '$1 ~ /^(50|99)%$/ { printf " %s %s", $1, $2 }' "$dir/wrk")"
exit "$missed"
