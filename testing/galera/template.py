"""A data directory that was made once and is copied from then on.

It has been a cluster of one node for a moment. So all copies have the same history at the same position, and a node
that joins fetches nothing: three nodes start in the time of three servers."""
import hashlib, os, pathlib, secrets, shutil

import machine, node
from cluster import Cluster, settings

CACHE = pathlib.Path(__file__).resolve().parents[2] / "target" / "galera"
FORMAT = "1"  # To be changed when what `make` makes changes.


def path(directory):
    """The template for this version of MariaDB and this user; made in `directory` if it is not there."""
    version = machine.run("mariadbd", "--version") + machine.run("sha256sum", machine.provider()) + str(os.geteuid()) + FORMAT
    cached = pathlib.Path(os.environ.get("GALERA_CACHE") or CACHE) / hashlib.sha256(version.encode()).hexdigest()[:16]
    if not cached.exists():
        if not may_write(cached.parent):
            raise machine.Cannot(f"{cached.parent} is not yours to write to: give another GALERA_CACHE")
        # Two may make it at once; only one of the copies is then needed.
        own = cached.with_name(f"{cached.name}.{secrets.token_hex(4)}")
        make(directory / "template", own)
        try:
            own.rename(cached)
        except OSError:
            shutil.rmtree(own)
    return cached


def may_write(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def make(directory, result):
    """A new data directory, founded as a cluster and ended cleanly."""
    alone = Cluster("template", directory)
    alone.lay_out({**settings(), "pool_mb": 64})
    folder = pathlib.Path(alone.nodes()[0]["folder"])
    user = [f"--user={node.owner()}"] if node.owner() else []
    machine.run("mariadb-install-db", "--no-defaults", *user, f"--datadir={folder}/data", "--skip-test-db", "--skip-name-resolve",
                f"--auth-root-socket-user={node.caller()}", cwd=folder)
    alone.recover()
    alone.terminate([1])
    (folder / "data/galera.cache").unlink()
    machine.run("cp", "-a", folder / "data", result)
    alone.down()
