# SPDX-License-Identifier: Apache-2.0
"""Check what a wheel holds: small, no sources, the text for the demo."""

import sys
import zipfile

LIMIT = 3_000_000  # bytes, besides the text


def main(path):
    with zipfile.ZipFile(path) as wheel:
        files = {f.filename: f.compress_size for f in wheel.infolist()}
    text = sum(size for name, size in files.items() if name.endswith(".xz"))
    code = sum(files.values()) - text
    print(f"{path}: {code / 1e6:.2f} MB and {text / 1e6:.2f} MB of text")
    strays = [name for name in files if name.endswith((".pyx", ".pxd", ".c", ".h"))]
    if strays:
        sys.exit(f"sources in the wheel: {strays}")
    if not text:
        sys.exit("the wheel lacks fastrnn/demo/text/*.xz")
    if code > LIMIT:
        sys.exit(f"the wheel holds {code} bytes besides the text, wanted at most {LIMIT}")


if __name__ == "__main__":
    main(sys.argv[1])
