"""schema/wire/emulator.yaml says what the emulator serves: no more, no less."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.routing import BaseRoute, Mount, Route

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
    return isinstance(value, {"boolean": bool, "number": float, "null": type(None)}[kind])


@pytest.fixture
def app_calls() -> set[tuple[str, str]]:
    """What the emulator answers."""
    raise NotImplementedError


def test_every_call_that_is_served_is_described(app_calls: set[tuple[str, str]]) -> None:
    """A route of the emulator that the document leaves out is a secret."""
    described = {(method, path) for method, path, _ in operations()}
    assert sorted(app_calls - described) == []


def test_every_call_that_is_described_is_served(app_calls: set[tuple[str, str]]) -> None:
    """A call in the document that the emulator does not answer is a promise not kept."""
    described = {(method, path) for method, path, _ in operations()}
    assert sorted(described - app_calls) == []


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


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [pytest.param(*each, id=f"{each[0]} {each[1]}") for each in sorted(operations(), key=str)],
)
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
