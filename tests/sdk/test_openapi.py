"""What schema/wire/emulator.yaml says is what the emulator serves: no more, no less."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from starlette.routing import BaseRoute, Mount, Route

from syncengine.emulator.app import Emulator
from syncengine.emulator.demo import demo_world
from syncengine.emulator.routes_control import ControlCalls

SPEC_FILE = Path(__file__).parents[2] / "schema" / "wire" / "emulator.yaml"
SPEC: dict[str, Any] = yaml.safe_load(SPEC_FILE.read_text(encoding="utf-8"))
METHODS = {"get", "put", "post", "delete", "patch"}

Operation = dict[str, Any]


def resolve(node: Any) -> Any:
    """What a `$ref` stands for; anything else as it is."""
    while isinstance(node, dict) and "$ref" in node:
        target: Any = SPEC
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def walk(node: Any) -> Iterator[Any]:
    """Every node of the document."""
    yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from walk(child)


def operations() -> Iterator[tuple[str, str, Operation]]:
    """Every call that the document describes: method, path, operation."""
    for path, item in SPEC["paths"].items():
        for method in METHODS & item.keys():
            yield method.upper(), path, item[method]


def served(routes: list[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every call that the app answers, paths without Starlette's converters."""
    for route in routes:
        if isinstance(route, Mount):
            yield from served(list(route.routes), prefix + route.path)
        elif isinstance(route, Route):
            path = re.sub(r"{(\w+):\w+}", r"{\1}", prefix + route.path)
            for method in (route.methods or set()) - {"HEAD"}:
                yield method, path


