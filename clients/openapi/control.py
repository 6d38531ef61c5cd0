"""An OpenAPI document of the control API, made from the list of its resources that `GET /_portraitd/` answers with: each has
a method, a path, and an example of its body or its query. A resource that is added is in it without a change here."""

from urllib.parse import parse_qsl

# Ends with the client alone.
STREAM = "/_portraitd/live"
# How long a call may wait for records: a fuzz run waits each time.
WAIT_MS_MAX = 20
KINDS = {bool: "boolean", int: "integer", str: "string"}


def document(url, resources):
    paths = {}
    for resource in resources:
        if resource["path"] != STREAM:
            paths.setdefault(resource["path"], {})[resource["method"].lower()] = operation(resource)
    return {"openapi": "3.1.0", "info": {"title": "control", "version": "1"}, "servers": [{"url": url}], "paths": paths}


def operation(resource):
    names = [part[1:-1] for part in resource["path"].split("/") if part.startswith("{")]
    made = {
        "parameters": [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names],
        "responses": {"204": {"description": "done"}, "2XX": json_of({}), "4XX": json_of(refusal())},
    }
    example = resource.get("example")
    if isinstance(example, dict):
        schema = {"type": "object", "properties": {name: value_like(value) for name, value in example.items()}}
        made["requestBody"] = {"content": {"application/json": {"schema": schema, "example": example}}}
    elif example:
        made["parameters"] += [parameter(name, text) for name, text in parse_qsl(example[1:])]
    return made


def parameter(name, text):
    value = int(text) if text.isdigit() else text
    schema = value_like(value)
    if name == "wait_ms":
        schema["maximum"] = WAIT_MS_MAX
    return {"name": name, "in": "query", "schema": schema}


def value_like(value):
    schema = {"type": KINDS[type(value)], "examples": [value]}
    return {**schema, "minimum": 0} if schema["type"] == "integer" else schema


def refusal():
    return {"type": "object", "required": ["error"], "properties": {"error": {"type": "string", "minLength": 10}}}


def json_of(schema):
    return {"description": "JSON", "content": {"application/json": {"schema": schema}}}
