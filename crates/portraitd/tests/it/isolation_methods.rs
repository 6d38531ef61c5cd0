//! The methods of isolation that need another program (`sudo`, `portraitd-port`, `pasta`), and programs that stand between a
//! command and its lookups: nscd, another `nsswitch.conf`, a proxy. What they need of the machine (a user who may use
//! `sudo`, `/dev/net/tun`, a network) is made in the namespaces of the test.

use crate::isolation::{CALL, check};
use crate::namespaces::{USER_ID, can_isolate};
use std::process::{Command, Stdio};

/// Runs a script, as [`check`] does, where these programs are installed. Under CI they must be.
fn check_with(programs: &[&str], script: &str, expected: &[&str]) {
    for program in programs {
        let mut which = Command::new("sh");
        which.args(["-c", &format!("command -v {program}")]).stdout(Stdio::null());
        if !which.status().unwrap().success() {
            assert!(std::env::var_os("CI").is_none(), "{program} is not installed");
            return eprintln!("SKIPPED: {program} is not installed");
        }
    }
    if can_isolate() {
        check(script, expected);
    }
}

/// Gives the user `sudo` without a password, as Debian and Ubuntu set it up.
const SUDO: &str = r#"
    { cat /etc/passwd; echo "portraitd-test::$USER_ID:$USER_ID::$DIR/user:/bin/sh"; } > "$DIR/passwd"
    printf '%s\n' 'Defaults env_reset, use_pty, secure_path="/usr/sbin:/usr/bin:/sbin:/bin"' \
        'portraitd-test ALL=(ALL:ALL) NOPASSWD: ALL' > "$DIR/sudoers"
    chmod 440 "$DIR/sudoers"
    mount --bind "$DIR/passwd" /etc/passwd && mount --bind "$DIR/sudoers" /etc/sudoers || exit 1
    run_in_ci() { as_user CI=true "$PORTRAITD" run --certificates "$DIR/user/certificates" "$@"; }
"#;

/// The ports come by `sudo` as well: this user may not open them.
#[test]
fn by_sudo_the_command_is_the_users_own() {
    let script = format!(
        r#"{SUDO}
        cat > "$DIR/command" <<'END'
{CALL}
call https://console.tim.qq.com
echo "ids $(id -u) $(id -g) $(id -G), own sudo $(sudo -n id -u)"
echo "environment $PATH|$TMPDIR|$LD_LIBRARY_PATH|$MARK"
umask | sed 's/^/umask /'
touch "$TMPDIR/made"; stat -c "owner %u:%g %a" "$TMPDIR/made"
read -r line; echo "read $line, in $PWD"
exit 42
END
        cd "$DIR/user" && umask 027
        export MARK="two  words" LD_LIBRARY_PATH=/nowhere
        echo typed | run_in_ci -- bash "$DIR/command"; echo "exit $?"
        run_in_ci -- sh -c 'kill -9 $$'; echo "killed $?"
        run_in_ci -- no-such-command; echo "missing $?"
        run_in_ci -- "$DIR"; echo "folder $?"
        [ -z "$(visits)" ] && echo "nothing left"; visits
    "#
    );
    let expected = [
        "(mount namespace by sudo; hosts file and DNS)",
        "Imported",
        &format!("ids {USER_ID} {USER_ID} {USER_ID}, own sudo 0"),
        "environment /usr/local/bin:/usr/bin:/bin|/tmp/isolation-",
        "/user|/nowhere|two  words",
        "umask 0027",
        &format!("owner {USER_ID}:{USER_ID} 640"),
        "read typed, in /tmp/isolation-",
        "exit 42",
        "killed 137",
        "missing 127",
        "folder 126",
        "nothing left",
    ];
    check_with(&["sudo"], &script, &expected);
}

