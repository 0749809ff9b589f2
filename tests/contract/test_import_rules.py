"""The control plane cannot read code: it runs where nothing of the customer's side can even be imported."""

import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Without site, so that no .pth brings the other packages: the standard library, the libraries, and this package.
PROGRAM = """
import importlib, pkgutil, sys
sys.path += [{libraries!r}, {package!r}]
for name in ("homeport", "homeport_agent", "homeport_storage"):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"{{name}} can be imported here, so this test shows nothing")
import homeport_control_plane
for module in pkgutil.walk_packages(homeport_control_plane.__path__, "homeport_control_plane."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
forbidden = {{"boto3", "botocore", "azure", "docker", "cloudpickle", "smbprotocol"}}
found = forbidden & {{name.partition(".")[0] for name in sys.modules}}
raise SystemExit(f"imported: {{sorted(found)}}" if found else 0)
"""


def test_every_module_of_the_control_plane_imports_with_nothing_of_ours_beside_it() -> None:
    program = PROGRAM.format(libraries=sysconfig.get_path("purelib"), package=str(ROOT / "control_plane"))

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, timeout=60, cwd=ROOT.anchor
    )

    assert done.returncode == 0, done.stderr
