# Ends a private PostgreSQL when the last process that used it has gone.
# Started by embedded/mod.rs, which explains the order of the steps; standard input is a locked file, which says that
# the server is watched.
# $1: the directory of the server; $2: for how many seconds nobody must hold it.
trap '' HUP INT
cd "$1" || exit

held() {
    for holder in holders/*; do
        process=${holder##*/}
        if kill -0 "${process%%.*}" 2>/dev/null; then return 0; fi
        rm -f "$holder"
    done
    return 1
}

quiet=0
while sleep 1 </dev/null; do
    if held; then quiet=0; continue; fi
    quiet=$((quiet + 1))
    if [ "$quiet" -lt "$2" ]; then continue; fi
    read -r server <pg/postmaster.pid || exit
    rm -f ready
    if held; then : >ready; quiet=0; continue; fi
    kill -INT "$server"
    exit
done
