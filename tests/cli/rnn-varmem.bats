# rnn-varmem and rnn-theory on networks whose memories are known, on small trained ones, and on what they must refuse.
bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    PATH=$BIN:$PATH
    taskgen repeat-copy --length 4 --dims 3 --fresh >task.rnn
    rnn-theory variable-memory --form linear --units 30 task.rnn >linear.rnn
    if [ -x "$BIN/rnn-train" ]; then
        rnn-train --preset variable-memory-fast --hidden 48 --updates 600 --nets 2 --seed 1 -q task.rnn >trained.rnn
    fi
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    PATH=$BIN:$PATH
    F=$BATS_FILE_TMPDIR
}

cell() { # STREAM TABLE COLUMN [COLUMN=VALUE...]: the column's values in rows that match
    local stream=$1 table=$2 column=$3
    shift 3
    rnn-cat --to tsv --table "$table" "$stream" | awk -F'\t' -v column="$column" -v where="$*" '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; n = split(where, w, " "); if (!(column in at)) { print "no column " column; exit } next }
        { for (i = 1; i <= n; i++) { split(w[i], kv, "="); if ($at[kv[1]] != kv[2]) next } print $at[column] }'
}

within() { # VALUE LO HI
    awk -v v="$1" -v lo="$2" -v hi="$3" 'BEGIN { exit !(v != "" && v + 0 >= lo && v + 0 <= hi) }'
}

