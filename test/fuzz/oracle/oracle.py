"""Python's reading of archives, for differential.test.ts; the standard library only.

oracle.py list             reads paths of .tar.gz files, one a line, and answers each with one line of JSON:
                           {"files": ["path size sha256", ...]} or {"error": "..."}
oracle.py pack FORMAT DIR [NAME]
                           writes a tar of a folder in the format ustar, pax or gnu, under a name, "." if there is none
"""

import hashlib
import json
import sys
import tarfile

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "pax": tarfile.PAX_FORMAT, "gnu": tarfile.GNU_FORMAT}


def read(path):
    files = []
    with tarfile.open(path, "r:gz", encoding="utf-8") as archive:
        for member in archive:
            if member.isdir():
                continue
            if not member.isreg():
                raise ValueError(f"{member.name!r} has type {member.type!r}")
            content = archive.extractfile(member).read()
            if len(content) != member.size:
                raise ValueError(f"{member.name!r} is cut")
            files.append(f"{member.name} {len(content)} {hashlib.sha256(content).hexdigest()}")
        # The tar reader stops at its end; the gzip checksum stands behind it.
        while archive.fileobj.read(65536):
            pass
    return files


def answer(path):
    try:
        return {"files": read(path)}
    except Exception as error:  # whatever it is, it is this reader's answer
        return {"error": f"{type(error).__name__}: {error}"}


def pack(format, folder, name="."):
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=FORMATS[format], encoding="utf-8") as archive:
        archive.add(folder, arcname=name)


if sys.argv[1] == "pack":
    pack(*sys.argv[2:])
else:
    for line in sys.stdin:
        print(json.dumps(answer(line.rstrip("\n"))), flush=True)
