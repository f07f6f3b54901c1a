"""The settings part of docs/protocol.md, made from the settings classes.

`python tests/docs/settings_table.py` writes it into the document; a test holds the two together.
"""

import ast
import dataclasses
import inspect
import json
from pathlib import Path

from fusion import settings as pipeline_settings
from gateway import settings
from gateway.settings import SensorSettings, Settings, ZoneSettings

DOCUMENT = Path(__file__).parents[2] / "docs" / "protocol.md"
BEGIN, END = "<!-- settings: begin -->\n", "<!-- settings: end -->\n"


def descriptions(module: object) -> dict[str, dict[str, str]]:
    """Read the sentence below every attribute of every class of a module."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ClassDef):
            pairs = zip(node.body, node.body[1:], strict=False)
            found[node.name] = {
                field.target.id: " ".join(text.value.value.split())
                for field, text in pairs
                if isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
            }
    return found


def table() -> str:
    """Return the settings as Markdown."""
    said = {**descriptions(settings), **descriptions(pipeline_settings)}
    defaults = Settings()
    lines: list[str] = []
    for name in Settings.model_fields:
        section = getattr(defaults, name)
        if name in ("data_dir", "sensor", "zone"):
            continue
        kind = type(section)
        keys = [f.name for f in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else list(kind.model_fields)
        lines += ["", f"#### [{name}]", "", "| key | default | what it does |", "|---|---|---|"]
        lines += [f"| `{key}` | `{json.dumps(getattr(section, key))}` | {said[kind.__name__][key]} |" for key in keys]
    lines += ["", "#### [[sensor]]", "", "| key | what it is |", "|---|---|"]
    lines += [f"| `{key}` | {said['SensorSettings'][key]} |" for key in SensorSettings.model_fields]
    lines += ["", "#### [[zone]]", "", "| key | default | what it is |", "|---|---|---|"]
    for key, kind in ZoneSettings.model_fields.items():
        default = "" if kind.is_required() else f"`{json.dumps(kind.default)}`"
        lines.append(f"| `{key}` | {default} | {said['ZoneSettings'][key]} |")
    return "\n".join(lines) + "\n\n"


def main() -> None:
    """Write the table into the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    DOCUMENT.write_text(head + BEGIN + table() + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
