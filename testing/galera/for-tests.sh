# Sourced by scripts/test, from the root of the repository. A cluster of three nodes for all tests of one run, named by
# PORTRAITD_TEST_MYSQL (the path of its cluster.json); it ends with the script, however that ends.
start_test_cluster() {
    test_cluster=$(mktemp -d "${TMPDIR:-/tmp}/portraitd-galera.XXXXXX")
    trap 'GALERA_DIR=$test_cluster testing/galera/galera down' EXIT
    local code=0
    GALERA_DIR=$test_cluster testing/galera/galera up || code=$?
    if [ "$code" = 0 ]; then
        export PORTRAITD_TEST_MYSQL=$test_cluster/cluster.json
    elif [ "$code" = 77 ] && [ -z "${CI:-}" ]; then
        echo "SKIPPED: tests on a Galera cluster; it can't be started here, see the reason above"
    else
        echo "the Galera cluster of the tests did not start" >&2
        return "$code"
    fi
}
