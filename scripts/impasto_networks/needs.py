"""Says what to install where a script's packages are missing, in place of a traceback."""

import importlib.util
import re
import sys
from pathlib import Path

IMPORTED_AS = {"pillow": "PIL", "ray[default]": "ray", "opencv-python-headless": "cv2"}
CPU_WHEELS = "--extra-index-url https://download.pytorch.org/whl/cpu"  # the usual wheels of torch bring CUDA, which is gigabytes


def require_packages(script: str) -> None:
    """Exit with the pip command if a package in the script's header is not installed."""
    header = re.search(r"(?m)^# dependencies = \[(.*)\]$", Path(script).read_text())
    pins = re.findall(r'"([^"]+)"', header.group(1)) if header else []
    name = lambda pin: pin.split("==")[0]
    missing = [pin for pin in pins if importlib.util.find_spec(IMPORTED_AS.get(name(pin), name(pin))) is None]
    if missing:
        wheels = f" {CPU_WHEELS}" if any(name(pin) == "torch" for pin in missing) else ""
        sys.exit(
            f"{Path(script).name} needs {', '.join(map(name, missing))}. Install them in a virtual environment:\n"
            f"    python3 -m venv venv && . venv/bin/activate\n"
            f"    pip install{wheels} {' '.join(pins)}"
        )
