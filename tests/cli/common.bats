# What every tool does alike, tried on cli_probe, which does nothing else.
bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    probe=$TESTBIN/cli_probe
}

value() { # NAME: its line in the output
    grep "^$1 " <<<"$output" | cut -d ' ' -f 2-
}

refused() { # STATUS MESSAGE ARGS...: one line on stderr, nothing on stdout
    local want_status=$1 want=$2
    shift 2
    run "-$want_status" --separate-stderr "$probe" "$@"
    [ -z "$output" ]
    [ "$stderr" = "cli_probe: $want" ]
}

@test "help is on standard output, with ranges, defaults and units, within 80 columns" {
    run -0 --separate-stderr "$probe" --help
    [ -z "$stderr" ]
    [[ "$output" == "Usage: cli_probe "* ]]
    [[ "$output" == *"-H, --hidden UNITS        recurrent units (1 to 1e6) [100 units]"* ]]
    for range in "(above 0)" "(0 to 10)" "(from 0)" "(-5 to 5)" "(1 to 1024G)"; do [[ "$output" == *"$range"* ]]; done
    [[ "$output" == *"--[no-]bias"*"[on]"* ]]
    [[ "$output" == *"--max-frame BYTES"*"[1G]"* ]]
    [[ "$output" != *"--complete"* ]]
    [ "$(awk 'length > 80' <<<"$output")" = "" ]
}

