# The beginning of scripts that tests run as root, in a network and a mount namespace of their own: the decoy, a user that
# owns nothing, and `portraitd run` for root and for that user. DIR is the test's folder, PORTRAITD the binary.
set -u
ip link set lo up
# Every user has its own folder here, and the decoy's log.
mkdir -p "$DIR/user" && chmod 755 "$DIR" && chown "$USER_ID:$USER_ID" "$DIR/user"
echo "nameserver 127.0.0.1" > "$DIR/resolv.conf"
mount --bind "$DIR/resolv.conf" /etc/resolv.conf
# An nscd of the machine would look up outside.
[ ! -e /run/nscd/socket ] || mount --bind /dev/null /run/nscd/socket
python3 "$STACKS/decoy.py" "$DIR/decoy.log" > "$DIR/decoy.out" 2>&1 &
decoy=$!
trap 'kill $decoy' EXIT
until grep -q ready "$DIR/decoy.out"; do sleep 0.05; done
as_user() { setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups --inh-caps=-all \
    env HOME="$DIR/user" TMPDIR="$DIR/user" PATH=/usr/local/bin:/usr/bin:/bin "$@"; }
run() { "$PORTRAITD" run --certificates "$DIR/certificates" "$@"; }
run_as_user() { as_user "$PORTRAITD" run --certificates "$DIR/user/certificates" "$@"; }
visits() { sort "$DIR/decoy.log" 2>/dev/null | uniq -c; }
