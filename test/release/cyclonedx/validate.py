"""Compares a bill of materials with the JSON schema of CycloneDX 1.6, and prints what is wrong."""

import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

with open(sys.argv[1], encoding="utf-8") as file:
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read())
if fault is not None:
    sys.exit(str(fault)[:2000])
