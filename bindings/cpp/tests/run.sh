# run.sh OUT: runs the test programs of the Makefile, plain, sanitized and under valgrind.
set -eu
out=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export FAST_REGISTRY="dir://$folder"

run() {
  echo "test: $*"
  timeout 120 "$@" || {
    echo "run.sh: $* failed with $?" >&2
    exit 1
  }
}

# As memcheck is slow, what it runs is small.
memcheck() {
  run valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite --error-exitcode=99 "$@"
}

for kind in "" -san; do
  run "$out/test/load$kind" "$out/libfast.so.1"
  for name in nulls calls queue process handlers hello cpp interceptors; do run "$out/test/$name$kind"; done
done
# Its processes fork with threads running, which the address sanitizer's allocator does not survive.
run "$out/test/peers"
memcheck "$out/test/nulls"
memcheck "$out/test/hello"

# The examples find each other, each language and the static build.
for pair in "c cpp" "cpp static" "static c"; do
  set -- $pair
  mkfifo "$folder/output"
  "$out/$1/hello_server" > "$folder/output" &
  read -r _ < "$folder/output" # "listening ADDRESS": it can be called
  run "$out/$2/hello_client"
  kill $!
  wait $! || true
  rm "$folder/output"
done