refused() { # STATUS MESSAGE COMMAND...: one line on stderr that begins so, no file
    local status_wanted=$1 message=$2
    shift 2
    run "-$status_wanted" --separate-stderr "$@" -o refused.rnn
    [ ! -e refused.rnn ]
    [[ "$stderr" == "$message"* ]] || { echo "$stderr"; return 1; }
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "the linear network of the theory has its spectrum, directions and interactions" {
    rnn-varmem "$F/linear.rnn" >v.rnn
    [ "$(cell v.rnn spectrum n_ge_theta)" = 12 ]
    [ "$(cell v.rnn spectrum per_direction)" = "3 3 3 3" ]
    within "$(cell v.rnn spectrum angle_max)" 0 1e-9
    within "$(cell v.rnn spectrum accuracy)" 1 1
    for variant in input dual; do
        within "$(cell v.rnn phi relative_error variant=$variant)" 0 1e-11
        within "$(cell v.rnn phi leak variant=$variant)" 0 1e-11
        within "$(cell v.rnn phi reduced_accuracy variant=$variant)" 1 1
        [ "$(cell v.rnn decode decode_accuracy variant=$variant | sort -u)" = 1 ]
    done
    within "$(cell v.rnn phi relative_error variant=backward)" 0.3 9
    within "$(cell v.rnn control exact_error)" 0 1e-12
    within "$(cell v.rnn control informative_ratio)" 1 9
    rnn-cat check v.rnn
}

@test "real contents go through the linear network" {
    taskgen repeat-copy --length 4 --dims 3 --values gauss --fresh | rnn-theory variable-memory --units 30 | rnn-varmem --variants dual >v.rnn
    [ "$(cell v.rnn decode r2 | awk '$1 < 1 - 1e-9' | wc -l)" -eq 0 ]
    within "$(cell v.rnn spectrum accuracy)" 1 1
}

@test "other operators: signs, unequal lags, and what does not permute" {
    rnn-theory variable-memory --operator '- 2 2; + 1 1; + 3 3' --form overwrite --nets 2 | rnn-varmem --norm none,activity >v.rnn
    [ "$(cell v.rnn spectrum accuracy)" = $'1\n1' ]
    [ "$(cell v.rnn spectrum directions_agree)" = $'1\n1' ]
    [ "$(cell v.rnn phi state variant=dual | sort -u)" = ok ]
    rnn-theory variable-memory --operator '+ 1 1; - 2 1; + 1 3' | rnn-varmem >v.rnn
    [ "$(cell v.rnn phi state variant=dual)" = not-applicable ]
    [[ "$(cell v.rnn basis reason variant=dual)" == *"permutes dimensions"* ]]
    [ "$(cell v.rnn phi state variant=input)" = ok ]
}

@test "trained networks: modes, both stages, and the same output for every -j" {
    [ -e "$F/trained.rnn" ] || skip "rnn-train is not built"
    rnn-varmem "$F/trained.rnn" >v.rnn
    [ "$(cell v.rnn spectrum n_ge_theta stage=trained)" = $'12\n12' ]
    [ "$(cell v.rnn spectrum n_ge_theta stage=initial)" = $'0\n0' ]
    [ "$(cell v.rnn spectrum per_direction stage=trained)" = $'3 3 3 3\n3 3 3 3' ]
    for error in $(cell v.rnn spectrum angle_mean stage=trained); do within "$error" 1e-9 5e-3; done
    for error in $(cell v.rnn phi relative_error variant=dual); do within "$error" 1e-9 0.15; done
    rnn-varmem -j2 "$F/trained.rnn" >v2.rnn
    cmp v.rnn v2.rnn
}

@test "arrays and the chosen input" {
    rnn-varmem --arrays all --norm none,unit --variants dual,code --input @/dev/stdin "$F/linear.rnn" >v.rnn <<<$'#..#\n.##.\n####'
    rnn-cat info v.rnn >info
    for name in Psi Psi_dual complement Phi_learned Phi_theory W_full projector projection projection_outputs; do grep -q "array .* $name of net-0000" info; done
    [ "$(grep -c ' Psi of ' info)" -eq 3 ]
    rnn-varmem --arrays none --variants dual "$F/linear.rnn" >v.rnn
    rnn-cat info v.rnn >info
    run -1 grep ' array ' info
    # the projection is the input itself, one variable older each step
    taskgen repeat-copy --length 8 --dims 8 --fresh | rnn-theory variable-memory | rnn-varmem --input 315 --variants dual --arrays none | rnn-cat --to npz --array projection >p.npz
    "$PYTHON" - <<'P'
import numpy
z = numpy.load("p.npz")
c = z[z.files[0]]
c = c[0] if c.ndim == 4 else c
on = {0: (2, 4, 6), 1: (2, 3, 4, 5, 6), 3: (2, 3, 4, 5, 6), 5: (2, 3, 4, 6), 6: (2, 4, 5, 6)}
u = -numpy.ones((8, 8))
for t, d in on.items(): u[t, list(d)] = 1
assert abs(c[7] - u).max() < 1e-9
assert abs(c[7 + 3] - numpy.roll(u, -3, axis=0)).max() < 1e-9
P
}

@test "a network from npz, with the operator as text" {
    rnn-cat --to npz "$F/linear.rnn" >all.npz
    "$PYTHON" - <<'P'
import numpy
z = numpy.load("all.npz")
pick = lambda name: z[[k for k in z.files if k.split("/")[-1].split(":")[-1].endswith(name)][0]]
numpy.savez("net.npz", W_rec=pick("W_rec"), W_in=pick("W_in"), W_out=pick("W_out"))
P
    rnn-cat --from npz --activation linear net.npz >net.rnn
    rnn-varmem --operator '+ 1 1; + 1 2; + 1 3' --length 4 net.rnn >v.rnn
    id=$(cell v.rnn spectrum net)
    [ "$(cell v.rnn spectrum n_ge_theta)" = 12 ]
    within "$(cell v.rnn phi relative_error variant=dual)" 0 1e-9
    # provenance says what the file of an option said, not its name
    printf '%s\n' '# oldest first' '+ 1 1' '+ 1 2' '+ 1 3' >operator.txt
    rnn-varmem --operator @operator.txt --length 4 net.rnn >v2.rnn
    cmp v.rnn v2.rnn
    rnn-varmem --task "$F/task.rnn" net.rnn >v.rnn
    [ "$(cell v.rnn spectrum n_ge_theta)" = 12 ]
    refused 2 "rnn-varmem: $id has no task in the stream" rnn-varmem net.rnn
    refused 2 "rnn-varmem: $id has 3 inputs and 3 outputs, the operator 2 dimensions" rnn-varmem --operator '+ 1 1; + 1 2' net.rnn
}

@test "networks that cannot be analysed have a row that says so, a warning and status 3" {
    printf 'import numpy, sys\nn = int(sys.argv[1]); g = numpy.random.default_rng(1)\nW = g.normal(size=(n, n)) / n\nif sys.argv[2] == "nan": W[0, 0] = numpy.nan\nnumpy.savez("net.npz", W_rec=W, W_in=g.normal(size=(n, 3)), W_out=g.normal(size=(3, n)))\n' >make.py
    "$PYTHON" make.py 20 nan
    rnn-cat --from npz net.npz >nan.rnn
    run -3 --separate-stderr rnn-varmem --task "$F/task.rnn" -o v.rnn nan.rnn
    [[ "$stderr" == *"non-finite weights"* ]]
    [ "$(cell v.rnn spectrum state)" = failed ]
    "$PYTHON" make.py 10 small
    rnn-cat --from npz net.npz >small.rnn
    run -3 --separate-stderr rnn-varmem --task "$F/task.rnn" -o v.rnn small.rnn
    [[ "$stderr" == *"10 units cannot hold 12 variable elements"* ]]
    [ "$(cell v.rnn spectrum state)" = too-small ]
    # too few slow modes, or a threshold above all of them, is a result
    rnn-varmem --theta 1.5 "$F/linear.rnn" >v.rnn
    [ "$(cell v.rnn phi state variant=dual)" = too-few-modes ]
    [[ "$(cell v.rnn phi reason variant=dual)" == *"0 long-term modes"* ]]
    [ "$(cell v.rnn spectrum n_ge_theta)" = 0 ]
}

@test "biases: about the fixed point, with what the weights alone would say beside it" {
    rnn-cat --to npz "$F/linear.rnn" >all.npz
    "$PYTHON" - <<'P'
import numpy
z = numpy.load("all.npz")
pick = lambda name: z[[k for k in z.files if k.split("/")[-1].split(":")[-1].endswith(name)][0]]
W, U, R = pick("W_rec"), pick("W_in"), pick("W_out")
h = 0.8 * numpy.sin(numpy.arange(len(W)))  # the fixed point: J = diag(1 - h^2) W_rec there shall be 0.97 of the linear network's W
W = 0.97 * W
s = 1 - h * h
numpy.savez("net.npz", W_rec=W / s[:, None], W_in=1e-3 * U / s[:, None], W_out=1e3 * R, b_rec=numpy.arctanh(h) - W @ h / s, h0=h)
P
    rnn-cat --from npz --h0 fixed net.npz >net.rnn
    rnn-varmem --task "$F/task.rnn" net.rnn >v.rnn
    [ "$(cell v.rnn spectrum stage)" = $'trained\nweights' ]
    within "$(cell v.rnn spectrum x_star_max stage=trained)" 0.79 0.81
    within "$(cell v.rnn spectrum residual stage=trained)" 0 1e-12
    within "$(cell v.rnn spectrum angle_max stage=trained)" 0 1e-8
    within "$(cell v.rnn spectrum modulus_max stage=trained)" 0.96999999 0.97000001
    within "$(cell v.rnn spectrum modulus_max stage=weights)" 1.1 99
    within "$(cell v.rnn phi on_min variant=dual)" 0.88529 0.88530 # 0.97^4, the gain once around, in the informative block
    within "$(cell v.rnn phi exact_error variant=dual)" 0 1e-9
}

@test "misuse" {
    refused 2 "rnn-varmem: --theta" rnn-varmem --theta 0 "$F/linear.rnn"
    refused 2 "rnn-varmem: --theta" rnn-varmem --theta nan "$F/linear.rnn"
    refused 2 "rnn-varmem: --variants: 'best'" rnn-varmem --variants best "$F/linear.rnn"
    refused 2 "rnn-varmem: --alpha" rnn-varmem --variants dual --alpha 1 "$F/linear.rnn"
    refused 2 "rnn-varmem: --norm" rnn-varmem --variants code --norm unit "$F/linear.rnn"
    refused 2 "rnn-varmem: --length" rnn-varmem --length 4 "$F/linear.rnn"
    refused 2 "rnn-varmem: --operator: operator: output 1: 'copy'" rnn-varmem --operator copy "$F/linear.rnn"
    refused 1 "rnn-varmem: --operator: cannot open 'nowhere'" rnn-varmem --operator @nowhere "$F/linear.rnn"
    refused 2 "rnn-varmem: picture '3141' needs 5 dimensions" rnn-varmem --input 3141 "$F/linear.rnn"
    taskgen flip-flop --fresh >flip.rnn
    refused 2 "rnn-theory: task" rnn-theory variable-memory flip.rnn
}

@test "rnn-theory: gsemm, its limit and its other memories" {
    rnn-theory gsemm --runs 5 --random-basis 3 >g.rnn
    for gap in $(cell g.rnn gsemm elman_gap); do within "$gap" 0 1e-12; done
    for error in $(cell g.rnn gsemm spectrum_error); do within "$error" 0 1e-9; done
    [ "$(cell g.rnn isospectral basis run=4)" = $'0\n1\n2' ]
    for far in $(cell g.rnn isospectral phi_distance); do within "$far" 0.5 1e9; done
    rnn-theory gsemm --tau-hidden 0.5 --dt 0.1 --arrays >g.rnn
    within "$(cell g.rnn gsemm model_gap)" 0.01 2
    rnn-cat info g.rnn | grep -q 'array .* V_f'
    refused 2 "rnn-theory: unknown model 'gsem'" rnn-theory gsem
    refused 2 "rnn-theory: --operator and --memories" rnn-theory gsemm --memories 3 --operator '+ 1 1'
    refused 2 "rnn-theory: " rnn-theory gsemm --memories 41
    refused 2 "rnn-theory: --epsilon" rnn-theory variable-memory --form tanh --epsilon 1 --operator '+ 1 1'
    refused 2 "rnn-theory: " rnn-theory variable-memory --units 3 --operator '+ 1 1' --length 4
}
