"""The control endpoint: everything the stand-in can do to a client, over JSON.

It is for the loopback interface and asks for no token, as the whole stand-in is.
"""

import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncengine.emulator.faults import Faults, profile_names
from syncengine.emulator.replies import ServiceError, illegal_argument, json_reply
from syncengine.emulator.service import Service, json_object
from syncengine.emulator.switches import as_mapping, with_values
from syncengine.errors import ConfigError
from syncengine.models import Kind

if TYPE_CHECKING:
    from syncengine.emulator.app import Emulator

Arguments = dict[str, Any]
Verb = Callable[[Arguments], dict[str, Any]]


class ControlCalls:
    """``POST /_emulator/<verb>`` with an object of arguments, ``GET /_emulator/state``."""

    def __init__(self, emulator: "Emulator", service: Service) -> None:
        self._emulator = emulator
        self._service = service
        self._world = service.world
        self.verbs: dict[str, Verb] = {
            "switches": self.switches,
            "faults": self.faults,
            "advance": self.advance,
            "expire-tokens": self.expire_tokens,
            "reset-counters": self.reset_counters,
            "add-user": self.add_user,
            "add-group": self.add_group,
            "send": self.send,
            "import": self.import_message,
            "edit": self.edit,
            "recall": self.recall,
            "read": self.read,
            "delete-messages": self.delete_messages,
            "delete-before": self.delete_before,
            "delete-all": self.delete_all,
            "delete-conversation": self.delete_conversation,
            "history": self.history,
        }

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("/_emulator/state", self.state, methods=["GET"]),
            Route("/_emulator/counters", self.counters, methods=["GET"]),
            Route("/_emulator/{verb}", self.act, methods=["POST"]),
        ]

    async def state(self, request: Request) -> Response:
        """Everything that can be set, and the counters."""
        _check_loopback(request)
        return json_reply(self._state())

    async def counters(self, request: Request) -> Response:
        """The counters alone."""
        _check_loopback(request)
        return json_reply(self._emulator.counters.as_mapping())

    async def act(self, request: Request) -> Response:
        """Carry out one verb."""
        _check_loopback(request)
        verb = self.verbs.get(request.path_params["verb"])
        if verb is None:
            raise illegal_argument("the verbs are: " + ", ".join(sorted(self.verbs)))
        arguments = await json_object(request) if await request.body() else {}
        try:
            return json_reply(verb(arguments))
        except ConfigError as error:
            raise illegal_argument(f"{error} {error.hint}") from error
        except (KeyError, ValueError, TypeError) as error:
            raise illegal_argument(f"{type(error).__name__}: {error}") from error

    # Settings

    def switches(self, arguments: Arguments) -> dict[str, Any]:
        """Change switches by name."""
        self._world.switches = with_values(self._world.switches, arguments)
        return as_mapping(self._world.switches)

    def faults(self, arguments: Arguments) -> dict[str, Any]:
        """Set profile, seed and the rest of `Faults`; without arguments: no more faults."""
        if "latency_ms" in arguments:
            low, high = arguments["latency_ms"]
            arguments["latency_ms"] = (low, high)
        self._emulator.set_faults(Faults(**arguments))
        return self._faults()

    def advance(self, arguments: Arguments) -> dict[str, Any]:
        """Move the clock by ``ms`` and ``days``."""
        ms = int(arguments.get("ms", 0)) + int(float(arguments.get("days", 0)) * 86_400_000)
        self._world.advance(ms)
        return {"now": self._world.now()}

    def expire_tokens(self, _: Arguments) -> dict[str, Any]:
        """End every token that was given."""
        self._emulator.expire_tokens()
        return {}

    def reset_counters(self, _: Arguments) -> dict[str, Any]:
        """Start the counters again."""
        self._emulator.counters.reset()
        return {}

    # On behalf of anyone

    def add_user(self, arguments: Arguments) -> dict[str, Any]:
        """Register ``name`` with ``password``."""
        user = self._world.add_user(arguments["name"], arguments.get("password"))
        return {"name": user.name}

    def add_group(self, arguments: Arguments) -> dict[str, Any]:
        """Make group ``id`` of ``members``."""
        return {"id": self._world.add_group(arguments["id"], arguments["members"]).group_id}

    def send(self, arguments: Arguments) -> dict[str, Any]:
        """Send ``content`` (text or body) ``from`` someone ``to`` a user, group or room."""
        repeat = int(arguments.get("count", 1))
        wanted = _message(arguments) | {"by_server": arguments.get("by_server", False)}
        ids = [self._world.send(**wanted, at=arguments.get("at")) for _ in range(repeat)]
        return {"message_id": ids[-1], "message_ids": ids}

    def import_message(self, arguments: Arguments) -> dict[str, Any]:
        """Like `send`, into the past: ``at`` in ms."""
        wanted = _message(arguments)
        return {"message_id": self._world.import_message(**wanted, at=int(arguments["at"]))}

    def edit(self, arguments: Arguments) -> dict[str, Any]:
        """Give ``message_id`` new ``content``."""
        self._world.edit(
            arguments["message_id"],
            arguments["content"],
            operator=arguments.get("operator"),
            ext=arguments.get("ext"),
        )
        return {}

    def recall(self, arguments: Arguments) -> dict[str, Any]:
        """Withdraw ``message_id``."""
        self._world.recall(arguments["message_id"])
        return {}

    def read(self, arguments: Arguments) -> dict[str, Any]:
        """``user`` has read the conversation."""
        self._world.read(*_target(arguments))
        return {}

    def delete_messages(self, arguments: Arguments) -> dict[str, Any]:
        """Delete ``message_ids`` for ``user``."""
        user, conversation_id, kind = _target(arguments)
        self._world.delete_messages(user, conversation_id, arguments["message_ids"], kind)
        return {}

    def delete_before(self, arguments: Arguments) -> dict[str, Any]:
        """Delete up to ``timestamp`` (ms) for ``user``."""
        user, conversation_id, kind = _target(arguments)
        self._world.delete_before(user, conversation_id, int(arguments["timestamp"]), kind)
        return {}

    def delete_all(self, arguments: Arguments) -> dict[str, Any]:
        """Delete all history of ``user``."""
        self._world.delete_all(arguments["user"])
        return {}

    def delete_conversation(self, arguments: Arguments) -> dict[str, Any]:
        """Take a conversation from ``user``; ``delete_messages``: true unless said."""
        user, conversation_id, kind = _target(arguments)
        gone_too = arguments.get("delete_messages", True)
        self._world.delete_conversation(user, conversation_id, kind, delete_messages=gone_too)
        return {}

    def history(self, arguments: Arguments) -> dict[str, Any]:
        """The ids that ``user`` sees in a conversation, oldest first: the truth."""
        seen = self._world.history(*_target(arguments))
        return {"message_ids": [str(each.message_id) for each in seen]}

    def _state(self) -> dict[str, Any]:
        world = self._world
        return {
            "app_key": world.app_key,
            "seed": world.seed,
            "now": world.now(),
            "users": len(world.users),
            "groups": len(world.groups),
            "switches": as_mapping(world.switches),
            "faults": self._faults(),
            "profiles": list(profile_names()),
            "verbs": sorted(self.verbs),
            "counters": self._emulator.counters.as_mapping(),
        }

    def _faults(self) -> dict[str, Any]:
        faults = self._emulator.faults
        return {
            "profile": faults.profile,
            "seed": faults.seed,
            "probability": faults.probability,
            "budget": faults.budget,
            "routes": sorted(faults.routes),
        }


def _message(arguments: Arguments) -> dict[str, Any]:
    content = arguments.get("content", "")
    return {
        "sender": arguments["from"],
        "to": arguments["to"],
        "kind": Kind(arguments.get("kind", "chat")),
        "content": content,
        "ext": arguments.get("ext"),
    }


def _target(arguments: Arguments) -> tuple[str, str, Kind]:
    kind = Kind(arguments.get("kind", "chat"))
    return arguments["user"], arguments["conversation_id"], kind


def _check_loopback(request: Request) -> None:
    host = request.client.host if request.client else ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise ServiceError(403, "forbidden_op", "the control endpoint is for the loopback only")
