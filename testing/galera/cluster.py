"""The nodes of one directory. `cluster.json` in it tells tests all there is to know."""
import concurrent.futures, contextlib, fcntl, json, os, pathlib, secrets, shutil, tempfile, time

import machine, network, node
from machine import Failed

KINDS = {"galera": 3, "single": 1, "netns": 3, "template": 1}
LIMITED = "portraitd_limited"
TOOL = pathlib.Path(__file__).resolve().with_name("galera")


def settings():
    """What the environment asks for; `up` writes it down, so that a node keeps it when it starts again."""
    return {
        "pool_mb": int(os.environ.get("GALERA_POOL_MB", "64")),
        "flush": int(os.environ.get("GALERA_FLUSH", "1")),
        "tls": os.environ.get("GALERA_TLS", "on") == "on",
    }


def directory(kind):
    """Where the environment wants the data, or one place for each kind and user."""
    return pathlib.Path(os.environ.get("GALERA_DIR") or f"{tempfile.gettempdir()}/portraitd-{kind}-{os.geteuid()}").absolute()


class Cluster:
    def __init__(self, kind, directory):
        self.directory = directory
        self.file = directory / "cluster.json"
        # The directory knows better than the command which kind it holds: `galera kill 2` works on each.
        self.kind = self.state()["kind"] if self.exists() else kind
        self.replicated = self.kind != "single"

    def exists(self):
        if not self.file.exists():
            return False
        if self.file.stat().st_uid != os.geteuid():
            raise Failed(f"{self.directory} belongs to another user: give another GALERA_DIR")
        return True

    def state(self):
        return json.loads(self.file.read_text())

    def write(self, state):
        """Replaces cluster.json, so that a reader finds the old or the new one."""
        new = self.file.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(state, indent=2) + "\n")
        new.rename(self.file)

    @contextlib.contextmanager
    def changed(self):
        """The state, written back at the end. Commands on several nodes may run at once."""
        with open(self.directory / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self.state()
            yield state
            self.write(state)

    @contextlib.contextmanager
    def changed_by_a_start(self):
        """The same for what `down` has to end. None is started that it can't read here, and none after it began."""
        with self.changed() as state:
            if state["ending"]:
                raise Failed(f"another command is ending the cluster in {self.directory}")
            yield state

    def nodes(self):
        return self.state()["nodes"]

    def numbers(self, words):
        known = [str(each["node"]) for each in self.nodes()]
        unknown = [word for word in words if word not in (*known, "all")]
        if unknown:
            raise Failed(f"no node {', '.join(unknown)}: there are {', '.join(known)}")
        return [int(number) for number in known if number in words or "all" in words]

    def url(self):
        return self.state()["url"]

    # Making and removing

    def create(self, chosen, template):
        """Gives every node a copy of the template, starts them and makes the users."""
        self.lay_out(chosen)
        source = template(self.directory)
        for each in self.nodes():
            machine.run("cp", "-a", f"{source}/.", f"{each['folder']}/data")
        if self.replicated:
            node.write_quorum(self.nodes())
        self.start([each["node"] for each in self.nodes()])
        self.make_users()

    def lay_out(self, chosen):
        """The directory with all but the data."""
        self.prepare_directory()
        cables = network.plan() if self.kind == "netns" else None
        names = {"all": "portraitd", "limited": LIMITED, "admin": "portraitd_admin"}
        users = {key: {"name": name, "password": secrets.token_hex(12)} for key, name in names.items()}
        users["limited"]["database"] = LIMITED
        nodes = node.places(self.directory, KINDS[self.kind], cables)
        hosts = [f"{each['host']}:{each['port']}" for each in nodes]
        tls = self.directory / "tls"
        self.write({
            "kind": self.kind,
            "directory": str(self.directory),
            "tool": str(TOOL),
            "url": f"mysql://{users['all']['name']}:{users['all']['password']}@{','.join(hosts)}/",
            "hosts": hosts,
            "users": users,
            "ca": str(tls / "ca.pem") if chosen["tls"] else None,
            "other_ca": str(tls / "other-ca.pem"),
            "settings": chosen,
            "network": cables,
            "ending": False,
            "nodes": nodes,
        })
        if cables:
            with self.changed_by_a_start():
                network.make(cables)
        machine.make_certificates(tls, sorted({each["host"] for each in nodes}))
        for each in nodes:
            for folder in ("data", "tmp"):
                pathlib.Path(each["folder"], folder).mkdir(parents=True)
        node.give_away([*(each["folder"] for each in nodes), tls / "server.key"])

    def prepare_directory(self):
        if len(str(self.directory)) > 90:
            raise Failed(f"{self.directory} is too long a path for a socket")
        if self.directory.exists() and any(self.directory.iterdir()):
            raise Failed(f"{self.directory} holds other files: give an empty or a new directory as GALERA_DIR")
        self.directory.mkdir(parents=self.kind != "template", exist_ok=True)
        self.directory.chmod(0o755)
        if os.geteuid() == 0 and not node.may_enter(self.directory):
            raise Failed(f"the user mysql may not enter {self.directory}: give another GALERA_DIR")

    def make_users(self):
        users = self.state()["users"]
        statements = "".join(f"CREATE USER {user['name']}@'%' IDENTIFIED BY '{user['password']}';" for user in users.values())
        node.query(self.nodes()[0], f"""{statements}
            GRANT ALL ON `portraitd\\_%`.* TO {users['all']['name']}@'%';
            CREATE DATABASE {LIMITED};
            GRANT SELECT, INSERT, UPDATE, DELETE ON {LIMITED}.* TO {users['limited']['name']}@'%';
            GRANT ALL ON *.* TO {users['admin']['name']}@'%' WITH GRANT OPTION;""", seconds=30)

    def down(self):
        """Leaves nothing behind, whatever another command left half done, or is doing now."""
        if self.exists():
            with self.changed() as state:
                state["ending"] = True
        if self.kind != "template":
            Cluster("template", self.directory / "template").down()
        if self.exists():
            state = self.state()
            at_once(node.end, state["nodes"])
            if state["network"]:
                network.remove(state["network"])
            remove(self.directory)
        elif self.directory.is_dir() and not any(self.directory.iterdir()):
            self.directory.rmdir()

    # Running

    def kill(self, numbers):
        at_once(node.end, self.chosen(numbers))

    def terminate(self, numbers):
        at_once(node.terminate, self.chosen(numbers))

    def freeze(self, numbers):
        for each in self.chosen(numbers):
            node.freeze(each)

    def thaw(self, numbers):
        for each in self.chosen(numbers):
            node.thaw(each)

    def chosen(self, numbers):
        return [each for each in self.nodes() if each["node"] in numbers]

    def start(self, numbers, *options):
        """Starts those of the nodes that don't run, and waits until each takes calls."""
        started = [number for number in numbers if not node.runs(self.chosen([number])[0])]
        if started and self.wait_for_farewell():
            # Two that join at once take the quorum from the others for a while.
            groups = [[number] for number in started]
        else:
            # Where there is no quorum, each waits for the others that had one with it.
            groups = [started]
        for group in groups:
            for number in group:
                self.launch(number, *options)
            for each in self.chosen(group):
                node.wait_until_ready(each, self.replicated)

    def wait_for_farewell(self, seconds=10):
        """Until those that live have given up those that don't; whether there is a quorum then. A node that returns earlier
        takes the quorum from the others for some 10 s: they wait for the one that it was. systemd's unit of MariaDB waits
        5 s for that reason."""
        deadline = time.monotonic() + seconds
        while True:
            nodes = self.status()["nodes"]
            living = sum(each["runs"] for each in nodes)
            if all((each["cluster_size"] or 0) <= living for each in nodes) or time.monotonic() > deadline:
                return has_quorum(nodes)
            time.sleep(0.2)

    def launch(self, number, *options):
        with self.changed_by_a_start() as state:
            state["nodes"][number - 1]["pid"] = node.launch(state, number, *options)

    def recover(self):
        """Brings every node back. Where no node has a quorum, all end, and the one with the highest position founds the
        cluster again: with that position the history goes on, and the others fetch only what they lack."""
        nodes = self.nodes()
        self.thaw([each["node"] for each in nodes])
        if self.replicated and not has_quorum(self.status()["nodes"]):
            at_once(node.end, nodes)
            positions = at_once(lambda each: node.position(self.state(), each), nodes)
            best, _ = max(zip(nodes, positions), key=lambda pair: pair[1].seqno)
            node.allow_bootstrap(best)
            self.start([best["node"]], "--wsrep-new-cluster")
        self.start([each["node"] for each in nodes])

    def status(self):
        """cluster.json with what every node says of itself."""
        state = self.state()
        answers = at_once(lambda each: node.status(each, self.replicated), state["nodes"])
        state["nodes"] = [{**each, **answer} for each, answer in zip(state["nodes"], answers)]
        return state


def at_once(action, nodes):
    """The action on all nodes at the same time; its results in the order of the nodes."""
    with concurrent.futures.ThreadPoolExecutor() as threads:
        return list(threads.map(action, nodes))


def remove(directory, seconds=10):
    """Removes it all, though another command may still be copying files into it."""
    deadline = time.monotonic() + seconds
    while directory.exists():
        shutil.rmtree(directory, ignore_errors=time.monotonic() < deadline)
        time.sleep(0.05)


def has_quorum(nodes):
    return any(each["cluster_status"] == "Primary" for each in nodes)
