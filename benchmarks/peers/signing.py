"""Signs in on an emulator, since peers are given a token."""

import httpx

from benchmarks.peers.peer import Source
from benchmarks.processes import Server


def source_of(server: Server, conversations: int, each: int) -> Source:
    """The account that the emulator serves, with a token that lasts."""
    credentials = {
        "grant_type": "password",
        "username": server.user,
        "password": server.password,
    }
    base = f"{server.url}/{server.app_key.replace('#', '/')}"
    reply = httpx.post(f"{base}/token", json=credentials, timeout=30).raise_for_status()
    token = reply.json()["access_token"]
    return Source(server.url, token, server.app_key, server.user, conversations, each)
