"""What logicmonitor_sdk gets from a server, method by method, as JSON.

python logicmonitor_client.py URL ACCESS_ID ACCESS_KEY, or URL BEARER_TOKEN.
"""

import json
import re
import sys

import logicmonitor_sdk as sdk
from logicmonitor_sdk.rest import ApiException

url, *credential = sys.argv[1:]
configuration = sdk.Configuration()
configuration.company = "acme"
configuration._host = url + "/santaba/rest"  # there is no other way to reach another host
if len(credential) == 1:
    configuration.auth_type = "Bearer"
    (configuration.bearer_token,) = credential
else:
    configuration.access_id, configuration.access_key = credential
client = sdk.ApiClient(configuration)
api = sdk.LMApi(client)
answers = {}
called = set()


def call(name, method, *args, **kwargs):
    """Stores what the method returns, as JSON with the names of the wire, or the error."""
    called.add(getattr(method, "__name__", ""))
    try:
        answer = method(*args, **kwargs)
    except ApiException as error:
        answers[name] = {"refused": error.status, **json.loads(error.body)}
        return None
    except ValueError as error:  # the client's own checks
        answers[name] = {"client": str(error)}
        return None
    answers[name] = client.sanitize_for_serialization(answer)
    return answer


def privileges():
    return [{"objectType": "setting", "objectId": "useraccess.*", "operation": "write"}]


role = call("role added", api.add_role, {"name": "tok-admins", "privileges": privileges()})
call("role twice", api.add_role, {"name": "TOK-admins", "privileges": []})
call("roles", api.get_role_list, filter='name:"tok-admins"')
call("roles cut", api.get_role_list, size=2, offset=1)
call("role", api.get_role_by_id, role.id)
changed = {"name": "tok-admins", "description": "put", "privileges": privileges()}
call("role put", api.update_role_by_id, role.id, changed)
call("role patched", api.patch_role_by_id, role.id, {"description": "patched"})

admin = sdk.Admin(
    username="ci@x",
    email="ci@x",
    password="Pw1!aaaa",
    roles=[sdk.Role(name="tok-admins", id=role.id, privileges=[])],
    apionly=True,
    note="n",
    first_name="C",
    last_name="I",
)
user = call("user added", api.add_admin, admin)
call("user twice", api.add_admin, admin)
weak = {"username": "weak", "email": "w@x", "password": "abc", "roles": [{"name": "readonly"}]}
call("weak password", api.add_admin, weak)
call("users", api.get_admin_list)
call("users found", api.get_admin_list, filter='username:"ci@x"', size=10)
call("users without roles", api.get_admin_list, fields="id,username")
read = call("user", api.get_admin_by_id, user.id)
call("user put back", api.update_admin_by_id, user.id, read)
call("password of api-only", api.update_admin_by_id, user.id, read, change_password=True)
read.note = "never stored"
call("user only checked", api.update_admin_by_id, user.id, read, validation_only=True)
call("user patched", api.patch_admin_by_id, user.id, {"firstName": "D"})
call("role in use", api.delete_role_by_id, role.id)

call("token added", api.add_api_token_by_admin_id, user.id, {})
note = {"note": "caf\u00e9 \u2603 <b>&", "status": 2}
token = call("token noted", api.add_api_token_by_admin_id, user.id, note)
bearer = call("bearer added", api.add_api_token_by_admin_id, user.id, {"note": "b"}, type="bearer")
call("tokens", api.get_api_token_list, filter="adminId:%d" % user.id)
call("tokens cut", api.get_api_token_list, fields="id,status", size=1, offset=1, filter="status:2")
awkward = 'note:"a b+c&d=e|f"|"g",status>:1||_all~"caf\u00e9 \u2603 <b>&"'
call("tokens awkward", api.get_api_token_list, filter=awkward)
call("tokens badly filtered", api.get_api_token_list, filter="nosuch:1")
call("tokens of user", api.get_api_token_list_by_admin_id, user.id)
call("bearers of user", api.get_api_token_list_by_admin_id, user.id, type="bearer")
call("token put", api.update_api_token_by_admin_id, user.id, token.id, {"status": 1})
call("token patched", api.patch_api_token_by_admin_id, user.id, token.id, {"note": "rot"})
call("token of nobody", api.add_api_token_by_admin_id, 999999, {})
call("raw", api.get_api_token_list_by_admin_id, user.id, return_raw_response=True)
background = api.get_api_token_list_by_admin_id(user.id, async_req=True)
call("async", background.get)
call("token deleted", api.delete_api_token_by_id, user.id, token.id)
call("token deleted again", api.delete_api_token_by_id, user.id, token.id)
call("bearer deleted", api.delete_api_token_by_id, user.id, bearer.id)
call("user deleted", api.delete_admin_by_id, user.id)
call("user deleted again", api.delete_admin_by_id, user.id)
call("role deleted", api.delete_role_by_id, role.id)
call("role deleted again", api.get_role_by_id, role.id)

nobody = sdk.Configuration()
nobody._host = configuration._host
call("no credential", sdk.LMApi(sdk.ApiClient(nobody)).get_role_list)
# Methods that nothing above calls.
offered = {name for name in dir(sdk.LMApi) if re.search("_(admin|role|api_token)(_|$)", name)}
answers["not called"] = sorted(
    name for name in offered - called if not name.endswith("_with_http_info")
)
json.dump(answers, sys.stdout)
