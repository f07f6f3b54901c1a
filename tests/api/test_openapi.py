"""The description of the interface: complete, with examples that are true to the models."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.app import create_app
from api.http.docs import render
from gateway.settings import Settings

Json = dict[str, Any]


@pytest.fixture
def description(tmp_path) -> Json:
    return create_app(Settings(data_dir=tmp_path)).openapi()


def operations(description: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def resolve(description: Json, schema: Json) -> Json:
    while "$ref" in schema:
        schema = description["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def test_the_whole_contract_is_described(description) -> None:
    v1 = "/api/v1"
    assert {name for name, _ in operations(description)} == {
        f"GET {v1}/muscles", f"GET {v1}/sessions", f"POST {v1}/sessions", f"GET {v1}/sessions/{{session}}",
        f"POST {v1}/sessions/{{session}}/stop", f"POST {v1}/sessions/{{session}}/replay",
        f"DELETE {v1}/sessions/{{session}}/replay", f"GET {v1}/sessions/{{session}}/series",
        f"GET {v1}/sessions/{{session}}/series/{{name}}", f"GET {v1}/sessions/{{session}}/events",
        f"GET {v1}/sessions/{{session}}/metrics", f"GET {v1}/sessions/{{session}}/export",
        f"GET {v1}/sensors", f"POST {v1}/sensors/{{sensor}}/buzz", f"POST {v1}/sensors/{{sensor}}/identify",
        f"GET {v1}/body", f"PUT {v1}/body", f"POST {v1}/calibrations", f"POST {v1}/resets", f"POST {v1}/marks",
        f"GET {v1}/sessions/{{session}}/mvc", f"GET {v1}/subjects/{{label}}/mvc", f"GET {v1}/zones", f"PUT {v1}/zones",
        "GET /healthz", "GET /readyz", "GET /metrics",
    }  # fmt: skip


def test_every_operation_has_a_tag_a_summary_and_an_id_of_its_own(description) -> None:
    identities = [operation["operationId"] for _, operation in operations(description)]
    assert len(set(identities)) == len(identities)
    for name, operation in operations(description):
        assert operation["tags"] in (["sessions"], ["sensors"], ["muscles"], ["health"]), name
        assert operation["summary"], name
        assert re.fullmatch(r"[a-z]+[A-Za-z]*", operation["operationId"]), name


def test_every_answer_and_every_body_has_an_example(description) -> None:
    for name, operation in operations(description):
        contents = {**operation["responses"], "body": operation.get("requestBody", {})}
        for status, answer in contents.items():
            for media_type, content in answer.get("content", {}).items():
                schema = resolve(description, content.get("schema", {}))
                shown = content.keys() & {"example", "examples"} or schema.keys() & {"example", "examples"}
                assert shown or schema.get("format") == "binary" or schema.get("anyOf"), (name, status, media_type)


def test_every_error_is_described_as_one_sentence(description) -> None:
    for name, operation in operations(description):
        for status, answer in operation["responses"].items():
            if int(status) >= 400 and name != "GET /readyz":
                content = answer["content"]["application/json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, (name, status)
                assert re.fullmatch(r"[A-Z].*[.?]", content["example"]["detail"]), (name, status)


async def test_the_page_of_the_description_shows_every_operation_and_loads_nothing_from_elsewhere(service) -> None:
    answer = await service.http.get("/docs")
    assert answer.status_code == 200
    for name, operation in operations(service.app.openapi()):
        assert f'id="{operation["operationId"]}"' in answer.text, name
    assert "knee_flexion_left" in answer.text
    assert not re.search(r"<script|https?://|src=", answer.text)


def test_the_page_shows_text_as_text() -> None:
    evil = "<evil>"
    operation = {"operationId": evil, "tags": [evil], "summary": evil, "responses": {evil: {"description": evil}}}
    page = render({"info": {"title": evil, "version": evil}, "paths": {f"/{evil}": {"get": operation}}})
    assert evil not in page
    assert page.count("&lt;evil&gt;") == 10


def test_the_examples_of_the_models_have_exactly_their_fields(description) -> None:
    checked = 0
    for name, schema in description["components"]["schemas"].items():
        if "example" in schema:
            assert set(schema["example"]) == set(schema["properties"]), name
            checked += 1
    assert checked >= 12
