#!/usr/bin/env bash
# Measures the API of the release binary against its bounds: the list of 5,000 rules, creating a
# rule, and authenticated requests per second with wrk. Ends with 1 if a bound is missed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cresset=${CRESSET:-target/release/cresset}
rules=${RULES:-5000}
runs=${RUNS:-3}
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
stop() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  server=
}
trap 'stop; rm -rf "$dir"' EXIT
url=http://127.0.0.1:$port
# start DATA: a server with an empty data directory
start() {
  "$cresset" serve --data-dir "$1" --listen "127.0.0.1:$port" >"$dir/log" 2>&1 &
  server=$!
  for _ in $(seq 100); do
    kill -0 "$server" 2>/dev/null || { cat "$dir/log" >&2; fail "the server stopped"; }
    curl --silent --fail --noproxy '*' "$url/health/ready" >/dev/null && break
    sleep 0.1
  done
  token=$("$cresset" token --user admin --scope 'alertrules:read alertrules:write' --ttl 1h --data-dir "$1")
}

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
#
# A virtual machine is paused and slowed down by its host: some requests are long whatever the
# server does. How long, the baseline tells: the least server that could make a durable rule.
# It reads the request from the socket, inserts one row, and answers; in Python, in one thread.
cat >"$dir/load.py" <<'PYTHON'
import http.client, json, os, re, socket, sqlite3, sys, time

port, token, count, server = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
data = sys.argv[5]
connection = http.client.HTTPConnection("127.0.0.1", port)
headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

def call(method, path, body=None, connection=connection):
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

def told(name, times):
    """The figures of some calls: how many ms each took."""
    times = sorted(times)
    for figure, value in (("median", times[len(times) // 2]), ("p99", times[int(len(times) * 0.99)]),
                          ("longest", times[-1])):
        print(f"{name}_{figure} {value:.2f}")

def measured(name, calls):
    before = cpu()
    times, answers = zip(*(call(*request) for request in calls))
    print(f"{name}_cpu {(cpu() - before) / len(times):.2f}")
    told(name, times)
    return answers

def least_server():
    """Serves one connection in another process; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    if os.fork():
        return listener.getsockname()[1]
    db = sqlite3.connect(f"{data}/least.db", isolation_level=None)
    for statement in ("PRAGMA journal_mode = wal", "PRAGMA synchronous = full",
                      "CREATE TABLE rules (id TEXT PRIMARY KEY, spec TEXT)"):
        db.execute(statement)
    client, _ = listener.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    requests = client.makefile("rb")
    while True:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = requests.readline()
            if not line:
                os._exit(0)
            head += line
        body = requests.read(int(re.search(rb"(?i)content-length: (\d+)", head)[1]))
        db.execute("INSERT INTO rules VALUES (?, ?)", (os.urandom(12).hex(), body.decode()))
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

creations = [("POST", "/AlertRules/create_api", rule(n)) for n in range(count)]
least = http.client.HTTPConnection("127.0.0.1", least_server())
told("least", [call(*request, least)[0] for request in creations])
least.close()
measured("create", creations)
lists = measured("lists", [("GET", f"/AlertRules/lists_api?limit={count}&page=1")] * 50)
if len(lists[0]["rows"]) != count:
    sys.exit("the list is not complete")
print("id", lists[0]["rows"][count // 2]["id"])
PYTHON
for run in $(seq "$runs"); do
  stop
  start "$dir/data$run"
  python3 "$dir/load.py" "$port" "$token" "$rules" "$server" "$dir/data$run" >>"$dir/figures" \
    || fail "the rules could not be created"
done
# of NAME: the median of the runs
of() {
  awk -v name="$1" '$1 == name { print $2 }' "$dir/figures" | sort -g | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'
}
id=$(awk '$1 == "id" { id = $2 } END { print id }' "$dir/figures")
echo "medians of $runs runs with $rules rules each:"
judge "create_api, median" "$(of create_median)" below 10 ms
judge "create_api, 99th percentile" "$(of create_p99)" below 10 ms
judge "create_api, longest" "$(of create_longest)" below 10 ms
printf 'create_api: CPU of the server, detection included, %s ms each\n' "$(of create_cpu)"
printf 'the least server: median %s, 99th percentile %s, longest %s ms\n' \
  "$(of least_median)" "$(of least_p99)" "$(of least_longest)"
judge "lists_api of all, median of 50" "$(of lists_median)" below 50 ms
judge "lists_api of all, longest" "$(of lists_longest)" below 50 ms
printf 'lists_api: CPU of the server %s ms each\n' "$(of lists_cpu)"

wrk --threads 1 --connections 16 --duration "${seconds}s" --latency \
  --header "Authorization: Bearer $token" "$url/AlertRules/read_api?id=$id" >"$dir/wrk" || fail "wrk failed"
if grep -q 'Non-2xx' "$dir/wrk"; then cat "$dir/wrk" >&2; fail "requests were refused"; fi
judge "read_api, with a token, requests per second" "$(awk '/Requests\/sec/ { print $2 }' "$dir/wrk")" above 2000 /s
printf 'latency of read_api:%s\n' "$(awk '$1 ~ /^(50|99)%$/ { printf " %s %s", $1, $2 }' "$dir/wrk")"
exit "$missed"
