"""Wheels as small as can be, without a build backend."""

import base64
import hashlib
import zipfile
from pathlib import Path


def write_wheel(folder, name: str, version: str, *, needs: str = "") -> Path:
    """A wheel with one module that knows its version."""
    facts = f"{name}-{version}.dist-info"
    files = {
        f"{name}_module.py" if needs else f"{name}.py": f'__version__ = "{version}"\n',
        f"{facts}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{facts}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        record += f"{path},sha256={digest},{len(text)}\n"
    wheel = Path(folder) / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**files, f"{facts}/RECORD": f"{record}{facts}/RECORD,,\n"}.items():
            # A date of its own, so that the same wheel has the same digest.
            archive.writestr(zipfile.ZipInfo(path), text)
    return wheel
