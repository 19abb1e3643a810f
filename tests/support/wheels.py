"""Wheels of one module, written here."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile


def wheel(name: str, text: str) -> bytes:
    """Return the wheel `<name>-1.0-py3-none-any.whl`, whose only module holds `text`; always the same bytes."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": text,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = []
    for path, content in files.items():
        hashed = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
        record.append(f"{path},sha256={hashed},{len(content)}")
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2024, 5, 1, 12, 0, 0)), content)
    return stream.getvalue()