@test "version names tool and suite" {
    run -0 --separate-stderr "$probe" --version
    [ -z "$stderr" ]
    [[ "${lines[0]}" =~ ^cli_probe\ \(rnn-suite\)\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "all ways to write an option mean the same" {
    for words in "--hidden 5 --sparse" "--hidden=5 --sparse" "-H 5 -S" "-H5 -S" "-SH5" "-SH 5" "-H=5 -S" "-- -S" ; do
        # shellcheck disable=SC2086
        run -0 "$probe" $words
        if [ "$words" = "-- -S" ]; then
            [ "$(value arg)" = -S ]
            [ "$(value sparse)" = false ]
        else
            [ "$(value hidden)" = "5 given" ]
            [ "$(value sparse)" = "true given" ]
        fi
    done
}

@test "flags are switched off, lists and pairs add up, the last of a single value holds" {
    run -0 "$probe" --no-bias -p a -p b,c --kinds x,y --kinds z --label a=1 --label b=2 --label a=3 --gains 1,2.5 --tau 5 --tau 6
    [ "$(value bias)" = "false given" ]
    [ "$(value param)" = "a|b,c given" ]
    [ "$(value kinds)" = "x,y,z given" ]
    [ "$(value label)" = "a=3|b=2 given" ]
    [ "$(value gains)" = "1,2.5 given" ]
    [ "$(value tau)" = "6 given" ]
}

@test "numbers keep all their bits" {
    run -0 "$probe" --id 0xffffffffffffffff --tau 0.1 --noise 1e-300
    [ "$(value id)" = "18446744073709551615 given" ]
    [ "$(value tau)" = "0.1 given" ]
    [ "$(value noise)" = "1e-300 given" ]
}

@test "unknown options are refused, with the nearest name" {
    refused 2 "unknown option: --hiden: did you mean --hidden?" --hiden=3
    refused 2 "unknown option: --sede: 'cli_probe --help' lists them" --sede
    refused 2 "unknown option: --zzzzzzz: 'cli_probe --help' lists them" --zzzzzzz
    refused 2 "unknown option: -x in -Sx: 'cli_probe --help' lists them" -Sx
    refused 2 "unknown option: --no-hidden: did you mean --hidden?" --no-hidden
}

@test "values out of range or of another type are refused" {
    refused 2 "--hidden: '0': must lie between 1 and 1000000" --hidden 0
    refused 2 "--hidden: '-3': must not be negative" --hidden -3
    refused 2 "--hidden: '3.5': not a whole number" --hidden 3.5
    refused 2 "--hidden: '': not a whole number" --hidden=
    refused 2 "--hidden: '99999999999999999999': too large" --hidden 99999999999999999999
    refused 2 "--tau: '0': must be greater than 0" --tau 0
    refused 2 "--tau: 'nan': not a number" --tau nan
    refused 2 "--tau: '1e999': too large" --tau 1e999
    refused 2 "--noise: 'inf': must be finite" --noise inf
    refused 2 "--gains: '1,x': not a number" --gains 1,x
    refused 2 "--cell: 'rnn': must be one of elman|leaky|leaky-current|gru" --cell rnn
    refused 2 "--label: 'a': must look like key=value" --label a
    refused 2 "--limit: '3q': not a size (a whole number, with k, M or G)" --limit 3q
    refused 2 "--shard: '2/2': must be I/N with 0 <= I < N" --shard 2/2
    refused 2 "--bias: takes no value; to switch it off, write --no-bias" --bias=no
}

@test "a missing value is not taken from the next option" {
    refused 2 "-H: needs a value (UNITS)" -H
    refused 2 "--name: needs a value (TEXT) but is followed by '--sparse'; to mean that, write --name=--sparse" --name --sparse
    run -0 "$probe" --name=--sparse
    [ "$(value name)" = "--sparse given" ]
}

@test "contradictory options, and options without effect, are refused" {
    refused 2 "--noise and --sparse contradict each other" --noise 1 --sparse
    refused 2 "--quiet and --verbose contradict each other" -qv
    refused 2 "--clip: has no effect with --cell elman" --clip 1
    refused 2 "too many arguments: 'd': usage: cli_probe [options] [FILE...]" a b c d
}

@test "standard input is read once" {
    refused 2 "--task -: standard input is the main stream already: name a FILE for one of them" --task -
    refused 2 "--task -: standard input is the main stream already: name a FILE for one of them" --task=- -
    run -0 "$probe" --task - file
    run -0 "$probe" --task file -
    run -0 "$probe" -o - # not an input
}

@test "default < preset < config < command line" {
    printf 'hidden = 32\ntau = 7  # ms\nname = "a # b"\n' >c
    run -0 "$probe"
    [ "$(value hidden)" = 100 ]
    [ "$(value bias)" = true ]
    run -0 "$probe" --preset p
    [ "$(value hidden)" = 64 ]
    [ "$(value tau)" = 20 ]
    [ "$(value gains)" = 0.5,1.5 ]
    [ "$(value bias)" = false ]
    run -0 "$probe" --preset p --config c
    [ "$(value hidden)" = "32 given" ]
    [ "$(value tau)" = "7 given" ]
    [ "$(value gains)" = 0.5,1.5 ]
    [ "$(value name)" = "a # b given" ]
    run -0 "$probe" --preset p --config c --hidden 3 --bias
    [ "$(value hidden)" = "3 given" ]
    [ "$(value tau)" = "7 given" ]
    [ "$(value bias)" = "true given" ]
}

@test "a bad value says where it came from" {
    printf '# a comment\nhidden = 0\n' >c
    refused 2 "c:2: hidden: '0': must lie between 1 and 1000000" --config c
    refused 2 "preset: hidden: '0': must lie between 1 and 1000000" --preset bad
    printf 'hiden = 1\n' >c
    refused 2 "c:1: hiden: unknown option (did you mean 'hidden'?)" --config c
    printf 'hidden = 1\n\nhidden = 2\n' >c
    refused 2 "c:3: hidden: already set in line 1" --config c
    printf 'hidden\n' >c
    refused 2 "c:1: 'hidden': not a line of the form key = value" --config c
    printf 'output = x\n' >c
    refused 2 "c:1: output: belongs on the command line" --config c
    printf 'name = "x\n' >c
    refused 2 "c:1: name: the quotes do not match" --config c
    refused 1 "cannot open config: nowhere: No such file or directory" --config nowhere
}

@test "print-config reads back to itself, and what it states does not count as given" {
    words=(--preset p --hidden 12 --tau 0.1 -p a -p ' b#c' --label x=1 --name $'say "hi"\nthere' --kinds u,v --no-bias --id 0xffffffffffffffff -j0 --limit 3M)
    run -0 --separate-stderr "$probe" "${words[@]}" --print-config
    [ -z "$stderr" ]
    printf '%s\n' "$output" >c
    run -0 "$probe" --config c --print-config
    [ "$output" = "$(cat c)" ]
    [ "$("$probe" --config c | sed 's/ given$//' | grep -v '^seen hidden')" = "$("$probe" "${words[@]}" | sed 's/ given$//' | grep -v '^seen hidden')" ]
    "$probe" --print-config >c
    [ "$("$probe" --config c)" = "$("$probe")" ]
}

@test "neutral options and file names stay out of provenance" {
    run -0 "$probe" -j 2 -q --task f --progress none
    [[ ! "$output" =~ (jobs|quiet|task|progress|config|output|shard) ]]
}

@test "progress: plain lines in tenths, none, and none at all in a log of short work" {
    run -0 --separate-stderr "$probe" --work 1 --steps 100 --progress plain
    [ "$(grep -c '^cli_probe: .*/100 nets .*%' <<<"$stderr")" -eq 10 ]
    [[ "$stderr" != *$'\r'* ]]
    [[ "$stderr" == *"100/100 nets 100%"*"loss 0.5"* ]]
    for words in "--progress none" "--progress auto" "-q --progress plain"; do
        # shellcheck disable=SC2086
        run -0 --separate-stderr "$probe" --work 1 $words
        [[ "$stderr" != *nets* ]]
    done
}

@test "progress: a bar on a terminal, taken away around messages and at the end" {
    run -0 script -qec "'$probe' --work 120 --steps 4 >data" /dev/null
    [[ "$output" == *"1/4 nets ["* ]]
    [[ "$output" == *$'\r\033[Kcli_probe: half way'* ]]
    [[ "$output" == *$'\r\033[K' ]]
    [ "$(grep -c '^hidden' data)" -eq 1 ]
}

@test "control characters of a name do not reach the terminal" {
    run -2 --separate-stderr "$probe" --hidden $'a\033[2Jb\nc'
    [ "$stderr" = "cli_probe: --hidden: 'a?[2Jb?c': not a whole number" ]
}

@test "a full disk is noticed" {
    for words in --help --version --print-config --complete ""; do
        # shellcheck disable=SC2086
        run -1 --separate-stderr bash -c "'$probe' $words >/dev/full"
        [ "$stderr" = "cli_probe: cannot write: standard output: No space left on device" ]
    done
}

@test "the option table for completion has a row per option" {
    run -0 "$probe" --complete
    [ "$(wc -l <<<"$output")" -eq "$("$probe" --help | grep -cE '^ +(-., )?--')" ]
    [[ "$output" == *$'hidden\tsize\tUNITS\trecurrent units\tH\t100\t1 to 1e6\n'* ]]
    [[ "$output" == *$'bias\tflag\t\trecurrent biases\t\ton\t\n'* ]]
    [[ "$output" == *$'task\tfile\tFILE\t'* ]]
}
