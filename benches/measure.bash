# What the scripts that measure the API with wrk have in common; they source this file after they
# have set `port`.
# shellcheck shell=bash
cresset=${CRESSET:-target/release/cresset}
runs=${RUNS:-5}
url=http://127.0.0.1:$port

fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 2; }
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
# serve DATA: a server with that data directory, once it is ready
serve() {
  "$cresset" serve --data-dir "$1" --listen "127.0.0.1:$port" >"$dir/log" 2>&1 &
  server=$!
  for _ in $(seq 300); do
    kill -0 "$server" 2>/dev/null || { cat "$dir/log" >&2; fail "the server stopped"; }
    curl --silent --fail --noproxy '*' "$url/health/ready" >/dev/null && return
    sleep 0.1
  done
  fail "the server is not ready"
}
stop() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  server=
}

missed=0
# judge TEXT FIGURE below|above BOUND UNIT
judge() {
  local verdict
  verdict=$(python3 -c 'import sys; f, way, b = float(sys.argv[1]), sys.argv[2], float(sys.argv[3])
print("ok" if (f < b if way == "below" else f >= b) else "MISSED")' "$2" "$3" "$4")
  [ "$verdict" = ok ] || missed=1
  printf '%-58s %10s %-5s (bound: %s %s) %s\n' "$1" "$2" "$5" "$3" "$4" "$verdict"
}
# of NAME: the median of a figure's runs
of() {
  awk -v name="$1" '$1 == name { print $2 }' "$dir/figures" | sort -g | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'
}
# stolen: what the host of this virtual machine has taken away so far, and all time, in ticks
stolen() { awk '$1 == "cpu" { for (i = 2; i <= 9; i++) all += $i; print $9, all }' /proc/stat; }
read -r stolen_before all_before < <(stolen)
tell_stolen() {
  local stolen_after all_after
  read -r stolen_after all_after < <(stolen)
  awk -v stolen="$((stolen_after - stolen_before))" -v all="$((all_after - all_before))" \
    'BEGIN { printf "the host of this machine took away %.1f %% of its processors (0 where it does not tell)\n", 100 * stolen / all }'
}
