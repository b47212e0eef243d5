"""Verifies an export of a ledger; written only from docs/ledger-format.md, without this project.

Usage: python independent_verifier.py FOLDER --key VKEY [--key VKEY] [--against NOTE-FILE]
Prints what is wrong and ends with status 1, or says what holds and ends with 0. It does not write
views (CSV, HTML and so on) and so checks only their digests, which it says.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MEMBERS = {"format", "seq", "at", "act", "actor", "action", "subject", "details", "outcome"}
MEMBERS |= {"reason", "origin", "software"}
INNER = {
    "actor": {"kind", "id", "name", "method", "on_behalf_of"},
    "subject": {"kind", "id", "version", "sha256"},
    "origin": {"run", "asset", "partition"},
}
MANIFEST = {"format", "origin", "kind", "first", "entries", "tree", "frontier", "consistency"}
MANIFEST |= {"selected_by", "keys", "files", "exported_at", "software"}
FILE = {"name", "form", "media_type", "bytes", "sha256"}
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
OUTCOMES = {"done", "intended", "failed", "refused", "interrupted"}
OWN = {"manifest.json", "manifest.sha256", "manifest.note"}


class WrongError(Exception):
    pass


def demand(holds, what):
    if not holds:
        raise WrongError(what)


def sha(data):
    return hashlib.sha256(data).digest()


def join(left, right):
    return sha(b"\x01" + left + right)


def canonical(value):
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()  # a lone surrogate fails here


# -- keys and signed notes


def read_key(line):
    name, _, rest = line.strip().partition("+")
    identifier, _, encoded = rest.partition("+")
    data = base64.b64decode(encoded, validate=True)
    demand(len(data) == 33 and data[0] == 1, "a key is no Ed25519 key")
    expected = sha(name.encode() + b"\n\x01" + data[1:])[:4]
    demand(expected.hex() == identifier, "a key does not have the id that it states")
    return (name, expected), Ed25519PublicKey.from_public_bytes(data[1:])


def open_note(note, keys, what):
    text, _, lines = note.rpartition("\n\n")
    demand(text and lines.endswith("\n"), f"{what} is no signed note")
    text += "\n"
    signed = False
    for line in lines[:-1].split("\n"):
        dash, name, encoded = ([*line.split(" "), "", ""])[:3]
        demand(dash == "\N{EM DASH}" and line.count(" ") == 2, f"{what} has a bad signature line")
        blob = base64.b64decode(encoded, validate=True)
        demand(base64.b64encode(blob).decode() == encoded, f"{what} has a bad signature line")
        key = keys.get((name, blob[:4]))
        if key is None:
            continue
        try:
            key.verify(blob[4:], text.encode())
        except InvalidSignature:
            raise WrongError(f"{what}: the signature of {name} does not fit") from None
        signed = True
    demand(signed, f"{what} is not signed by a key that is trusted")
    return text


def open_checkpoint(note, keys, origin):
    lines = open_note(note, keys, "a checkpoint").split("\n")
    demand(lines[0] == origin, "a checkpoint is of another ledger")
    size = int(lines[1])
    root = base64.b64decode(lines[2], validate=True)
    demand(str(size) == lines[1] and len(root) == 32, "a checkpoint is malformed")
    return size, root


def divide_notes(data):
    pieces = data.decode().split("\n\n")
    demand(len(pieces) % 2 == 0, "checkpoints.txt is not a list of notes")
    notes = []
    for at in range(0, len(pieces), 2):
        lines = pieces[at + 1]
        last = at + 2 == len(pieces)
        notes.append(pieces[at] + "\n\n" + (lines if last else lines + "\n"))
    return notes


# -- the tree


class Growing:
    def __init__(self, size, peaks):
        demand(len(peaks) == bin(size).count("1"), "the frontier does not fit its size")
        sizes = [1 << bit for bit in range(size.bit_length() - 1, -1, -1) if size >> bit & 1]
        self.subtrees = list(zip(sizes, peaks, strict=True))

    def add(self, leaf):
        self.subtrees.append((1, leaf))
        while len(self.subtrees) > 1 and self.subtrees[-1][0] == self.subtrees[-2][0]:
            (size, left), (_, right) = self.subtrees[-2:]
            self.subtrees[-2:] = [(2 * size, join(left, right))]

    def root(self):
        if not self.subtrees:
            return sha(b"")
        found = self.subtrees[-1][1]
        for _, peak in reversed(self.subtrees[:-1]):
            found = join(peak, found)
        return found


def included(index, size, leaf, proof, root):  # RFC 9162, 2.1.3.2
    fn, sn, found = index, size - 1, leaf
    for step in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            found = join(step, found)
            if not fn & 1:
                while not fn & 1 and fn:
                    fn, sn = fn >> 1, sn >> 1
        else:
            found = join(found, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and found == root


def consistent(first, second, first_root, second_root, proof):  # RFC 9162, 2.1.4.2
    if first == second:
        return not proof and first_root == second_root
    if first == 0:
        return not proof and first_root == sha(b"")
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    if not path:
        return False
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for step in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = join(step, fr), join(step, sr)
            if not fn & 1:
                while not fn & 1 and fn:
                    fn, sn = fn >> 1, sn >> 1
        else:
            sr = join(sr, step)
        fn, sn = fn >> 1, sn >> 1
    return fr == first_root and sr == second_root and sn == 0


# -- the folder


def read_entry(body, place):
    try:
        entry = json.loads(body)
        same = canonical(entry) == body
        shape = set(entry) == MEMBERS and all(set(entry[n]) == m for n, m in INNER.items())
    except (ValueError, TypeError, KeyError):
        raise WrongError(f"entry {place}: no JSON of the right shape") from None
    demand(same, f"entry {place}: not canonical")
    demand(shape and entry["format"] == "clinical-ledger/1", f"entry {place}: not of this format")
    demand(entry["outcome"] in OUTCOMES, f"entry {place}: unknown outcome")
    demand(type(entry["seq"]) is int, f"entry {place}: no number")
    demand(TIME.fullmatch(entry["at"]), f"entry {place}: no time")
    return entry


def divide_lines(data, name):
    demand(not data or data.endswith(b"\n"), f"{name} is cut off")
    return data.split(b"\n")[:-1]


def check_files(folder, manifest, raw, keys):
    line = hashlib.sha256(raw).hexdigest() + "  manifest.json\n"
    demand((folder / "manifest.sha256").read_bytes() == line.encode(), "manifest.sha256 is wrong")
    present = {path.name for path in folder.iterdir()}
    if "manifest.note" in present:
        text = open_note((folder / "manifest.note").read_text("utf-8"), keys, "the manifest's note")
        expected = f"clinical-ledger-export/1\n{hashlib.sha256(raw).hexdigest()}\n"
        demand(text == expected, "the manifest's note is for another manifest")
    names = [file["name"] for file in manifest["files"]]
    demand(len(set(names)) == len(names), "a file is listed twice")
    beside = "leaves.txt" if manifest["kind"] == "range" else "proofs.jsonl"
    demand({"entries.jsonl", "checkpoints.txt", beside} <= set(names), "a needed file is missing")
    demand(present - OWN == set(names), f"files differ: {sorted((present - OWN) ^ set(names))}")
    for file in manifest["files"]:
        data = (folder / file["name"]).read_bytes()
        good = len(data) == file["bytes"] and hashlib.sha256(data).hexdigest() == file["sha256"]
        demand(good, f"{file['name']} is not the file that was exported")


def check_range(folder, manifest):
    lines = divide_lines((folder / "entries.jsonl").read_bytes(), "entries.jsonl")
    leaves = divide_lines((folder / "leaves.txt").read_bytes(), "leaves.txt")
    first, end = manifest["first"], manifest["first"] + manifest["entries"]
    tree = Growing(first, [bytes.fromhex(peak) for peak in manifest["frontier"]])
    roots, before = {first: tree.root()}, ""
    for place, body in enumerate(lines, start=first):
        entry = read_entry(body, place)
        demand(entry["seq"] == place, f"entry {place}: number {entry['seq']} stands in its place")
        demand(entry["at"] >= before, f"entry {place}: time runs backwards")
        before = entry["at"]
        leaf = sha(b"\x00" + body)
        stated = leaves[place - first] if place - first < len(leaves) else b""
        demand(stated == leaf.hex().encode(), f"entry {place}: another leaf hash")
        tree.add(leaf)
        roots[place + 1] = tree.root()
    demand(len(lines) == len(leaves), "leaves.txt goes on after the entries")
    demand(len(lines) == end - first, f"entry {first + len(lines)}: not as many as stated")
    size, root = manifest["tree"]["size"], bytes.fromhex(manifest["tree"]["root"])
    if end != size:
        proof = consistency(manifest).get(end, [])
        demand(consistent(end, size, roots[end], root, proof), "the entries are not in the tree")
    else:
        demand(roots[end] == root, f"entry {first} or a later one: another root than the tree's")
    return roots


def check_selection(folder, manifest):
    lines = divide_lines((folder / "entries.jsonl").read_bytes(), "entries.jsonl")
    proofs = divide_lines((folder / "proofs.jsonl").read_bytes(), "proofs.jsonl")
    size, root = manifest["tree"]["size"], bytes.fromhex(manifest["tree"]["root"])
    demand(len(lines) == len(proofs) == manifest["entries"], "entries and proofs differ in number")
    last, before = -1, ""
    for body, line in zip(lines, proofs, strict=True):
        proof = json.loads(line)
        demand(canonical(proof) == line, "proofs.jsonl is not canonical")
        entry = read_entry(body, proof["seq"])
        seq = entry["seq"]
        demand(last < seq == proof["seq"] < size, f"entry {seq}: out of order")
        demand(entry["at"] >= before, f"entry {seq}: time runs backwards")
        last, before = seq, entry["at"]
        leaf = sha(b"\x00" + body)
        steps = [bytes.fromhex(step) for step in proof["proof"]]
        demand(proof["leaf"] == leaf.hex(), f"entry {seq}: another leaf hash")
        demand(included(seq, size, leaf, steps, root), f"entry {seq}: not in the tree")
    return {}


def consistency(manifest):
    return {c["size"]: [bytes.fromhex(s) for s in c["proof"]] for c in manifest["consistency"]}


def verify(folder, keys, against=()):
    raw = (folder / "manifest.json").read_bytes()
    manifest = json.loads(raw)
    demand(canonical(manifest) == raw, "manifest.json is not canonical")
    demand(manifest["format"] == "clinical-ledger-export/1", "another format")
    demand(set(manifest) == MANIFEST, "the manifest's members are not those of this format")
    demand(all(set(file) == FILE for file in manifest["files"]), "a file is described otherwise")
    demand(TIME.fullmatch(manifest["exported_at"]), "the manifest states no time")
    check_files(folder, manifest, raw, keys)
    size, root = manifest["tree"]["size"], bytes.fromhex(manifest["tree"]["root"])
    notes = [*divide_notes((folder / "checkpoints.txt").read_bytes()), *against]
    stated = [open_checkpoint(note, keys, manifest["origin"]) for note in notes]
    kept = stated[: len(stated) - len(against)]
    demand((size, root) in kept, "no checkpoint states the tree")
    if manifest["kind"] == "range":
        passed = check_range(folder, manifest)
    else:
        passed = check_selection(folder, manifest)
    for old, old_root in stated:
        demand(old <= size, f"entry {size}: missing, there is a checkpoint of {old}")
        if old in passed:
            demand(passed[old] == old_root, f"a checkpoint of {old} has another root")
            continue
        proof = consistency(manifest).get(old, [])
        good = consistent(old, size, old_root, root, proof)
        demand(good, f"a checkpoint of {old} cannot be confirmed")
    return manifest


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--key", action="append", required=True)
    parser.add_argument("--against", action="append", default=[], type=Path)
    given = parser.parse_args()
    try:
        keys = dict(read_key(line) for line in given.key)
        against = [path.read_text("utf-8") for path in given.against]
        manifest = verify(given.folder, keys, against)
    except WrongError as error:
        sys.exit(f"does not hold: {error}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        sys.exit(f"does not hold: malformed ({type(error).__name__})")
    print(f"holds: {manifest['entries']} entries of {manifest['origin']}; views by digest only")


if __name__ == "__main__":
    main()
