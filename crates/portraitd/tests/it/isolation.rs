//! `portraitd run` isolates its command: calls to the cloud's names reach the emulator from every stack, and nothing
//! leaves. Each test has a network namespace of its own, in which a decoy stands for the real cloud and counts visitors.
//!
//! As another user than root, and where namespaces can't be made, the tests say SKIPPED; under CI=true they fail.

use crate::harness::binary;
use crate::namespaces::{USER_ID, can_isolate, in_namespaces};

/// Runs a script whose last words must be these.
pub(crate) fn check(script: &str, expected: &[&str]) {
    if !can_isolate() {
        return;
    }
    let all = in_namespaces(binary().get_program(), script, &[]);
    for part in expected {
        assert!(all.contains(part), "`{part}` is missing:\n{all}");
    }
    assert!(!all.contains("UNEXPECTED"), "{all}");
}

/// A call to the cloud by curl.
pub(crate) const CALL: &str = r#"call() { curl -sS -m 5 "$1/v4/im_open_login_svc/account_check?sdkappid=$PORTRAITD_SDKAPPID&identifier=$PORTRAITD_ADMIN&usersig=$PORTRAITD_USERSIG" -d '{"CheckItem":[{"UserID":"alice"}]}' | grep -o Imported; }"#;

/// The decoy sees a command that is not isolated: without this the other tests would prove nothing.
#[test]
fn without_isolation_the_decoy_is_reached() {
    let script = r"
        run --isolate proxy -- env -u HTTPS_PROXY -u https_proxy -u http_proxy curl -s -m 2 http://console.tim.qq.com/
        visits
    ";
    check(script, &["CONNECT 80", "QUERY console.tim.qq.com"]);
}

#[test]
fn every_name_reaches_the_emulator_as_root_and_as_a_user() {
    let script = format!(
        r#"
        cat > "$DIR/command" <<'END'
{CALL}
for url in https://console.tim.qq.com http://console.tim.qq.com https://adminapisgp.im.qcloud.com \
    https://adminapinew.im.qcloud.com http://CONSOLE.tim.qq.com https://console.tim.qq.com.; do
    [ "$(call $url)" = Imported ] && echo "reached $url" || echo "UNEXPECTED: $url"
done
python3 -c "
import socket
print('v6', socket.getaddrinfo('x.im.qcloud.com', 80, socket.AF_INET6)[0][4][0])"
END
        run -- bash "$DIR/command" && echo "as root"
        echo 53 > /proc/sys/net/ipv4/ip_unprivileged_port_start
        run_as_user -- bash "$DIR/command" && echo "as user"
        [ -z "$(visits)" ] && echo "nothing left"; visits
    "#
    );
    check(
        &script,
        &[
            "as root",
            "as user",
            "v6 ::ffff:127.77.",
            "(mount namespace;",
            "(user and mount namespace;",
            "nothing left",
        ],
    );
}

#[test]
fn the_command_is_as_without_isolation() {
    let script = r#"
        echo 53 > /proc/sys/net/ipv4/ip_unprivileged_port_start
        for how in run run_as_user; do
            $how -- sh -c 'exit 42'; echo "$how exit $?"
            $how -- sh -c 'kill -9 $$'; echo "$how killed $?"
            $how -- no-such-command; echo "$how missing $?"
            $how -- "$DIR"; echo "$how folder $?"
            echo typed | $how -- sh -c 'read line; echo "read $line"'
            (cd "$DIR/user" && umask 027 && LD_LIBRARY_PATH=/nowhere MARK=kept $how -- \
                sh -c 'touch made; stat -c "%u %a" made; rm made; pwd; echo "$MARK $LD_LIBRARY_PATH ${TMPDIR-none}"')
        done
        python3 -m http.server --bind 127.0.0.1 8123 --directory "$DIR/user" > /dev/null 2>&1 & server=$!
        until curl -s -o /dev/null http://127.0.0.1:8123/; do sleep 0.05; done
        run_as_user -- curl -s -m 3 -o /dev/null -w 'loopback %{http_code}\n' http://127.0.0.1:8123/
        kill $server
        TMPDIR=/not-there run -- true; echo "temporary $?"
    "#;
    let expected = [
        "run exit 42",
        "run killed 137",
        "run missing 127",
        "run folder 126",
        "run_as_user exit 42",
        "run_as_user killed 137",
        "run_as_user missing 127",
        "run_as_user folder 126",
        "read typed",
        "0 640",
        &format!("{USER_ID} 640"),
        "kept /nowhere",
        "loopback 200",
        "temporary 0",
    ];
    check(script, &expected);
}

#[test]
fn runs_in_parallel_have_an_address_each() {
    let script = format!(
        r#"
        cat > "$DIR/command" <<'END'
{CALL}
sleep 1; call https://console.tim.qq.com
END
        for number in 1 2 3; do (run -- bash "$DIR/command" && echo "done $number") & runs="${{runs-}} $!"; done
        wait $runs
        [ -z "$(visits)" ] && echo "nothing left"
    "#
    );
    check(&script, &["done 1", "done 2", "done 3", "nothing left"]);
}

