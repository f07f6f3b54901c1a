"""`/docs`: the OpenAPI description as one page without scripts, so that it works where there is no internet.

FastAPI's own page loads a program from a content network, which a clinic's network and our content policy both refuse.
"""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
details { border: 1px solid #8886; border-radius: 6px; margin: .5rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; }
code, pre { font: 14px/1.4 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .5rem; background: #8882; border-radius: 4px; }
td, th { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0; }
.method { display: inline-block; min-width: 4.5rem; font-weight: 600; }
"""
Node = Mapping[str, Any]
"""A part of the OpenAPI document, which is JSON."""


def install(app: FastAPI) -> None:
    """Give the application its page."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/docs")
    def page() -> HTMLResponse:
        return HTMLResponse(render(app.openapi()))

    app.include_router(routes)


def render(description: Node) -> str:
    """Return the page of an OpenAPI description."""
    by_tag: dict[str, list[str]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(description, method, path, operation))
    sections = "".join(f"<h2>{escape(tag)}</h2>{''.join(parts)}" for tag, parts in by_tag.items())
    info = description["info"]
    paragraphs = "".join(f"<p>{escape(text)}</p>" for text in info.get("description", "").split("\n\n"))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])} {escape(info['version'])}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>{paragraphs}"
        f'<p>For programs: <a href="openapi.json">openapi.json</a></p>{sections}</body></html>'
    )


def _operation(description: Node, method: str, path: str, operation: Node) -> str:
    parts = [f"<p>{escape(operation['description'])}</p>" if "description" in operation else ""]
    parts.append(_parameters(operation.get("parameters", [])))
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        parts += _examples(description, f"Body, {media_type}", content)
    for status, answer in operation["responses"].items():
        parts.append(f"<h4>{escape(status)} {escape(answer.get('description', ''))}</h4>")
        for media_type, content in answer.get("content", {}).items():
            parts += _examples(description, media_type, content)
    return (
        f'<details id="{escape(operation["operationId"])}"><summary><code><span class="method">{method.upper()}</span>'
        f"{escape(path)}</code> {escape(operation['summary'])}</summary>{''.join(parts)}</details>"
    )


def _parameters(parameters: list[Node]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{escape(parameter['in'])}</td>"
        f"<td>{escape(parameter.get('description', ''))}</td></tr>"
        for parameter in parameters
    )
    return f"<table><tr><th>parameter</th><th>in</th><th></th></tr>{rows}</table>" if rows else ""


def _examples(description: Node, title: str, content: Node) -> Iterator[str]:
    yield f"<p>{escape(title)}</p>"
    schema = _resolved(description, content.get("schema", {}))
    several = [example["value"] for example in content.get("examples", {}).values()]
    for example in several or [content.get("example", schema.get("example"))]:
        if example is not None:
            text = example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)
            yield f"<pre>{escape(text)}</pre>"


def _resolved(description: Node, schema: Node) -> Node:
    """Follow references, and the one real choice of an optional body."""
    while "$ref" in schema or "anyOf" in schema:
        if "anyOf" in schema:
            schema = schema["anyOf"][0]
        else:
            schema = description["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema
