"""One node: its files, its process, its state."""
import collections, os, pathlib, pwd, re, shutil, signal, subprocess, time, uuid

import machine
from machine import Failed

Position = collections.namedtuple("Position", ["history", "seqno"])
SERVER = """[mariadbd]
{user}datadir={folder}/data
tmpdir={folder}/tmp
socket={folder}/sock
pid-file={folder}/pid
bind-address={host}
port={port}
server-id={node}
skip-name-resolve
skip-log-bin
character-set-server=utf8mb4
collation-server=utf8mb4_bin
transaction-isolation=READ-COMMITTED
performance-schema=OFF
max-connections=400
innodb-buffer-pool-size={pool_mb}M
max-allowed-packet=64M
innodb-log-file-size={pool_mb}M
innodb-flush-log-at-trx-commit={flush}
innodb-autoinc-lock-mode=2
innodb-lock-wait-timeout=3
binlog-format=ROW
{tls}"""
TLS = """ssl-ca={tls}/ca.pem
ssl-cert={tls}/server.pem
ssl-key={tls}/server.key
"""
# A node that falls silent is left out after 2 s (Galera's own 5 s; 15 s until it is certain).
GALERA = """wsrep-on=ON
wsrep-provider={provider}
wsrep-cluster-name=portraitd_test
wsrep-cluster-address=gcomm://{members}
wsrep-node-name=n{node}
wsrep-node-address={cluster_host}:{cluster_port}
wsrep-sst-method=rsync
wsrep-sst-receive-address={cluster_host}:{sst_port}
wsrep-slave-threads=2
wsrep-retry-autocommit=0
wsrep-provider-options="gmcast.listen_addr=tcp://{cluster_host}:{cluster_port};ist.recv_addr={cluster_host}:{ist_port};\
gcache.size=64M;gcache.recover=yes;pc.recovery=true;evs.keepalive_period=PT0.5S;evs.inactive_check_period=PT0.5S;\
evs.suspect_timeout=PT2S;evs.inactive_timeout=PT4S;evs.install_timeout=PT4S"
[sst]
ssl-mode=DISABLED
"""


def places(directory, count, network=None):
    """Where each node lies and listens."""
    free = None if network else iter(machine.free_ports(4 * count))
    nodes = []
    for number in range(1, count + 1):
        ports = (3306, 4567, 4568, 4444) if network else [next(free) for _ in range(4)]
        nodes.append({
            "node": number,
            "host": network["client_addresses"][number - 1] if network else "127.0.0.1",
            "port": ports[0],
            "pid": None,
            "folder": f"{directory}/n{number}",
            "socket": f"{directory}/n{number}/sock",
            "log": f"{directory}/n{number}/log",
            "namespace": network["namespaces"][number - 1] if network else None,
            "cluster_host": network["cluster_addresses"][number - 1] if network else "127.0.0.1",
            "cluster_port": ports[1],
            "ist_port": ports[2],
            "sst_port": ports[3],
        })
    return nodes


# Files

def owner():
    """The user that the servers run as: mysql when root starts them."""
    return "mysql" if os.geteuid() == 0 else None


def caller():
    """The user of this command: the database knows it by the socket, without a password."""
    return pwd.getpwuid(os.geteuid()).pw_name


def give_away(paths):
    if owner():
        for path in paths:
            machine.run("chown", "-R", f"{owner()}:", path)


def may_enter(directory):
    user = pwd.getpwnam(owner())
    return subprocess.run(["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
                           "test", "-x", directory]).returncode == 0


def write_config(state, node):
    """my.cnf from cluster.json, at every start."""
    settings = state["settings"]
    members = ",".join(f"{each['cluster_host']}:{each['cluster_port']}" for each in state["nodes"])
    tls = TLS.format(tls=f"{state['directory']}/tls") if settings["tls"] else "skip-ssl\n"
    text = SERVER.format(**node, **{**settings, "tls": tls}, user=f"user={owner()}\n" if owner() else "")
    if state["kind"] != "single":
        text += GALERA.format(**node, members=members, provider=machine.provider())
    pathlib.Path(node["folder"], "my.cnf").write_text(text)


def saved_position(node):
    """What a clean end wrote down; seqno -1 after any other. None for a node that never ran, or ended while it received
    its first data."""
    file = pathlib.Path(node["folder"], "data/grastate.dat")
    text = file.read_text() if file.exists() else ""
    found = re.search(r"^uuid:\s*(\S+)\s*^seqno:\s*(-?\d+)", text, re.M)
    return Position(found[1], int(found[2])) if found else None


def position(state, node):
    """The last transaction that the node's own files hold. Reads the files, so the node must not run."""
    saved = saved_position(node)
    if saved is None:
        return Position("", -1)
    if saved.seqno >= 0:
        return saved
    write_config(state, node)
    command = ["mariadbd", f"--defaults-file={node['folder']}/my.cnf", "--wsrep-recover"]
    said = machine.run(*command, cwd=node["folder"])
    history, seqno = re.findall(r"Recovered position:\s*(\S+):(-?\d+)", said)[-1]
    return Position(history, int(seqno))


def allow_bootstrap(node):
    file = pathlib.Path(node["folder"], "data/grastate.dat")
    if file.exists():
        file.write_text(file.read_text().replace("safe_to_bootstrap: 0", "safe_to_bootstrap: 1"))


def write_quorum(nodes):
    """Files as if these nodes had been a cluster before and all had lost their power. They find their quorum again by
    themselves: none has to found it, and none copies anything. Three times as fast as founding and joining."""
    ids = [str(uuid.uuid4()) for _ in nodes]
    members = "".join(f"member: {id} 0\n" for id in ids)
    for node, id in zip(nodes, ids):
        file = pathlib.Path(node["folder"], "data/gvwstate.dat")
        file.write_text(f"my_uuid: {id}\n#vwbeg\nview_id: 3 {ids[0]} 1\nbootstrap: 0\n{members}#vwend\n")
        give_away([file])


# The process

def launch(state, number, *options):
    """Starts the process as the leader of a session of its own; returns its id."""
    node = state["nodes"][number - 1]
    write_config(state, node)
    if state["kind"] != "single":
        start = position(state, node)
        if start.seqno >= 0:
            options = [*options, f"--wsrep-start-position={start.history}:{start.seqno}"]
    enter = ["nsenter", f"--net=/run/netns/{node['namespace']}"] if node["namespace"] else []
    with open(f"{node['folder']}/log", "a") as log:
        command = [*enter, shutil.which("mariadbd"), f"--defaults-file={node['folder']}/my.cnf", *options]
        process = subprocess.Popen(command, cwd=node["folder"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    return process.pid


def stat(pid):
    """State and session of a process, or None; one that only waits to be reaped has ended."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else (fields[0], int(fields[3]))


def processes(node):
    """The node's server and what that started (it copies data by rsync): all of its session that work in its folder. The
    folder is asked for because the number of an ended process can be given to another one."""
    if node["pid"] is None:
        return []
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        known = stat(pid)
        if known and known[1] == node["pid"]:
            try:
                place = os.readlink(f"/proc/{pid}/cwd")
            except OSError:
                continue
            if place.startswith(node["folder"] + "/") or place == node["folder"]:
                found.append(int(pid))
    return found


def runs(node):
    return node["pid"] in processes(node)


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def end(node, seconds=20):
    """Ends the node as a lost power would, and waits until it is gone."""
    deadline = time.monotonic() + seconds
    while left := processes(node):
        for pid in left:
            send(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise Failed(f"processes {left} of node {node['node']} don't end")
        time.sleep(0.02)


def terminate(node, seconds=60):
    """Asks the node to end, and waits until it is gone."""
    deadline = time.monotonic() + seconds
    if runs(node):
        send(node["pid"], signal.SIGTERM)
    while left := processes(node):
        if time.monotonic() > deadline:
            raise Failed(f"processes {left} of node {node['node']} don't end")
        time.sleep(0.1)


def freeze(node):
    if runs(node):
        send(node["pid"], signal.SIGSTOP)


def thaw(node):
    if runs(node):
        send(node["pid"], signal.SIGCONT)


# What it says of itself

def query(node, sql, seconds=2.0):
    """Rows of tab-separated values, asked by the socket as the system's own user. Works in every namespace."""
    command = ["mariadb", "--no-defaults", f"--socket={node['socket']}", f"--user={caller()}", "--batch", "--skip-column-names"]
    try:
        done = subprocess.run(command, input=sql, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Failed(f"node {node['node']} doesn't answer within {seconds} s") from None
    if done.returncode != 0:
        raise Failed(f"node {node['node']}: {done.stderr.strip()}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def status(node, replicated):
    """Process, memory, and Galera's own view; None where there is no answer."""
    known = stat(node["pid"]) if runs(node) else None
    answer = {"runs": known is not None, "frozen": known is not None and known[0] in "Tt", "takes_calls": False, "cluster_status": None,
              "cluster_size": None, "local_state": None, "last_committed": None, "rss_kib": None}
    if not known:
        return answer
    memory = re.search(r"VmRSS:\s*(\d+)", pathlib.Path(f"/proc/{node['pid']}/status").read_text())
    answer["rss_kib"] = int(memory[1]) if memory else None
    if answer["frozen"]:
        return answer
    try:
        said = dict(query(node, "SHOW GLOBAL STATUS LIKE 'wsrep\\_%'"))
    except Failed:
        return answer
    answer["takes_calls"] = not replicated or said["wsrep_ready"] == "ON"
    if "wsrep_local_state_comment" in said:
        answer |= {"cluster_status": said["wsrep_cluster_status"], "cluster_size": int(said["wsrep_cluster_size"]),
                   "local_state": said["wsrep_local_state_comment"], "last_committed": int(said["wsrep_last_committed"])}
    return answer


def wait_until_ready(node, replicated, seconds=90):
    """Until the node takes calls and has all that the others have."""
    deadline = time.monotonic() + seconds
    while True:
        now = status(node, replicated)
        if now["takes_calls"] and (not replicated or now["local_state"] == "Synced"):
            return
        if not now["runs"] or time.monotonic() > deadline:
            tail = "\n".join(pathlib.Path(node["log"]).read_text(errors="replace").splitlines()[-15:])
            raise Failed(f"node {node['node']} {'does not take calls' if now['runs'] else 'has ended'}:\n{tail}")
        time.sleep(0.1)
