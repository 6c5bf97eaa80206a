#!/usr/bin/env python3
"""Writes kinds.txt: what the in-memory API server knows about the built-in kinds.

Run it again when the modelled Kubernetes version changes:
    go mod download k8s.io/kubernetes@v1.36.3 k8s.io/api@v0.36.3 k8s.io/apimachinery@v0.36.3 \
        k8s.io/apiextensions-apiserver@v0.36.3 k8s.io/kube-aggregator@v0.36.3
    ./generate.py "$(go env GOMODCACHE)"

Read from there: the discovery documents (resources), OpenAPI v3 (types, list and map kinds, merge keys) and the Go
sources (which fields are pointers, which are omitted when empty: OpenAPI does not say).
"""
import glob
import json
import os
import re
import sys

MOD = sys.argv[1]
KUBE = f"{MOD}/k8s.io/kubernetes@v1.36.3/api"
REL = "v0.36.3"
SCALARS = {"string": "s", "integer": "i", "number": "n", "boolean": "b"}


def short(name):
    for long, to in [
        ("io.k8s.apiextensions-apiserver.pkg.apis.", ""),
        ("io.k8s.kube-aggregator.pkg.apis.", ""),
        ("io.k8s.apimachinery.pkg.apis.", ""),
        ("io.k8s.apimachinery.pkg.", ""),
        ("io.k8s.api.", ""),
    ]:
        if name.startswith(long):
            return to + name[len(long):]
    return name


def go_structs():
    """(directory key, struct name) -> [(go type, json name, options)]"""
    out = {}
    dirs = {}
    for d in glob.glob(f"{MOD}/k8s.io/api@{REL}/*/v*"):
        g, v = d.split("/")[-2:]
        dirs[f"{g}.{v}"] = d
    dirs["meta.v1"] = f"{MOD}/k8s.io/apimachinery@{REL}/pkg/apis/meta/v1"
    dirs["apiextensions.v1"] = f"{MOD}/k8s.io/apiextensions-apiserver@{REL}/pkg/apis/apiextensions/v1"
    dirs["apiregistration.v1"] = f"{MOD}/k8s.io/kube-aggregator@{REL}/pkg/apis/apiregistration/v1"
    for key, d in dirs.items():
        for f in glob.glob(d + "/*.go"):
            if "zz_generated" in f or f.endswith("_test.go") or "generated.pb" in f:
                continue
            cur = None
            for line in open(f, encoding="utf8"):
                m = re.match(r"type (\w+) struct \{", line)
                if m:
                    cur = out.setdefault((key, m.group(1)), [])
                    continue
                if line.startswith("}"):
                    cur = None
                if cur is None:
                    continue
                m = re.match(r"\s+(?:(\w+)\s+)?(\S+)\s+`.*?json:\"([^\"]*)\"", line)
                if m:
                    cur.append((m.group(2), m.group(3).split(",")[0], m.group(3).split(",")[1:]))
    return out


STRUCTS = go_structs()


def go_field(key, struct, name, seen=()):
    """The Go type and tag options of a JSON field, through embedded structs."""
    for gotype, jname, opts in STRUCTS.get((key, struct), []):
        if jname == name:
            return gotype, opts
        if jname == "" and "inline" in opts and gotype not in seen:
            pkg, _, base = gotype.lstrip("*").rpartition(".")
            k = {"metav1": "meta.v1", "v1": "core.v1", "corev1": "core.v1"}.get(pkg, key)
            found = go_field(k, base, name, (*seen, gotype))
            if found:
                return found
    return None


SCHEMAS = {}
GVK = {}
for f in sorted(glob.glob(f"{KUBE}/openapi-spec/v3/*.json")):
    if re.search(r"v\d+(alpha|beta)\d+_openapi", f):
        continue
    for name, s in json.load(open(f)).get("components", {}).get("schemas", {}).items():
        SCHEMAS[name] = s
        gvks = s.get("x-kubernetes-group-version-kind", [])
        if len(gvks) == 1:
            GVK[(gvks[0]["group"], gvks[0]["version"], gvks[0]["kind"])] = name

needed = []


def ref_of(s):
    if "$ref" in s:
        return s["$ref"].rsplit("/", 1)[1]
    if len(s.get("allOf", [])) == 1 and "$ref" in s["allOf"][0]:
        return s["allOf"][0]["$ref"].rsplit("/", 1)[1]
    return None


