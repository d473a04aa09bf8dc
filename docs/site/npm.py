"""Packages of the npm registry, each of one version and verified by its hash, for building and testing the site."""

import base64
import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path

PINNED = {  # version, SHA-512 as npm states it
    "mathjax": ("3.2.2", "Bt+SSVU8eBG27zChVewOicYs7Xsdt40qm4+UpHyX7k0/O9NliPc+x77k1/FEsPsjKPZGJvtRZM1vO+geW0OhGw=="),
    "reveal.js": ("6.0.2", "JYIg5D9aoxoaLeb84O+OvAwsKWdIavVgEDScxtYEXFCT6t6TQrhNtSgogcjdCpdLsWglhJn3zyE3fUOwiH5KEg=="),
    "axe-core": ("4.14.1", "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="),
    "pyodide": ("0.27.7", "RUSVJlhQdfWfgO9hVHCiXoG+nVZQRS5D9FzgpLJ/VcgGBLSAKoPL8kTiOikxbHQm1kRISeWUBdulEgO26qpSRA=="),
}


def fetch(name: str, folder: Path) -> Path:
    """The unpacked package, downloaded once into folder. Raises ValueError if its hash is not the pinned one."""
    version, expected = PINNED[name]
    archive, unpacked = folder / f"{name}-{version}.tgz", folder / f"{name}-{version}"
    if not archive.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", "--silent", f"{name}@{version}"], cwd=folder, check=True, capture_output=True)
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != expected:
        raise ValueError(f"{archive} has the SHA-512 {found}, not {expected}: delete it and try again")
    if not unpacked.is_dir():
        shutil.rmtree(folder / "unpacking", ignore_errors=True)
        with tarfile.open(archive) as packed:
            packed.extractall(folder / "unpacking", filter="data")
        (folder / "unpacking" / "package").rename(unpacked)
    return unpacked
