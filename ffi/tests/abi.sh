# abi.sh ROOT LIBRARY: the header compiles as every language that includes it, and the library exports what it declares.
set -eu
header=$1/include
library=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
  echo "abi.sh: $*" >&2
  exit 1
}

# Twice in one unit, and in two units of one program.
printf '#include "%s"\n#include "%s"\nint one(void);\nint one(void) { return (int)FAST_VERSION_NUM; }\n' fast.h fast.h > "$folder/one.c"
printf '#include "fast.h"\nint one(void);\nint main(void) { return one() == (int)FAST_VERSION_NUM ? 0 : 1; }\n' > "$folder/two.c"
for standard in c99 c11 c17; do
  ${CC:-cc} -std=$standard -Wall -Wextra -Wpedantic -Werror -I "$header" "$folder/one.c" "$folder/two.c" -o "$folder/program"
  "$folder/program"
done
for name in fast.h fast.hpp; do
  printf '#include "%s"\n#include "%s"\nint one();\nint one() { return 1; }\n' $name $name > "$folder/one.cpp"
  printf '#include "%s"\nint one();\nint main() { return one() - 1; }\n' $name > "$folder/two.cpp"
  for standard in c++17 c++20; do
    ${CXX:-c++} -std=$standard -Wall -Wextra -Wpedantic -Wshadow -Werror -I "$header" "$folder/one.cpp" "$folder/two.cpp" \
      -o "$folder/program" "$library"
  done
done

sed -n 's/^[a-z].*[ *]\(fast_[a-z_]*\)(.*/\1/p' "$header/fast.h" | sort > "$folder/declared"
nm -D --defined-only "$library" | awk '{print $3}' | sed 's/@.*//' | sort > "$folder/exported"
diff "$folder/declared" "$folder/exported" >&2 || fail "declared (<) and exported (>) functions differ"
[ "$(wc -l < "$folder/declared")" -gt 50 ] || fail "the header's functions were not found"

readelf -d "$library" > "$folder/dynamic"
grep -q 'SONAME.*\[libfast\.so\.1\]' "$folder/dynamic" || fail "no soname libfast.so.1"
grep -q NODELETE "$folder/dynamic" || fail "not NODELETE"
! grep -Eq 'TEXTREL|STATIC_TLS|RPATH|RUNPATH' "$folder/dynamic" || fail "has TEXTREL, STATIC_TLS or a path"
