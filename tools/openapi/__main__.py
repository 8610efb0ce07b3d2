"""Writes docs/openapi.json; with --check, says whether it is what the code has, and writes nothing."""

import json
import sys
from pathlib import Path

from tools.openapi.document import document

TARGET = Path(__file__).resolve().parent.parent.parent / "docs" / "openapi.json"


def main(arguments: list[str]) -> int:
    """0 where the file is, or now is, what the code has."""
    text = json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
    if arguments == ["--check"]:
        if TARGET.exists() and TARGET.read_text() == text:
            return 0
        sys.stderr.write("docs/openapi.json is not what the code has: run `./dev openapi`\n")
        return 1
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
