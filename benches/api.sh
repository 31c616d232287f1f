#!/usr/bin/env bash
# Measures the API of the release binary against its bounds, with wrk: the list of 5,000 rules,
# creating a rule, and authenticated requests per second. Ends with 1 if a bound is missed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rules=${RULES:-5000}
port=${PORT:-17099}
seconds=${SECONDS_OF_LOAD:-10}

source benches/measure.bash
least=
stop_least() {
  if [ -n "$least" ]; then kill "$least" 2>/dev/null || true; wait "$least" 2>/dev/null || true; fi
  least=
}
trap 'stop_least; stop; rm -rf "$dir"' EXIT
# start DATA: a server with an empty data directory
start() {
  serve "$1"
  token=$("$cresset" token --user admin --scope 'alertrules:read alertrules:write' --ttl 1h --data-dir "$1")
}

# The least server that could make a durable rule, as a baseline. It reads the request from the
# socket, inserts one row, and answers; in Python, in one thread. A virtual machine is paused and
# slowed down by its host: how long requests are for that reason, this server tells.
cat >"$dir/least.py" <<'PYTHON'
import os, re, socket, sqlite3, sys

db = sqlite3.connect(f"{sys.argv[1]}/least.db", isolation_level=None)
for statement in ("PRAGMA journal_mode = wal", "PRAGMA synchronous = full",
                  "CREATE TABLE rules (id TEXT PRIMARY KEY, spec TEXT)"):
    db.execute(statement)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    client, _ = listener.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    requests = client.makefile("rb")
    while line := requests.readline():
        head = line
        while not head.endswith(b"\r\n\r\n"):
            head += requests.readline()
        body = requests.read(int(re.search(rb"(?i)content-length: (\d+)", head)[1]))
        db.execute("INSERT INTO rules VALUES (?, ?)", (os.urandom(12).hex(), body.decode()))
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
PYTHON

# measure NAME COUNT URL [create]: requests over one connection; their times in ms become figures.
# wrk waits for the whole time, even if the requests were answered long before.
measure() {
  wrk --threads 1 --connections 1 --duration "${seconds}s" --timeout 30s --script benches/api.lua \
    --header "Authorization: Bearer $token" --header "Content-Type: application/json" \
    "$3" -- "$1" "$2" "${@:4}" >"$dir/wrk" || fail "$1 failed"
  grep "^$1_" "$dir/wrk" >>"$dir/figures"
}
# cpu NAME COUNT: what the server took since the last call becomes the figure of COUNT requests
cpu_before=0
cpu() {
  local now
  now=$(awk -v ms="$((1000 / $(getconf CLK_TCK)))" '{ sub(/.*\) /, ""); print ($12 + $13) * ms }' "/proc/$server/stat")
  awk -v name="$1" -v spent="$((now - cpu_before))" -v count="$2" \
    'BEGIN { printf "%s_cpu %.2f\n", name, spent / count }' >>"$dir/figures"
  cpu_before=$now
}
least_server() {
  python3 "$dir/least.py" "$1" >"$dir/least_port" &
  least=$!
  for _ in $(seq 100); do [ -s "$dir/least_port" ] && return; sleep 0.1; done
  fail "the least server did not start"
}
for run in $(seq "$runs"); do
  stop
  start "$dir/data$run"
  least_server "$dir/data$run"
  measure least "$rules" "http://127.0.0.1:$(cat "$dir/least_port")/" create
  stop_least
  cpu before 1
  measure create "$rules" "$url/AlertRules/create_api" create
  cpu create "$rules"
  measure lists 50 "$url/AlertRules/lists_api?limit=$rules&page=1"
  cpu lists 50
done
id=$(curl --silent --fail --noproxy '*' --header "Authorization: Bearer $token" \
  "$url/AlertRules/lists_api?limit=$rules&page=1" | python3 -c 'import json, sys
rows = json.load(sys.stdin)["rows"]
if len(rows) != int(sys.argv[1]): sys.exit("the list is not complete")
print(rows[len(rows) // 2]["id"])' "$rules") || fail "the rules were not all made"
echo "medians of $runs runs with $rules rules each:"
judge "create_api, median" "$(of create_median)" below 10 ms
judge "create_api, 99th percentile" "$(of create_p99)" below 10 ms
judge "create_api, longest" "$(of create_longest)" below 10 ms
printf 'create_api: CPU of the server, detection included, %s ms each\n' "$(of create_cpu)"
printf 'the least server: median %s, 99th percentile %s, longest %s ms\n' \
  "$(of least_median)" "$(of least_p99)" "$(of least_longest)"
tell_stolen
judge "lists_api of all, median of 50" "$(of lists_median)" below 50 ms
judge "lists_api of all, longest" "$(of lists_longest)" below 50 ms
printf 'lists_api: CPU of the server %s ms each\n' "$(of lists_cpu)"

wrk --threads 1 --connections 16 --duration "${seconds}s" --latency \
  --header "Authorization: Bearer $token" "$url/AlertRules/read_api?id=$id" >"$dir/wrk" || fail "wrk failed"
if grep -q 'Non-2xx' "$dir/wrk"; then cat "$dir/wrk" >&2; fail "requests were refused"; fi
judge "read_api, with a token, requests per second" "$(awk '/Requests\/sec/ { print $2 }' "$dir/wrk")" above 2000 /s
printf 'latency of read_api:%s\n' "$(awk '$1 ~ /^(50|99)%$/ { printf " %s %s", $1, $2 }' "$dir/wrk")"
exit "$missed"
