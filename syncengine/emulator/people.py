"""Who is on the server: users, groups, rooms."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

from attrs import define, field

from syncengine.emulator.message import Address
from syncengine.models import Kind


@define
class User:
    """An account."""

    name: str
    password: str | None
    nickname: str
    created_at: int


@define
class Group:
    """A group, or a room, which has no members that matter here."""

    group_id: str
    name: str
    owner: str
    members: list[str] = field(factory=list)


class People(ABC):
    """The people of a world."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.groups: dict[str, Group] = {}
        self.rooms: dict[str, Group] = {}

    @abstractmethod
    def now(self) -> int:
        """The server's clock, ms."""

    def add_user(self, name: str, password: str | None = None, *, nickname: str = "") -> User:
        """Register a user; the password is the name unless given."""
        user = User(name, password if password is not None else name, nickname, self.now())
        self.users[name] = user
        return user

    def add_group(
        self, group_id: str, members: Iterable[str], *, owner: str = "", name: str = ""
    ) -> Group:
        """Make a group."""
        known = list(dict.fromkeys(members))
        group = Group(group_id, name or group_id, owner or (known[0] if known else ""), known)
        self.groups[group_id] = group
        return group

    def add_room(self, room_id: str, *, owner: str = "", name: str = "") -> Group:
        """Make a chat room: it has history but no place in any list."""
        self.rooms[room_id] = Group(room_id, name or room_id, owner)
        return self.rooms[room_id]

    def participants(self, address: Address) -> tuple[str, ...]:
        """Whose lists show the conversation."""
        if address.kind is Kind.CHAT:
            return tuple(dict.fromkeys((address.first, address.second)))
        group = self.groups.get(address.first)
        return tuple(group.members) if group and address.kind is Kind.GROUPCHAT else ()
