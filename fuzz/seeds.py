"""Makes the first corpus of each target from the fixtures: `fuzz/seeds.py DIRECTORY`."""

import io
import json
import pathlib
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = pathlib.Path(sys.argv[1])
FIXTURES = ROOT / "testdata"


def seed(target, name, content):
    path = OUT / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def files(directory):
    return sorted(path for path in directory.rglob("*") if path.is_file())


def packed(directory, prefix=""):
    """The files of a directory as one text: `=== path` before each."""
    parts = []
    for path in files(directory):
        parts.append(f"=== {prefix}{path.relative_to(directory)}\n{path.read_text(errors='replace')}")
    return "".join(parts)


def archive(chart):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for path in files(chart):
            info = tarfile.TarInfo(f"chart/{path.relative_to(chart)}")
            info.size = path.stat().st_size
            tar.addfile(info, io.BytesIO(path.read_bytes()))
    return out.getvalue()


def yaml():
    for at, path in enumerate(files(FIXTURES / "fleet") + files(ROOT / "examples")):
        if path.suffix in (".yaml", ".yml") and path.stat().st_size < 8192:
            seed("yaml", f"{at}", path.read_bytes())
            if path.name in ("fleet.yaml", "fleet.yml"):
                seed("fleet-yaml", f"{at}", path.read_bytes())
    seed("yaml", "bomb", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n")
    for at, case in enumerate(json.loads((FIXTURES / "yaml/reading.json").read_text())):
        if isinstance(case, dict):
            seed("yaml", f"reading-{at}", str(next(iter(case.values()))))
    for at, text in enumerate(['{"a": [1, "2", null, true, 1.5, "yes", "0x1", " x", "a: b", "#", ""]}', '"1e3"', '["\\n", "~"]']):
        seed("yaml-emit", f"{at}", text)


def trees():
    for path in files(FIXTURES / "kustomize/differential"):
        seed("kustomize", path.stem, path.read_bytes())
    for case in sorted((FIXTURES / "fleet").iterdir()):
        if (case / "repo").is_dir():
            seed("bundle", case.name, packed(case / "repo"))


def helm():
    for case in sorted((FIXTURES / "helm").iterdir()):
        if (case / "chart").is_dir():
            seed("chart", case.name, packed(case / "chart", "chart/"))
            seed("archive", case.name, archive(case / "chart"))
            for path in files(case / "chart"):
                if "templates" in path.parts and path.stat().st_size < 4096:
                    seed("template", f"{case.name}-{path.name}", path.read_bytes())
    for at, line in enumerate((FIXTURES / "helm/functions.jsonl").read_text().splitlines()):
        seed("template", f"function-{at}", json.loads(line).get("template", ""))
    for at, text in enumerate(["a=1", "a.b[0].c=x,d={1,2}", "a\\.b=c", 'j={"k": [1]}', "a[2]=null", "=", "a[999999]=1"]):
        seed("set", f"{at}", text)
    for at, text in enumerate([">=1.2.3 <2 || ^3.1\n3.2.0-rc.1+b", "~1.x\n1.9", "1.2 - 2.3.4\nv2.0.0", "*\n0.0.0-0"]):
        seed("versions", f"{at}", text)


def small():
    names = ["fleet-default/shop", "a.b-c", "sha256:" + "0" * 64, "1h30m", "168h", "A_b", "x" * 254, "-a", "a-"]
    for at, text in enumerate(names):
        seed("names", f"{at}", text)
    cases = json.loads((FIXTURES / "strategic-merge/kubectl.json").read_text())
    bases = cases["bases"]
    for name, base in bases.items():
        patch = {"metadata": {"labels": {"a": None}}, "spec": {"$patch": "replace"}}
        for at, more in enumerate([patch, base]):
            seed("strategic", f"{name}-{at}", f"{base['kind']}\n{json.dumps(base)}\0{json.dumps(more)}")


def wire():
    digest = "sha256:" + "ab" * 32
    version = {"epoch": 1, "generation": 7}
    for at, document in enumerate(json.loads((ROOT / "fuzz/wire.json").read_text())):
        seed("sync", f"{at}", json.dumps(document))
        seed("desired", f"{at}", json.dumps(document))
    head = json.dumps({"bases": [], "blobs": [{"digest": digest, "size": 3}]}).encode()
    seed("desired", "blobs", len(head).to_bytes(4, "little") + head + bytes.fromhex("28b52ffd2003190000616263"))
    seed("sync", "have", json.dumps({"version": version, "digest": digest}))


for make in (yaml, trees, helm, small, wire):
    make()