def bodies(content: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """The examples of a body, each with the schema that it illustrates."""
    media = content.get("application/json", {})
    if "example" in media:
        yield media["example"], media["schema"]
    for example in media.get("examples", {}).values():
        yield example["value"], media["schema"]


def fits(value: Any, schema: Any) -> bool:
    """Whether an example has a schema's shape. Only the words that the document uses."""
    schema = resolve(schema)
    if "oneOf" in schema:
        return sum(fits(value, each) for each in schema["oneOf"]) == 1
    if "const" in schema:
        return bool(value == schema["const"])
    if "enum" in schema:
        return value in schema["enum"]
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return not kinds or any(_is(value, kind, schema) for kind in kinds)


def _is(value: Any, kind: str, schema: dict[str, Any]) -> bool:
    if kind == "object":
        properties = schema.get("properties", {})
        return (
            isinstance(value, dict)
            and set(schema.get("required", ())) <= value.keys()
            and all(fits(value[key], properties[key]) for key in value.keys() & properties.keys())
        )
    if kind == "array":
        return isinstance(value, list) and all(fits(each, schema["items"]) for each in value)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "string":
        return isinstance(value, str) and bool(re.search(schema.get("pattern", ""), value))
    simple: dict[str, type] = {"boolean": bool, "number": float, "null": type(None)}
    return isinstance(value, simple[kind])


CALLS = [pytest.param(*each, id=f"{each[0]} {each[1]}") for each in sorted(operations(), key=str)]
NOT_THERE = {
    "/{org}/{app}/messages/" + call
    for call in ("chatgroups", "chatgroups/import", "chatrooms", "msg_recall")
}
"""The world has no such group, room or message: a 404 that is described is right."""


@pytest.fixture(scope="module")
def app_calls() -> set[tuple[str, str]]:
    """What the emulator answers."""
    emulator = Emulator(demo_world())
    # No public name: nobody but this test needs to see the routes.
    routes = [*emulator._calls.routes, *emulator._control.routes]
    # Answered before any routing, for speed.
    return {*served(routes), ("POST", "/{org}/{app}/users/{user}/messageroaming")}


def test_every_call_that_is_served_is_described(app_calls: set[tuple[str, str]]) -> None:
    """A route of the emulator that the document leaves out is a secret."""
    described = {(method, path) for method, path, _ in operations()}
    assert sorted(app_calls - described) == []


def test_every_call_that_is_described_is_served(app_calls: set[tuple[str, str]]) -> None:
    """A call in the document that the emulator does not answer is a promise not kept."""
    described = {(method, path) for method, path, _ in operations()}
    assert sorted(described - app_calls) == []


def test_every_verb_of_the_control_endpoint_is_described() -> None:
    """The verbs in the document are those that the emulator knows, in the table too."""
    operation = SPEC["paths"]["/_emulator/{verb}"]["post"]
    [parameter] = operation["parameters"]
    emulator = Emulator(demo_world())
    verbs = sorted(ControlCalls(emulator, emulator._service).verbs)
    assert parameter["schema"]["enum"] == verbs
    assert sorted(re.findall(r"^\| `([a-z-]+)` \|", operation["description"], re.M)) == verbs


def test_every_reference_leads_somewhere() -> None:
    """No `$ref` points at a component that is not there."""
    references = [node for node in walk(SPEC) if isinstance(node, dict) and "$ref" in node]
    assert references
    for reference in references:
        assert resolve(reference) is not None, reference


def test_no_component_is_left_over() -> None:
    """Every component is used by something."""
    used = {node["$ref"] for node in walk(SPEC) if isinstance(node, dict) and "$ref" in node}
    kinds = {kind: names for kind, names in SPEC["components"].items() if kind != "securitySchemes"}
    there = {f"#/components/{kind}/{name}" for kind, names in kinds.items() for name in names}
    assert there - used == set()


@pytest.mark.parametrize(("method", "path", "operation"), CALLS)
def test_call_is_described_whole(method: str, path: str, operation: Operation) -> None:
    """A call names all parameters of its path, what it answers, and examples of the right shape."""
    shared = SPEC["paths"][path].get("parameters", [])
    parameters = [resolve(each) for each in shared + operation.get("parameters", [])]
    in_path = {each["name"] for each in parameters if each["in"] == "path"}
    assert in_path == set(re.findall(r"{(\w+)}", path))
    assert operation["summary"]
    assert "200" in operation["responses"]
    carriers = [operation.get("requestBody", {}), *operation["responses"].values()]
    for carrier in map(resolve, carriers):
        for example, schema in bodies(carrier.get("content", {})):
            assert fits(example, schema), example


def filled(path: str, parameters: list[dict[str, Any]]) -> tuple[str, dict[str, str]]:
    """A path and a query made of the parameters' examples."""
    query = {}
    for parameter in parameters:
        if "example" not in parameter:
            continue
        example = parameter["example"]
        text = ",".join(example) if isinstance(example, list) else str(example)
        path = path.replace(f"{{{parameter['name']}}}", text)
        if parameter["in"] == "query":
            query[parameter["name"]] = text
    return path, query


async def app_token(client: httpx.AsyncClient) -> str:
    """A token that may do everything."""
    grants = SPEC["paths"]["/{org}/{app}/token"]["post"]["requestBody"]["content"]
    grant = grants["application/json"]["examples"]["app"]["value"]
    answer = await client.post("/org/app/token", json=grant)
    return str(answer.json()["access_token"])


@pytest.mark.parametrize(("method", "path", "operation"), CALLS)
async def test_examples_are_understood_and_answers_fit(
    method: str, path: str, operation: Operation
) -> None:
    """Each example of a request gets an answer that the document describes, in that shape."""
    shared = SPEC["paths"][path].get("parameters", [])
    target, query = filled(path, list(map(resolve, shared + operation.get("parameters", []))))
    content = resolve(operation.get("requestBody", {})).get("content", {})
    examples = [example for example, _ in bodies(content)] or [None]
    transport = Emulator(demo_world()).transport()
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        headers = {"Authorization": f"Bearer {await app_token(client)}"}
        for example in examples:
            answer = await client.request(
                method, target, params=query, json=example, headers=headers
            )
            described = operation["responses"].get(str(answer.status_code))
            assert described is not None, answer.text
            schema = resolve(described)["content"]["application/json"]["schema"]
            assert fits(answer.json(), schema), answer.text
            assert answer.status_code == 200 or path in NOT_THERE
