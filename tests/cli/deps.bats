# pipelines/deps against a stubbed package system: nothing here may reach the real one.
bats_require_minimum_version 1.5.0

setup() {
    deps=$BATS_TEST_DIRNAME/../../pipelines/deps
    cd "$BATS_TEST_TMPDIR" || return 1
    mkdir stub
    for tool in awk sed tr sort grep env sh cat true; do ln -s "$(type -P $tool)" stub/; done
    : >installed
    : >log
    stub dpkg-query "cat '$PWD/installed'"
    stub apt-get "echo \"apt-get \$*\" >>'$PWD/log'; exit \${APT_STATUS-0}"
    stub id "echo \${STUB_UID-0}"
    stub sudo "echo \"sudo \$*\" >>'$PWD/log'; [ -z \"\${NO_SUDO-}\" ] || exit 1; shift; exec \"\$@\""
}

stub() { # NAME SCRIPT
    printf '#!/bin/sh\n%s\n' "$2" >"stub/$1"
    chmod +x "stub/$1"
}

have() { # LIST: its packages are installed
    sed -n "/^$1='/,/'/p" "$deps" | tr -d "'" | sed "s/^$1=//" | tr -s ' \n' '\n\n' | sed '/^$/d; s/^/ii  /' >>installed
}

run_deps() { # STATUS LIST
    run "-$1" --separate-stderr env -i PATH="$PWD/stub" STUB_UID="${STUB_UID-0}" NO_SUDO="${NO_SUDO-}" APT_STATUS="${APT_STATUS-0}" /bin/sh "$deps" "$2"
}

@test "nothing is done when all is there" {
    have study
    have check
    run_deps 0 study
    run_deps 0 check
    [ ! -s log ]
    [ -z "$output$stderr" ]
}

@test "check implies what study needs, extra neither" {
    have check
    run_deps 0 check
    grep -q '^apt-get install -y --no-install-recommends gcc make ' log
    : >log
    have extra
    run_deps 0 extra
    [ ! -s log ]
}

@test "root updates, then installs what is missing and no more" {
    have study
    sed -i '/zlib1g-dev/d; s/^ii  libsleef-dev/rc  libsleef-dev/' installed
    run_deps 0 study
    [ "$(cat log)" = "apt-get update
apt-get install -y --no-install-recommends libsleef-dev zlib1g-dev" ]
}

@test "others use sudo when it asks for nothing" {
    have study
    sed -i '/zlib1g-dev/d' installed
    STUB_UID=1000 run_deps 0 study
    grep -qx 'apt-get install -y --no-install-recommends zlib1g-dev' log
}

@test "who may not install is told the line to type" {
    have study
    sed -i '/zlib1g-dev/d' installed
    STUB_UID=1000 NO_SUDO=1 run_deps 1 study
    [ "${stderr_lines[0]}" = "pipelines/deps: not installed: zlib1g-dev" ]
    [ "${stderr_lines[1]}" = "sudo apt-get update && sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends zlib1g-dev" ]
    run ! grep -q apt-get log
}

@test "a package system that fails is reported" {
    have study
    sed -i '/zlib1g-dev/d' installed
    APT_STATUS=100 run_deps 1 study
    [[ "$stderr" == *"not installed: zlib1g-dev"* ]]
}

@test "an unknown list is misuse" {
    run_deps 2 everything
    [ ! -s log ]
}
