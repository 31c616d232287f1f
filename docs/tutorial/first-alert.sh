#!/usr/bin/env bash
# From a log line to an alert in somebody's inbox, with curl and `cresset token` only.
# docs/tutorial/README.md tells how to start the server and the two sinks that this needs.
#
# usage: first-alert.sh [LOGFILE]     a syslog file with sshd lines; default: our own sample
#
#   CRESSET       the binary                         (default: target/release/cresset)
#   DATA_DIR      the server's data directory        (default: data)
#   SYSLOG        where the server takes TCP syslog  (default: 127.0.0.1:5514)
#   SINKS         the folder given to sinks.py       (default: sinks)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
log=${1:-$here/../../crates/cresset/samples/auth.log}
cresset=${CRESSET:-target/release/cresset}
data=${DATA_DIR:-data}
syslog=${SYSLOG:-127.0.0.1:5514}
sinks=${SINKS:-sinks}

value() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" | head -n 1; }
url=$(value url <"$data/initial-credentials.json")
key=$(value api_access_key <"$data/initial-credentials.json")
token=$("$cresset" token --user admin --scope "alertrules:read alertrules:write" --data-dir "$data")
api() { curl --silent --show-error --fail-with-body -H "Authorization: Bearer $token" "$@"; }
say() { printf '\n== %s\n' "$*"; }

say "1. an alert rule: five failed logins from one address within ten minutes"
name="Failed sshd logins $(date +%s)"
reply=$(api -X POST "$url/AlertRules/create_api" -H 'Content-Type: application/json' --data-binary @- <<JSON
{
  "name": "$name",
  "description": "Somebody guesses passwords",
  "search_params": {
    "query": "label=Login label=Fail | chart count() as cnt by source_address | search cnt>=5",
    "timerange_minute": 10, "search_interval_minute": 1, "repos": ["127.0.0.1:5504/default"], "limit": 100
  },
  "incident_condition": {"condition_option": "greaterthan", "condition_value": 0, "risk": "high", "aggregate": "max"},
  "taxonomy": {"attack_tag_hashes": [], "logsources": ["sshd"], "metadata": []},
  "incident_ownership": {"assignee": "admin", "visible_to_usergroups": []},
  "incident_display_data": {"apply_jinja_template": false, "simple_view": true}
}
JSON
)
echo "$reply"
id=$(value id <<<"$reply")

say "2. an e-mail notification"
api -X POST "$url/pluggables/Notification/EmailNotification/create_api" \
  -F "ids=[\"$id\"]" -F type=email -F notify_email=true -F 'email_emails=["soc@example.com"]' \
  --form-string 'subject=[{{ risk }}] {{ alert_name }}' \
  --form-string 'email_template=<p>{{ rows_count }} address(es):</p><ul>{% for row in rows %}<li>{{ row.source_address }} failed {{ row.cnt }} times</li>{% endfor %}</ul>' \
  -F simple_view=on -F dispatch_option=auto
echo

say "3. an HTTP notification"
api -X POST "$url/pluggables/Notification/HTTPNotification/create_api" -H 'Content-Type: application/json' --data-binary @- <<JSON
{
  "ids": ["$id"], "type": "http", "notify_http": true, "dispatch_option": "auto",
  "http_url": "http://127.0.0.1:$(cat "$sinks/http.port")/hook", "http_request_type": "POST", "http_querystring": "", "protocol": "HTTP",
  "http_body": "{\"alert\": \"{{ alert_name }}\", \"rows\": [{% for row in rows %}{\"address\": \"{{ row.source_address }}\", \"failed\": {{ row.cnt }}}{% if not loop.last %}, {% endif %}{% endfor %}]}"
}
JSON
echo

say "4. $(wc -l <"$log") log lines over TCP syslog, shifted so that the last one is now"
shifted=$(mktemp)
trap 'rm -f "$shifted"' EXIT
# The stamps name no year, so all are taken to be of one year before they are moved.
TZ=UTC awk -v now="$(date +%s)" '
  function seconds(line,   m, t) {
    m = (index("JanFebMarAprMayJunJulAugSepOctNovDec", substr(line, 1, 3)) + 2) / 3
    split(substr(line, 8, 8), t, ":")
    return mktime("2024 " m " " substr(line, 5, 2) + 0 " " t[1] " " t[2] " " t[3])
  }
  { lines[NR] = $0; last = seconds($0) }
  END { for (i = 1; i <= NR; i++) print strftime("%b %e %H:%M:%S", seconds(lines[i]) + now - last) substr(lines[i], 16) }
' "$log" >"$shifted"
cat "$shifted" >"/dev/tcp/${syslog%:*}/${syslog##*:}"

say "5. the incident"
since=$(($(date +%s) - 600))
body="{\"username\": \"admin\", \"secret_key\": \"$key\", \"requestData\": {\"version\": \"0.1\", \"ts_from\": $since, \"ts_to\": $((since + 1200))}}"
for _ in $(seq 100); do
  # The key goes through standard input, so that no process list shows it.
  incidents=$(curl --silent --show-error --fail -X GET -H 'Content-Type: application/json' --data-binary @- "$url/incidents" <<<"$body")
  grep -q "$name" <<<"$incidents" && break
  sleep 0.1
done
grep -q "$name" <<<"$incidents" || { echo "no incident came: $incidents" >&2; exit 1; }
echo "$incidents"

# Prints the first file of this kind that mentions the rule.
received() {
  for _ in $(seq 300); do
    file=$(grep -ls "$name" "$sinks/$1"-* | head -n 1) || true
    [ -n "$file" ] && { cat "$file"; echo; return; }
    sleep 0.1
  done
  echo "nothing came within 30 s; \`$cresset outbox list --data-dir $data\` says why" >&2
  return 1
}
say "6. the e-mail that the mail server received"
received mail
say "7. the request that the web server received"
received http
say "done"