/// Root with the capabilities that Docker leaves, and no namespaces: the hosts file of the container is edited.
#[test]
fn a_container_has_its_hosts_file_edited() {
    let script = format!(
        r#"
        cp /etc/hosts "$DIR/hosts" && printf '192.0.2.9 last-line-without-end' >> "$DIR/hosts"
        mount --bind "$DIR/hosts" /etc/hosts
        cat > "$DIR/command" <<'END'
{CALL}
call https://console.tim.qq.com
grep -c "portraitd run" /etc/hosts
END
        # As Docker sets it. The limit of user namespaces is that of the one which is made here.
        echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start
        docker_like() {{
            unshare --user --map-root-user bash -c 'echo 0 > /proc/sys/user/max_user_namespaces
                exec setpriv --bounding-set=-all,+chown,+dac_override,+fowner,+kill,+setgid,+setuid --inh-caps=-all "$@"' - "$@"
        }}
        docker_like "$PORTRAITD" run --certificates "$DIR/certificates" -- bash "$DIR/command" && echo "edited"
        [ "$(tail -c 24 /etc/hosts)" = "last-line-without-end" ] || tail -3 /etc/hosts
        grep -q "portraitd run" /etc/hosts && echo "UNEXPECTED: lines were left"
        # Killed, it leaves lines that lead nowhere; the next run takes them out.
        docker_like "$PORTRAITD" run --certificates "$DIR/certificates" -- sh -c 'kill -9 $PPID; sleep 0.2'
        grep -q "portraitd run" /etc/hosts && echo "stale"
        docker_like "$PORTRAITD" run --certificates "$DIR/certificates" -- bash "$DIR/command" && echo "again"
        grep -q "portraitd run" /etc/hosts && echo "UNEXPECTED: stale lines were left"
        docker_like "$PORTRAITD" run --isolate require --certificates "$DIR/certificates" -- true; echo "required $?"
        [ -z "$(visits)" ] && echo "nothing left"; visits
    "#
    );
    check(&script, &["edited", "stale", "again", "lines in /etc/hosts", "required 125", "nothing left"]);
}

/// The floor: what ignores the proxy is refused by the kernel instead of leaving.
#[test]
fn without_ports_nothing_reaches_the_cloud_either() {
    let script = format!(
        r#"
        cat > "$DIR/command" <<'END'
{CALL}
[ "$(call https://console.tim.qq.com)" = Imported ] && echo "by the proxy"
env -u HTTPS_PROXY -u https_proxy -u http_proxy curl -sS -m 5 http://console.tim.qq.com/ 2>&1 | tail -1
END
        [ ! -e /usr/bin/pasta ] || mount --bind /dev/null /usr/bin/pasta
        echo 1024 > /proc/sys/net/ipv4/ip_unprivileged_port_start
        run_as_user -- bash "$DIR/command"
        run_as_user --isolate require -- true; echo "required $?"
        grep -c CONNECT "$DIR/decoy.log" | sed 's/^/connections /'
    "#
    );
    check(
        &script,
        &[
            "by the proxy",
            "(Landlock)",
            "required 125",
            "net.ipv4.ip_unprivileged_port_start",
            "connections 0",
        ],
    );
}

/// A file that is replaced outside is not seen by the command any more: the other layer still leads, and it is said.
#[test]
fn a_lost_layer_is_said_and_the_other_one_leads() {
    let script = format!(
        r#"
        mkdir "$DIR/upper" "$DIR/work"
        mount -t tmpfs t "$DIR/upper" && mkdir "$DIR/upper/u" "$DIR/upper/w"
        mount -t overlay o -o lowerdir=/etc,upperdir="$DIR/upper/u",workdir="$DIR/upper/w" /etc || exit 1
        cp "$DIR/resolv.conf" /etc/resolv.conf
        cat > "$DIR/command" <<'END'
{CALL}
touch "$DIR/started"
until [ -e "$DIR/replaced" ]; do sleep 0.05; done
grep -q tim.qq.com /etc/hosts || echo "hosts lost"
call https://console.tim.qq.com
END
        run -- bash "$DIR/command" & run=$!
        until [ -e "$DIR/started" ]; do sleep 0.05; done
        cp /etc/hosts /etc/hosts.new && mv /etc/hosts.new /etc/hosts && touch "$DIR/replaced"
        wait $run; echo "ended $?"
        [ -z "$(visits)" ] && echo "nothing left"; visits
    "#
    );
    check(&script, &["hosts lost", "Imported", "/etc/hosts was replaced outside", "ended 0", "nothing left"]);
}

#[test]
fn no_call_is_said_aloud_where_it_is_asked_for() {
    let script = r#"
        run --require-calls -- true; echo "silent $?"
        run --require-calls -- sh -c 'curl -s "$PORTRAITD_URL/v4/x" -d "{}" > /dev/null'; echo "called $?"
        run --require-calls -- false; echo "failed $?"
    "#;
    check(script, &["silent 125", "no call reached the emulator", "called 0", "failed 1"]);
}