def leaf(name):
    s = SCHEMAS[name]
    if name.endswith(".Quantity"):
        return "q"
    if s.get("format") == "int-or-string":
        return "x"
    if name.endswith("v1.Time"):
        return "t"
    if name.endswith("v1.MicroTime"):
        return "u"
    if s.get("type") in SCALARS:
        return SCALARS[s["type"]]
    if s.get("type") == "object" and "properties" in s:
        return None
    if s.get("type") == "object" and "additionalProperties" in s:
        return type_of(s)
    return "*"


def type_of(s):
    r = ref_of(s)
    if r:
        l = leaf(r)
        if l:
            return l
        if r not in needed:
            needed.append(r)
        atomic = s.get("x-kubernetes-map-type") == "atomic"
        return ("!" if atomic else "") + "@" + short(r)
    t = s.get("type")
    if t in SCALARS:
        return "y" if s.get("format") == "byte" else SCALARS[t]
    if t == "array":
        kind = s.get("x-kubernetes-list-type", "atomic")
        head = {"atomic": "a", "set": "s", "map": "m " + ",".join(s.get("x-kubernetes-list-map-keys", []))}[kind]
        strategy = s.get("x-kubernetes-patch-strategy", "")
        if "merge" in strategy:
            head += " ^" + s.get("x-kubernetes-patch-merge-key", "")
        return f"[{head}]" + type_of(s["items"])
    if t == "object" and "additionalProperties" in s:
        return ("{!}" if s.get("x-kubernetes-map-type") == "atomic" else "{}") + type_of(s["additionalProperties"])
    return "*"


def key_of(name):
    k = short(name)
    return ".".join(k.split(".")[:-1]), k.split(".")[-1]


def emit_type(name, lines):
    s = SCHEMAS[name]
    atomic = " atomic" if s.get("x-kubernetes-map-type") == "atomic" else ""
    lines.append(f"T {short(name)}{atomic}")
    keydefaults = {}
    for f, p in s.get("properties", {}).items():
        flags = ""
        if f in s.get("required", []):
            flags += "r"
        go = go_field(*key_of(name), f)
        if go:
            gotype, opts = go
            flags += "p" if gotype.startswith("*") else ""
            flags += "o" if "omitempty" in opts else ""
            flags += "z" if "omitzero" in opts else ""
        else:
            flags += "?"
        default = p.get("default")
        text = "" if default in (None, {}, "", 0, False) else "=" + json.dumps(default)
        if "retainKeys" in p.get("x-kubernetes-patch-strategy", "") :
            flags += "k"
        lines.append(f" {f} {flags or '-'} {type_of(p)} {text}".rstrip())


def resources(lines):
    docs = [("", "v1", f"{KUBE}/discovery/api__v1.json")]
    for g in json.load(open(f"{KUBE}/discovery/apis.json"))["groups"]:
        for v in g["versions"]:
            if re.fullmatch(r"v\d+", v["version"]):
                docs.append((g["name"], v["version"], f"{KUBE}/discovery/apis__{g['name']}__{v['version']}.json"))
    for group, version, path in docs:
        lines.append(f"G {group or '-'} {version}")
        for r in json.load(open(path))["resources"]:
            g, v = r.get("group", group), r.get("version", version)
            verbs = ",".join(r["verbs"])
            if "/" in r["name"]:
                lines.append(f"S {r['name']} {r['kind']} {g or '-'} {v} {verbs}")
                continue
            name = GVK.get((g, v, r["kind"]))
            if name and name not in needed:
                needed.append(name)
            names = ",".join(r.get("shortNames", [])) or "-"
            cats = ",".join(r.get("categories", [])) or "-"
            scope = "N" if r["namespaced"] else "C"
            lines.append(
                f"R {r['name']} {r['singularName']} {r['kind']} {scope} {names} {cats} {verbs} "
                f"{short(name) if name else '-'} {r.get('storageVersionHash', '-')}"
            )


lines = ["# Made by generate.py from Kubernetes v1.36.3; do not edit."]
resources(lines)
for extra in ("io.k8s.api.autoscaling.v1.Scale",):
    if extra not in needed:
        needed.append(extra)
i = 0
while i < len(needed):
    emit_type(needed[i], lines)
    i += 1
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "kinds.txt"), "w").write("\n".join(lines) + "\n")