/// On a terminal `sudo` puts the command into a session of its own.
#[test]
fn by_sudo_a_signal_reaches_the_command_and_what_it_leaves() {
    let script = format!(
        r#"{SUDO}
        cat > "$DIR/command" <<'END'
trap 'echo "ended by TERM"; exit 7' TERM
(trap "" HUP TERM; exec sleep 1000) & echo $! > left
echo $$ > ready
while :; do sleep 0.1; done
END
        export -f as_user run_in_ci; export SHELL=/bin/bash
        cd "$DIR/user" || exit 1
        signalled() {{
            rm -f ready; "$@" & local test=$!
            until [ -s ready ]; do sleep 0.05; done
            kill -TERM "$(pgrep -f -x "$PORTRAITD run .*")"
            wait $test
        }}
        # A process ends a moment after the signal for it was sent.
        no_left() {{
            for _ in $(seq 100); do ps -o stat= -p "$(cat left)" | grep -qv Z || return 0; sleep 0.1; done
            echo "UNEXPECTED: a process is left $1"
        }}
        signalled run_in_ci -- bash "$DIR/command"; echo "without terminal $?"
        no_left "without terminal"
        signalled script -qec 'run_in_ci -- bash "$DIR/command" < /dev/null' /dev/null; echo "terminal, other input $?"
        no_left "on a terminal"
        signalled script -qec 'run_in_ci -- bash "$DIR/command"' /dev/null; echo "terminal $?"
        # On a terminal it is left, as without isolation.
        kill -9 "$(cat left)"
    "#
    );
    let expected = ["ended by TERM", "without terminal 7", "terminal, other input 7", "terminal 7"];
    check_with(&["sudo", "script", "pgrep"], &script, &expected);
}

/// A process below another root may make no user namespace: it stands for a system that restricts them.
#[test]
fn sudo_is_taken_where_it_is_allowed_and_nothing_else_works() {
    let script = format!(
        r#"{SUDO}
        mkdir "$DIR/root" && mount --rbind / "$DIR/root" || exit 1
        restricted() {{
            chroot "$DIR/root" setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups \
                env TMPDIR="$DIR/user" "$PORTRAITD" run --certificates "$DIR/user/certificates" "$@"
        }}
        cat > "$DIR/command" <<'END'
{CALL}
call https://console.tim.qq.com
END
        restricted --isolate require -- true; echo "not allowed $?"
        restricted --isolate require --sudo -- bash "$DIR/command"; echo "allowed $?"
        echo 53 > /proc/sys/net/ipv4/ip_unprivileged_port_start
        run_as_user --sudo -- bash "$DIR/command"; echo "not needed $?"
        [ -z "$(visits)" ] && echo "nothing left"; visits
    "#
    );
    let expected = [
        "not allowed 125",
        "no user namespace",
        "(mount namespace by sudo; hosts file and DNS)",
        "Imported",
        "allowed 0",
        "(user and mount namespace; hosts file and DNS)",
        "not needed 0",
        "nothing left",
    ];
    check_with(&["sudo"], &script, &expected);
}

/// One layer is lost, which is said; then the other, which ends the command.
#[test]
fn by_sudo_lost_layers_are_seen() {
    let script = format!(
        r#"
        mkdir "$DIR/upper" && mount -t tmpfs t "$DIR/upper" && mkdir "$DIR/upper/u" "$DIR/upper/w"
        mount -t overlay o -o lowerdir=/etc,upperdir="$DIR/upper/u",workdir="$DIR/upper/w" /etc || exit 1
        cp "$DIR/resolv.conf" /etc/resolv.conf
        {SUDO}
        cat > "$DIR/command" <<'END'
{CALL}
touch "$TMPDIR/started"
until grep -q replaced /etc/hosts; do sleep 0.05; done
call https://console.tim.qq.com && touch "$TMPDIR/led"
while :; do sleep 0.1; done
END
        replace() {{ {{ cat "/etc/$1"; echo '# replaced'; }} > /etc/new && mv /etc/new "/etc/$1"; }}
        run_in_ci -- bash "$DIR/command" & run=$!
        until [ -e "$DIR/user/started" ]; do sleep 0.05; done
        replace hosts
        until [ -e "$DIR/user/led" ]; do sleep 0.05; done
        replace resolv.conf
        wait $run; echo "ended $?"
        [ -z "$(visits)" ] && echo "nothing left"; visits
    "#
    );
    let expected = [
        "/etc/hosts was replaced outside",
        "the other layer still leads",
        "Imported",
        "/etc/resolv.conf was replaced outside",
        "the command is ended",
        "ended 125",
        "nothing left",
    ];
    check_with(&["sudo"], &script, &expected);
}

