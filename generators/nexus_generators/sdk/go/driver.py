"""A program that calls every operation: parameters are read from JSON into their own types."""

from __future__ import annotations

import json
from collections.abc import Mapping

from nexus_generators.openapi.cases import BYTES, Case
from nexus_generators.openapi.model import Api
from nexus_generators.sdk.go.emit import module_path
from nexus_generators.sdk.go.names import decide
from nexus_generators.sdk.go.resources import Resources
from nexus_generators.sdk.go.text import literal
from nexus_generators.sdk.library import Library

_HEAD = """\
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	api MODULE
)

var (
	ctx    = context.Background()
	client = api.NewClient(api.Settings{Retry: &api.Retry{}})
)

func at(number int) api.Option { return api.WithServer(os.Args[1] + "/" + strconv.Itoa(number)) }

func set(target any, text string) {
	if err := json.Unmarshal([]byte(text), target); err != nil {
		panic(fmt.Sprintf("%s does not fit %T: %v", text, target, err))
	}
}

func tell(number int, call func() (any, error)) {
	result := map[string]any{"number": number}
	func() {
		defer func() {
			if fault := recover(); fault != nil {
				result["error"] = fmt.Sprint(fault)
			}
		}()
		value, err := call()
		if bytes, ok := value.([]byte); ok {
			value = string(bytes)
		}
		if err != nil {
			result["error"] = err.Error()
		} else {
			result["value"] = value
		}
	}()
	line, err := json.Marshal(result)
	if err != nil {
		line, _ = json.Marshal(map[string]any{"number": number, "error": err.Error()})
	}
	fmt.Println(string(line))
}

func all[T any](stream *api.Stream[T], err error) (any, error) {
	if err != nil {
		return nil, err
	}
	found := []any{}
	for item, err := range stream.All() {
		if err != nil {
			return nil, err
		}
		found = append(found, item)
	}
	return found, nil
}

"""


def program(api: Api, cases: Mapping[int, Case], library: Library) -> str:
    """The text of the program, which takes the server's address."""
    naming = decide(api)
    resources = Resources(api, naming)
    lines = [_HEAD.replace("MODULE", literal(module_path(library.package)))]
    calls = []
    for number, case in cases.items():
        operation, call = case.operation, library.calls[case.operation.pointer]
        lines.append(f"func case{number}() (any, error) {{")
        if operation.parameters or operation.bodies:
            lines.append(f"\tvar params api.{naming.params[operation.pointer]}")
        for where, value in case.arguments.items():
            lines.append(f"\tset(&params.{call.arguments[where]}, {literal(json.dumps(value))})")
        if case.body is not None:
            content = BYTES if case.body.kind in {"text", "binary"} else case.body_value
            if len(operation.bodies) > 1:
                lines.append(f"\tvar content {_first(case)}")
                lines.append(f"\tset(&content, {literal(json.dumps(content))})")
                lines.append("\tparams.Body = content")
            else:
                lines.append(f"\tset(&params.Body, {literal(json.dumps(content))})")
        params = "params, " if operation.parameters or operation.bodies else ""
        text = f"client.{call.group}.{call.method}(ctx, {params}at({number}))"
        if call.streams:
            lines.append(f"\treturn all({text})")
        else:
            lines.append(f"\treturn nil, {text}" if not resources.returns(operation) else f"\treturn {text}")
        lines += ["}", ""]
        calls.append(f"\ttell({number}, case{number})")
    lines += ["func main() {", *(calls or ["\t_, _, _, _ = set, tell, client, at"]), "}"]
    return "\n".join(lines) + "\n"


def _first(case: Case) -> str:
    """The type of the first way to write a body, as another package names it."""
    assert case.body is not None  # noqa: S101 - the caller looked
    return "any" if case.body.kind in {"json", "form", "multipart", "jsonl"} else "string"
