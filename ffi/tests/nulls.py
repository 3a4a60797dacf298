"""nulls.py fast.h: writes a C program that passes NULL for every pointer argument of every function, one at a time and all.

Without arguments that are live objects: a function that needs one answers FAST_E_NULL, or NULL, 0, false or an empty text.
"""

import re
import sys

header = open(sys.argv[1]).read()
header = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
functions = re.findall(r"^([a-z][\w ]*?[ *]+)(fast_\w+)\(([^()]*)\);", header, flags=re.M)
assert len(functions) > 50, len(functions)

# What is given for a pointer that is not NULL, by its type: something that can be read or written, never freed.
VALID = {
    "fast_config": "config", "fast_client": "client", "fast_queue": "queue", "fast_server": "server",
    "char": '"echo"', "fast_call_opts": "&opts", "fast_event": "events", "size_t": "&size", "void": "&size",
    "uint64_t": "&number", "uint32_t": "&count",
    "fast_buf": "NULL", "fast_error": "NULL", "fast_call": "NULL", "fast_pick": "NULL", "fast_request": "NULL",
    "fast_announcement": "NULL",
}
# They end something, or wait.
NEVER_VALID = re.compile(r"_(free|unref|ref|release|close|start|stop|dispatch)$")

print('#include "%s"' % "fast.h")
print("#include <stdio.h>\n#include <stdlib.h>\n")
print("static void on_event(void *user_data, fast_event *event) { (void)user_data; (void)event; }")
print("static void on_free(void *user_data) { (void)user_data; }\n")
print("""int main(void) {
  fast_config *config = fast_config_new();
  fast_client *client = fast_client_new("127.0.0.1:1", NULL, NULL);
  fast_queue *queue = fast_queue_new(NULL);
  fast_server *server = fast_server_new(NULL, NULL);
  fast_call_opts opts = {.struct_size = sizeof opts, .timeout_ms = 1};
  fast_event events[1] = {{0}};
  size_t size = 0;
  uint64_t number = 0;
  uint32_t count = 0;
  fast_error *err = NULL;
  fast_buf *buf = NULL;
  fast_call *call = NULL;
  if (!config || !client || !queue || !server) return 1;
  (void)on_event; (void)on_free; (void)size; (void)number; (void)count; (void)opts; (void)events;
""")
for result, name, arguments in functions:
    arguments = [] if arguments.strip() == "void" else [" ".join(a.split()) for a in arguments.split(",")]
    pointers = [i for i, a in enumerate(arguments) if "*" in a or "_fn " in a]

    def given(i, argument, nulls):
        base = re.sub(r"\b(const|struct)\b|\*|\w+$", "", argument).strip()
        if i in nulls:
            return "NULL"
        if "_fn" in base:
            return "on_event" if base == "fast_event_fn" else "on_free"
        if argument.count("*") == 2:
            return {"fast_error": "&err", "fast_buf": "&buf", "fast_call": "&call"}[base]
        if "*" in argument:
            return VALID[base]
        return {"size_t": "0", "bool": "true"}.get(base, "0")

    cases = {frozenset(pointers)}
    if not NEVER_VALID.search(name):
        cases |= {frozenset([i]) for i in pointers} | {frozenset(pointers) - {i} for i in pointers}
    for nulls in sorted(cases, key=sorted):
        values = ", ".join(given(i, a, nulls) for i, a in enumerate(arguments))
        call = "%s(%s)" % (name, values)
        # The first argument is what the function is about; without it, it fails.
        about = arguments and re.search(r"\bfast_(client|queue|server|request|call|pick|announcement|config) \*", arguments[0])
        if 0 in nulls and about and result.strip() == "fast_code":
            print('  if (%s != FAST_E_NULL) return fprintf(stderr, "%%s\\n", "%s"), 1;' % (call, call.replace('"', "'")))
        elif "*" in result and "char" in result and name != "fast_buf_data":
            print('  if (!%s) return fprintf(stderr, "%%s\\n", "%s"), 1;' % (call, call.replace('"', "'")))
        elif name.endswith(("_new", "_named")) or name == "fast_client_pick":
            kind = re.search(r"fast_\w+", result).group()
            kind = kind[len("fast_"):]
            print("  fast_%s_free(%s);" % (kind, call))
        else:
            print("  %s%s;" % ("" if result.strip() == "void" else "(void)", call))
        print("  fast_error_free(err); err = NULL; fast_buf_unref(buf); buf = NULL; fast_call_free(call); call = NULL;")
        print("  fast_events_release(events, 1);")
print("""  fast_client_free(client);
  fast_server_free(server);
  fast_queue_free(queue);
  fast_config_free(config);
  return fast_shutdown(10000) < 0;
}""")