/// The helper has the capability, and not `portraitd`: the command keeps its environment.
#[test]
fn the_helper_opens_the_ports_for_a_user() {
    let script = format!(
        r#"
        cp '{}' "$DIR/portraitd-port" && setcap cap_net_bind_service=ep "$DIR/portraitd-port" || exit 1
        cat > "$DIR/command" <<'END'
{CALL}
call https://console.tim.qq.com; echo "environment $TMPDIR $LD_LIBRARY_PATH"
END
        LD_LIBRARY_PATH=/nowhere run_as_user -- bash "$DIR/command"; echo "exit $?"
        [ -z "$(visits)" ] && echo "nothing left"; visits
    "#,
        env!("CARGO_BIN_EXE_portraitd-port")
    );
    let expected = [
        "(user and mount namespace; hosts file and DNS)",
        "Imported\nenvironment /tmp/isolation-",
        "/user /nowhere\nexit 0",
        "nothing left",
    ];
    check_with(&["setcap"], &script, &expected);
}

/// What `pasta` needs: its device, and a network. The one machine of this network, its gateway, counts packets.
const NETWORK: &str = r#"
    mkdir -p /dev/net && mount -t tmpfs tun /dev/net && mknod -m 666 /dev/net/tun c 10 200 || exit 1
    unshare -n sh -c 'until ip link set outside up 2>/dev/null; do sleep 0.05; done
        ip address add 203.0.113.80/24 dev outside
        exec python3 -u -m http.server --bind 203.0.113.80 --directory "$DIR/user" 80' > "$DIR/outside" 2>&1 & outside=$!
    until [ "$(readlink /proc/$outside/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
    ip link add inside type veth peer name outside || exit 1
    ip link set outside netns $outside
    ip address add 203.0.113.1/24 dev inside && ip link set inside up && ip route add default via 203.0.113.80
    # Without a route for IPv6, pasta passes nothing of IPv6 on.
    ip address add 2001:db8::1/64 dev inside nodad && ip -6 route add default via 2001:db8::80
    until grep -q Serving "$DIR/outside"; do sleep 0.05; done
    packets() { awk '/^Ip: [0-9]/ { print $4 }' /proc/$outside/net/snmp; }
    for address in 127.0.0.1 ::1; do
        python3 -m http.server --bind $address --directory "$DIR/user" 8123 > /dev/null 2>&1 & services="${services-} $!"
    done
    trap 'kill $decoy $outside $services' EXIT
    # A process ends a moment after the signal for it was sent.
    no_pasta() {
        for _ in $(seq 100); do pgrep -f "^pasta .*$DIR" > /dev/null || return 0; sleep 0.1; done
        echo "UNEXPECTED: pasta is left $1"
    }
    # Ports that were opened are passed on about once a second.
    cat > "$DIR/loopback" <<'END'
for url in http://127.0.0.1:8123/ "http://[::1]:8123/"; do
    curl -gs -m 5 --retry 9 --retry-delay 1 --retry-connrefused -o /dev/null -w "$url %{http_code}\n" "$url"
done
END
"#;

/// A call to that machine.
const CONNECTION: &str = r#"
connection() { curl -s -m 5 -o /dev/null -w "outside %{http_code}\n" http://203.0.113.80/; }
"#;

#[test]
fn pasta_leads_where_no_low_port_can_be_had() {
    let script = format!(
        r#"{NETWORK}
        cat > "$DIR/command" <<'END'
{CALL}{CONNECTION}
call https://console.tim.qq.com; call http://console.tim.qq.com.
bash "$DIR/loopback"; connection
exit 42
END
        run_as_user --isolate require -- env DIR="$DIR" bash "$DIR/command"; echo "exit $?"; no_pasta "after a command"
        [ "$(packets)" -gt 0 ] && echo "packets are counted"
        run_as_user -- sh -c 'kill -9 $$'; echo "killed $?"
        run_as_user -- no-such-command; echo "missing $?"; no_pasta "without a command"
        run_as_user -- sh -c 'trap "exit 7" TERM; kill -TERM $PPID; while :; do sleep 0.1; done'; echo "TERM $?"
        no_pasta "after TERM"
        run_as_user -- sh -c 'kill -9 $PPID'; no_pasta "after SIGKILL of run"
        [ -z "$(visits)" ] && echo "nothing left"; visits
        # The ports may be opened, but another process has them at every address.
        echo 53 > /proc/sys/net/ipv4/ip_unprivileged_port_start
        kill $decoy
        python3 -m http.server --bind 0.0.0.0 443 > "$DIR/taken" 2>&1 & services="$services $!"
        until curl -s -o /dev/null http://127.0.0.1:443/; do sleep 0.05; done
        run_as_user -- env DIR="$DIR" bash "$DIR/command"; echo "taken $?"
    "#
    );
    let expected = [
        "(network namespace by pasta; hosts file and DNS)",
        "Imported\nImported\nhttp://127.0.0.1:8123/ 200\nhttp://[::1]:8123/ 200\noutside 200\nexit 42",
        "packets are counted",
        "killed 137",
        "missing 127",
        "TERM 7",
        "nothing left",
        "outside 200\ntaken 42",
    ];
    check_with(&["pasta", "pgrep"], &script, &expected);
}

#[test]
fn offline_reaches_the_emulator_and_this_machine_alone() {
    let script = format!(
        r#"{NETWORK}
        cat > "$DIR/command" <<'END'
{CALL}{CONNECTION}
call https://console.tim.qq.com
bash "$DIR/loopback"; connection
python3 -c '
import errno, socket
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"a question", ("203.0.113.80", 53))
except OSError as error:
    print("UDP", errno.errorcode[error.errno])'
curl -s -m 5 http://127.66.6.6/ || echo "decoy $?"
exit 42
END
        run_as_user --isolate offline -- env DIR="$DIR" bash "$DIR/command"; echo "exit $?"
        echo "packets $(packets)"; no_pasta "after a command"
        run_as_user --isolate offline -- sh -c 'kill -9 $PPID'; no_pasta "after SIGKILL of run"
        run --isolate offline -- true; echo "root $?"
        [ -z "$(visits)" ] && echo "nothing left"; visits
    "#
    );
    let expected = [
        "(network namespace by pasta, offline; hosts file and DNS)",
        "Imported\nhttp://127.0.0.1:8123/ 200\nhttp://[::1]:8123/ 200\noutside 000\nUDP ENETUNREACH\ndecoy 7\nexit 42",
        "packets 0",
        "nothing left",
    ];
    check_with(&["pasta", "pgrep"], &script, &expected);
}

/// nscd runs outside, and answers from the system's files: its socket is hidden.
#[test]
fn a_running_nscd_is_not_asked() {
    let script = format!(
        r#"{SUDO}
        mkdir -p /run/nscd && mount -t tmpfs nscd /run/nscd && chmod 755 /run/nscd || exit 1
        printf '%s\n' "enable-cache hosts yes" "persistent hosts no" "shared hosts no" > "$DIR/nscd.conf"
        nscd --foreground --config-file "$DIR/nscd.conf" > "$DIR/nscd.out" 2>&1 & nscd=$!
        trap 'kill $decoy $nscd' EXIT
        until [ -S /run/nscd/socket ]; do sleep 0.05; done
        lookup() {{ python3 -c "import socket; print(socket.gethostbyname('$1').rsplit('.', 2)[0], 'for $1')"; }}
        # Without this the rest would prove nothing: it is asked where files are mounted without hiding it.
        echo "127.0.0.9 other.tim.qq.com" > "$DIR/hosts"
        export -f lookup
        unshare -m bash -c 'mount --bind "$DIR/hosts" /etc/hosts; lookup other.tim.qq.com'
        visits | grep -q "QUERY other.tim.qq.com" && rm "$DIR/decoy.log" && echo "asked outside"
        for name in console.tim.qq.com any.im.qcloud.com; do
            run -- bash -c "lookup $name" | sed 's/^/root /'
            run_in_ci -- bash -c "lookup $name" | sed 's/^/sudo /'
        done
        echo 53 > /proc/sys/net/ipv4/ip_unprivileged_port_start
        run_as_user -- bash -c "lookup console.tim.qq.com" | sed 's/^/user /'
        [ -z "$(visits)" ] && echo "nothing left"; visits
    "#
    );
    let expected = [
        "127.66 for other.tim.qq.com",
        "asked outside",
        "root 127.77 for console.tim.qq.com",
        "root 127.77 for any.im.qcloud.com",
        "sudo 127.77 for console.tim.qq.com",
        "sudo 127.77 for any.im.qcloud.com",
        "user 127.77 for console.tim.qq.com",
        "nothing left",
    ];
    check_with(&["sudo", "nscd"], &script, &expected);
}

/// DNS before files, and no DNS server of the command's own: the hosts file alone must lead.
#[test]
fn another_order_of_sources_leads_all_the_same() {
    let script = format!(
        r#"
        echo "hosts: dns files" > "$DIR/nsswitch.conf"
        mount --bind "$DIR/nsswitch.conf" /etc/nsswitch.conf || exit 1
        cat > "$DIR/command" <<'END'
{CALL}
call https://console.tim.qq.com; call http://console.tim.qq.com
grep hosts: /etc/nsswitch.conf
END
        # Without this the rest would prove nothing: the hosts file is not asked first.
        echo "127.0.0.9 console.tim.qq.com" > "$DIR/hosts"
        unshare -m bash -c 'mount --bind "$DIR/hosts" /etc/hosts; python3 -c "import socket; socket.gethostbyname(\"console.tim.qq.com\")"'
        visits | grep -q "QUERY console.tim.qq.com" && rm "$DIR/decoy.log" && echo "asked first"
        echo 53 > /proc/sys/net/ipv4/ip_unprivileged_port_start
        run -- bash "$DIR/command" && echo "root with DNS"
        # Another process holds port 53 of every address.
        python3 -c 'import socket, time
listener = socket.create_server(("0.0.0.0", 53)); print("taken", flush=True); time.sleep(1000)' > "$DIR/taken" & taken=$!
        trap 'kill $decoy $taken' EXIT
        until [ -s "$DIR/taken" ]; do sleep 0.05; done
        for how in run run_as_user; do $how -- bash "$DIR/command" && echo "$how without DNS"; done
        [ -z "$(visits)" ] && echo "nothing left"; visits
    "#
    );
    let led = "Imported\nImported\nhosts: files dns\n";
    let expected = [
        "asked first",
        &format!("{led}root with DNS"),
        &format!("{led}run without DNS"),
        &format!("{led}run_as_user without DNS"),
        "hosts file alone",
        "nothing left",
    ];
    check_with(&[], &script, &expected);
}

/// A proxy makes the lookups for its clients, outside. It keeps the other hosts.
#[test]
fn a_proxy_that_is_set_sees_no_name_of_the_cloud() {
    let script = format!(
        r#"
        cat > "$DIR/proxy.py" <<'END'
import socket
listener = socket.create_server(("127.0.0.1", 3128))
print("ready", flush=True)
while True:
    client, _ = listener.accept()
    print("ASKED", client.makefile().readline().split(" HTTP")[0], flush=True)
    client.sendall(b"HTTP/1.1 502 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    client.close()
END
        python3 "$DIR/proxy.py" > "$DIR/proxy.log" & proxy=$!
        trap 'kill $decoy $proxy' EXIT
        until grep -q ready "$DIR/proxy.log"; do sleep 0.05; done
        export HTTPS_PROXY=http://127.0.0.1:3128 http_proxy=http://127.0.0.1:3128
        cat > "$DIR/command" <<'END'
{CALL}
call https://console.tim.qq.com; call http://console.tim.qq.com; call https://any.im.qcloud.com
python3 -c 'import urllib.error, urllib.request
for scheme in ("https", "http"):
    try:
        urllib.request.urlopen(scheme + "://adminapisgp.im.qcloud.com/")
    except urllib.error.HTTPError as error:
        print("urllib", error.code)
    else:
        print("urllib answered")'
curl -s -m 5 -o /dev/null https://example.test/
END
        echo 53 > /proc/sys/net/ipv4/ip_unprivileged_port_start
        for how in run run_as_user; do
            $how -- bash "$DIR/command"; echo "by $how"
            grep -c "CONNECT example.test:443" "$DIR/proxy.log" | sed 's/^/others /'
        done
        grep -E "qq.com|cloud.com" "$DIR/proxy.log" || echo "no name of the cloud"
        # The proxy would be asked otherwise.
        run -- env -u NO_PROXY -u no_proxy curl -s -m 5 -o /dev/null https://console.tim.qq.com/
        grep -q "CONNECT console.tim.qq.com:443" "$DIR/proxy.log" && echo "asked without NO_PROXY"
        [ -z "$(visits)" ] && echo "nothing left"; visits
    "#
    );
    let led = "Imported\nImported\nImported\nurllib answered\nurllib answered\n";
    let expected = [
        &format!("{led}by run\nothers 1"),
        &format!("{led}by run_as_user\nothers 2"),
        "no name of the cloud",
        "asked without NO_PROXY",
        "nothing left",
    ];
    check_with(&[], &script, &expected);
}
