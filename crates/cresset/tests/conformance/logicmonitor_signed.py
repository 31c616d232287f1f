"""Signs requests by hand: python logicmonitor_signed.py URL ACCESS_ID ACCESS_KEY USER, the answers as JSON."""

import base64
import hashlib
import hmac
import json
import sys
import time

import requests

url, access_id, access_key, user = sys.argv[1:5]
tokens = f"/setting/admins/{user}/apitokens"
session = requests.Session()
answers = {}


def header(verb, path, body, epoch, raw=False):
    message = verb.encode() + epoch.encode() + body + path.encode()
    digest = hmac.new(access_key.encode(), message, hashlib.sha256)
    digest = digest.digest() if raw else digest.hexdigest().encode()
    return f"LMv1 {access_id}:{base64.b64encode(digest).decode()}:{epoch}"


def send(name, verb, path, body=b"", query="", version="3", signed=None, minutes=0, raw=False):
    """Sends a request; `signed` is the path that is signed where it is another one."""
    epoch = str(int((time.time() + minutes * 60) * 1000))
    headers = {
        "Content-Type": "application/json",
        "X-Version": version,
        "Authorization": header(verb, signed or path, body, epoch, raw),
    }
    target = url + "/santaba/rest" + path + query
    answer = session.request(verb, target, data=body, headers=headers)
    answers[name] = {"status": answer.status_code, "body": answer.json()}
    return answer.json()


body = json.dumps({"note": "caf\u00e9  \u2603", "status": 2}, ensure_ascii=False, indent=2)
made = send("added", "POST", tokens, body.encode() + b"\r\n")
mine = f"{tokens}/{made['id']}"
send("read", "GET", mine)
send("found", "GET", "/setting/admins/apitokens", query=f'?filter=id:{made["id"]}&fields=id,note')
send("awkward", "GET", tokens, query='?filter=note:"a+b%26c"|"caf%C3%A9*"&sort=-id')
send("spelt otherwise", "GET", "/setting/admins/apiTokens", query="?size=1", version="2")
send("put", "PUT", mine, b'{"status":1}', version="1")
send("patched", "PATCH", mine, b'{"note": "x", "status": 2}', query="?patchFields=note")
send("25 minutes slow", "GET", mine, minutes=-25)
send("25 minutes fast", "GET", mine, minutes=25)
send("deleted", "DELETE", mine, version="1")
send("deleted again", "DELETE", mine, version="2")

send("query signed", "GET", tokens, query="?size=1", signed=tokens + "?size=1")
send("base signed", "GET", tokens, signed="/santaba/rest" + tokens)
send("raw digest", "GET", tokens, raw=True)
send("35 minutes slow", "GET", tokens, minutes=-35)
send("35 minutes fast", "GET", tokens, minutes=35)
send("other path", "GET", tokens, signed="/setting/roles")
json.dump(answers, sys.stdout)
