"""What lm-mcp, an MCP server before LogicMonitor's API, makes of a server, tool by tool, as JSON.

python logicmonitor_mcp.py LM_MCP_SERVER, with the settings of lm-mcp in the environment. The
program runs as it does for an assistant: as a child that is spoken to over its standard streams.
"""

import asyncio
import json
import os
import re
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

answers = {}
called = set()


async def call(session, name, tool, **arguments):
    """Stores what the tool tells, as JSON, or the text of its error."""
    called.add(tool)
    result = await session.call_tool(tool, arguments)
    text = "".join(part.text for part in result.content)
    answers[name] = {"error": text} if result.isError else json.loads(text)
    return answers[name]


async def drive(session):
    roles = await call(session, "roles", "get_roles")
    if "error" in roles:
        return  # a credential that is refused
    role = {role["name"]: role["id"] for role in roles["roles"]}
    await call(session, "roles found", "get_roles", name_filter="read*only")
    await call(session, "roles by filter", "get_roles", filter="name~admin,twoFARequired:false")
    await call(session, "roles cut", "get_roles", limit=1, offset=3)
    await call(session, "role", "get_role", role_id=role["readonly"])
    await call(session, "role of nobody", "get_role", role_id=999999)

    person = {
        "username": "mcp@x",
        "email": "mcp@example.org",
        "first_name": "M\u00e4x",
        "last_name": "C <b>& \u2603",
        "roles": [role["readonly"]],
    }
    made = await call(session, "user added", "create_user", api_only=True, **person)
    user = made.get("user_id")
    await call(session, "user twice", "create_user", api_only=True, **person)
    weak = {**person, "username": "weak", "password": "abc"}
    await call(session, "weak password", "create_user", **weak)
    other = {**person, "username": "ui@x", "note": "n", "phone": "+31 6 1", "sms_email": "s@x"}
    other = await call(session, "person added", "create_user", **other, password="Zq8!mmTTv")
    other = other.get("user_id")
    await call(session, "users", "get_users")
    await call(session, "users cut", "get_users", limit=1, offset=1)
    await call(session, "users found", "get_users", name_filter="mcp*")
    await call(session, "users by filter", "get_users", filter='username~"@x",status:active')
    await call(session, "users badly filtered", "get_users", filter="nosuch:1")
    await call(session, "user", "get_user", user_id=other)
    changed = {"note": "changed", "roles": [role["manager"]], "phone": "+31 6 2"}
    await call(session, "user changed", "update_user", user_id=other, first_name="D", **changed)
    await call(session, "nothing changed", "update_user", user_id=other)
    await call(session, "user read again", "get_user", user_id=other)

    await call(session, "tokens of none", "get_api_tokens", admin_id=user)
    await call(session, "tokens", "get_api_tokens")
    await call(session, "token", "get_api_token", token_id=1, admin_id=1)
    await call(session, "token of nobody", "get_api_token", token_id=999999)
    await call(session, "token elsewhere", "get_api_token", token_id=1, admin_id=user)
    await call(session, "audit of all tokens", "get_api_token_audit", limit=20)

    await call(session, "user deleted", "delete_user", user_id=user)
    await call(session, "user deleted again", "delete_user", user_id=user)
    await call(session, "person deleted", "delete_user", user_id=other)

    tools = (await session.list_tools()).tools
    ours = re.compile("(^|_)(users?|roles?|tokens?)(_|$)")
    offered = {tool.name for tool in tools if ours.search(tool.name)}
    answers["not called"] = sorted(offered - called)


async def main():
    server = StdioServerParameters(command=sys.argv[1], env=dict(os.environ))
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        await drive(session)
    json.dump(answers, sys.stdout)


asyncio.run(main())
