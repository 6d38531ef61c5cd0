"""What the machine must have: Debian's packages, free ports, a certificate authority for the servers."""
import os, pathlib, random, shutil, socket, subprocess

PROVIDER = [pathlib.Path(path) for path in ("/usr/lib/galera/libgalera_smm.so", "/usr/lib/galera-4/libgalera_smm.so")]
POLICY = pathlib.Path("/usr/sbin/policy-rc.d")
# Debian keeps mariadbd where only root's PATH looks.
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"


class Failed(Exception):
    """Something that should have worked did not."""


class Cannot(Exception):
    """This machine lacks something that only its owner can give."""


def run(*command, **more):
    """Runs a command to its end and returns what it printed, errors too."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode != 0:
        raise Failed(f"`{' '.join(map(str, command))}` ended with {done.returncode}: {done.stdout.strip()[-2000:]}")
    return done.stdout


def provider():
    """The path of Galera's library, or None."""
    return next((str(path) for path in PROVIDER if path.exists()), None)


def install(kind):
    """Installs what is missing, as root; otherwise says what it is."""
    wanted = {"mariadb-server": shutil.which("mariadbd"), "rsync": shutil.which("rsync"), "openssl": shutil.which("openssl"),
              "galera-4": provider()}
    if kind == "netns":
        wanted |= {"iproute2": shutil.which("ip"), "util-linux": shutil.which("nsenter")}
    missing = [package for package, found in wanted.items() if not found]
    if not missing:
        return
    if os.geteuid() != 0:
        raise Cannot(f"as root: apt-get install --no-install-recommends {' '.join(missing)}")
    # The package starts a server of its own on port 3306 unless a policy forbids it.
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", "-qq", env=quiet)
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, env=quiet)
    except (Failed, FileNotFoundError) as reason:
        raise Cannot(f"{' '.join(missing)} can't be installed: {reason}") from None
    finally:
        if ours:
            POLICY.unlink()


def free_ports(count):
    """A run of ports on 127.0.0.1 that are free now. They lie below those that the kernel gives to clients, so that
    the port of a killed node is still free when it returns."""
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(1000):
        first = random.randrange(10_000, max(lowest, 20_000) - count)
        ports = list(range(first, first + count))
        if all(map(is_free, ports)):
            return ports
    raise Failed(f"no {count} free ports in a row")


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def make_certificates(folder, addresses):
    """`ca.pem`, and `server.pem` with its key for these addresses; `other-ca.pem` has signed nothing."""
    folder.mkdir()
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for name in ("ca", "other-ca"):
        run("openssl", "req", "-x509", *new_key, "-days", 30, "-subj", f"/CN={name} of a test", "-keyout", folder / f"{name}.key",
            "-out", folder / f"{name}.pem", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    run("openssl", "req", *new_key, "-subj", "/CN=a test's database", "-keyout", folder / "server.key", "-out", folder / "server.csr")
    names = ",".join(f"IP:{address}" for address in addresses)
    (folder / "server.ext").write_text(
        f"subjectAltName={names}\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
        "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    run("openssl", "x509", "-req", "-in", folder / "server.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-days", 30,
        "-extfile", folder / "server.ext", "-out", folder / "server.pem")
    for leftover in ("server.csr", "server.ext"):
        (folder / leftover).unlink()
