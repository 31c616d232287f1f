"""What pylogpoint gets from a server: python pylogpoint_client.py URL USER KEY, the answers as JSON."""

import json
import sys

import pylogpoint

url, user, key = sys.argv[1:4]
api = pylogpoint.LogPointSearchAPI(url, user, key)
answers = {
    "preferences": api.get_user_preferences(),
    "loginspects": api.get_log_inspects(),
    "repos": api.get_repos(),
    "devices": api.get_devices(),
    "livesearches": api.low_level_api.get_allowed_data("livesearches"),
    "simple": api.search("kind=probe", 10, "Last 10 minutes"),
    "one_repo": api.search("kind=probe", 10, "Last 10 minutes", ["127.0.0.1:5504/_cresset"]),
    "chart": api.search("kind=probe | chart count() as cnt by user", 10, "Last 24 hours"),
    "timechart": api.search("kind=probe | timechart count() every 1 hour", 10, "Last 24 hours"),
}
for name, query, credential in [("bad_query", "kind=(", key), ("bad_key", "kind=probe", "wrong")]:
    refused = pylogpoint.LogPointSearchAPI(url, user, credential)
    try:
        answers[name] = refused.launch_search(query, 10, "Last 10 minutes")
    except Exception as error:  # the class is not exported by the package
        answers[name] = f"{type(error).__name__}: {error}"
json.dump(answers, sys.stdout)
