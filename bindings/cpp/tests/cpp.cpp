// fast.hpp: ownership, exceptions, ranges and servers.

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fast.hpp>
#include <future>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

#define CHECK(condition) \
  ((condition) ? (void)0 : (std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition), std::_Exit(1)))

template <class Run>
fast::error caught(Run run) {
  try {
    run();
  } catch (const fast::error& error) {
    return error;
  }
  CHECK(!"an error was thrown");
  std::abort();
}

static_assert(!std::is_copy_constructible_v<fast::client> && std::is_nothrow_move_constructible_v<fast::client>);
static_assert(!std::is_copy_constructible_v<fast::server> && std::is_nothrow_move_assignable_v<fast::server>);
static_assert(!std::is_copy_constructible_v<fast::request> && !std::is_copy_constructible_v<fast::stream>);
static_assert(std::is_nothrow_copy_constructible_v<fast::error> && std::is_nothrow_copy_constructible_v<fast::remote_error>);

static fast::server make_server() {
  fast::server server({{"listen", "127.0.0.1:0"}, {"write_buffer_bytes", 4096}});
  server.method("echo", [](fast::request& request) { request.end(request.args()); })
      .method("empty", [](fast::request& request) { request.end(); })
      .method("own", [](fast::request&) { throw fast::remote_error("Own", "as asked", R"({"a":1})"); })
      .method("whole", [](fast::request&) { throw fast::remote_error("Own", "x", R"({"a":1})", "[1]", R"([{"name":"Below"}])"); })
      .method("late", [](fast::request& request) {
        for (const char* value : {"1", "null", "2", "3"}) request.send(value);
        throw fast::remote_error("Late", "after all");
      })
      .method("end_and_throw", [](fast::request& request) {
        request.end("1");
        throw std::runtime_error("too late to be heard of");
      })
      .method("move_and_throw", [](fast::request& request) {
        fast::request kept = std::move(request);
        kept.end("2");
        throw 7;
      })
      .method("standard", [](fast::request&) { throw std::runtime_error("standard"); })
      .method("number", [](fast::request&) { throw 7; })
      .method("malformed", [](fast::request&) { throw fast::remote_error("\xff", "x", "not json"); })
      .method("nothing", [](fast::request&) {})
      .method("twice", [](fast::request& request) {
        request.end("1");
        request.end("2");  // throws, and is not heard of
      })
      .method("later", [](fast::request& request) {
        std::thread([request = std::move(request)]() mutable { request.end(request.args()); }).detach();
      })
      .method("range", [](fast::request& request) {
        int n = std::atoi(request.args().substr(1).data());
        CHECK(std::strcmp(request.method(), "range") == 0 && std::strstr(request.peer(), "127.0.0.1:") && !request.cancelled());
        for (int i = 0; i < n; i++) request.send(std::to_string(i));
        request.end();
      });
  return server;
}

static void errors_of_servers(fast::client& client) {
  fast::error own = caught([&] { client.call("own"); });
  CHECK(own.code() == FAST_E_REMOTE && !std::strcmp(own.code_name(), "FAST_E_REMOTE") && !own.retriable());
  CHECK(!std::strcmp(own.remote_name(), "Own") && !std::strcmp(own.remote_info(), R"({"a":1})"));
  CHECK(std::strstr(own.what(), "as asked") && std::strstr(own.endpoint(), "127.0.0.1:"));
  CHECK(!std::strcmp(own.cause_name(), "FastServerError") && !std::strcmp(own.remote_message(), "as asked"));
  CHECK(std::strstr(own.merged_info(), R"("a":1)") && std::strstr(own.merged_info(), R"("rpcMethod":"own")"));
  CHECK(!std::strcmp(own.remote_context(), "{}") && !*own.remote_ase_errors());
  fast::error whole = caught([&] { client.call("whole"); });
  CHECK(!std::strcmp(whole.remote_context(), "[1]") && !std::strcmp(whole.remote_ase_errors(), R"([{"name":"Below"}])"));
  for (const char* method : {"standard", "number", "malformed"})
    CHECK(!std::strcmp(caught([&] { client.call(method); }).remote_name(), "Error"));
  CHECK(client.call("end_and_throw") == "[1]" && client.call("move_and_throw") == "[2]");
  CHECK(!std::strcmp(caught([&] { client.call("nothing"); }).remote_name(), "HandlerDropped"));
  CHECK(client.call("twice") == "[1]" && client.call("later", "[3]") == "[[3]]" && client.call("empty") == "[]");
}

static void streams(fast::client& client) {
  int count = 0;
  for (std::string_view value : client.stream("range", "[20000]")) CHECK(value == std::to_string(count++));
  CHECK(count == 20000);
  for (std::string_view value : client.stream("range", "[1000000]"))
    if (value == "10") break;
  fast::stream stream = client.stream("range", "[2]");
  fast::stream moved = std::move(stream);
  CHECK(moved.next() && moved.next() && moved.value() == "1" && !moved.next() && !moved.next());
  count = 0;
  CHECK(caught([&] { for (std::string_view value : client.stream("own")) count += !value.empty(); }).code() == FAST_E_REMOTE);
  CHECK(count == 0);
}

static void buffered_calls(fast::client& client) {
  fast::buffered all = client.call_buffered("range", "[5]", 2);
  CHECK(all.values == "[0,1]" && all.count == 5 && !all.error);
  fast::call_options options;
  options.ignore_null_values = true;
  fast::buffered late = client.call_buffered("late", "[]", 2, options);
  CHECK(late.values == "[1,2]" && late.count == 3 && !std::strcmp(late.error->remote_name(), "Late"));
  options.ignore_null_values = false;
  CHECK(client.call_buffered("late", "[]", 2, options).error->code() == FAST_E_PROTOCOL);
  CHECK(client.call_buffered("late", "{}", 2).error->code() == FAST_E_INVALID);
}

static void abandoned_streams(fast::client& client) {
  fast::stream stream = client.stream("range", "[1000000]");
  CHECK(stream.next());
  stream.abandon();
  fast::error error = caught([&] { while (stream.next()) continue; });
  CHECK(error.code() == FAST_E_ABANDONED && !std::strcmp(error.cause_name(), "FastRequestAbandonedError"));
  CHECK(std::strstr(error.merged_info(), R"("rpcMethod":"range")"));
}

// Methods that wait for a caller that reads slowly, also when what they send is refused for a while.
static void slow_callers_are_waited_for() {
  fast::server server({{"write_limit_bytes", 4096}});
  const int count = 2000;
  server.method("flood", [&](fast::request& request) {
    std::string value = "\"" + std::string(2000, 'x') + "\"";
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) threads.emplace_back([&] { for (int n = 0; n < count / 4; n++) request.send(value); });
    for (std::thread& thread : threads) thread.join();
    request.end(value);
  });
  fast::client client(server.start(), {{"stream_buffer_bytes", 4096}});
  int came = 0;
  for (std::string_view value : client.stream("flood")) came += value.size() == 2002;
  CHECK(came == count + 1);
  server.stop();
}

static void how_long_callers_wait() {
  fast::server server;
  server.method("left", [](fast::request& request) {
    const auto left = request.remaining();
    request.end(left ? std::to_string(left->count()) : std::string("-1"));
  });
  fast::client patient(server.start(), {{"timeout_ms", 60000}});
  // From the second call on: the first finds out that this server understands it.
  int left = -1;
  for (int calls = 0; left == -1 && calls < 10000; calls++) left = std::stoi(patient.call("left").substr(1));
  CHECK(left > 0 && left <= 60000);
  fast::client silent(server.address(), {{"send_deadline", false}});
  CHECK(silent.call("left") == "[-1]");
  server.stop();
}

static void clients_that_ask_too_often() {
  fast::server server({{"rate_limits", "method=echo rate=0 burst=1"}});
  server.method("echo", [](fast::request& request) { request.end(request.args()); });
  fast::client client(server.start(), {{"retries", 0}});
  client.call("echo");
  CHECK(caught([&] { client.call("echo"); }).code() == FAST_E_OVERLOAD);
  CHECK(caught([&] { server.set_rate_limits("rate=fast"); }).code() == FAST_E_INVALID);
  server.set_rate_limits("");
  client.call("echo");
  server.kick("127.0.0.1", 1h);
  CHECK(caught([&] { client.call("echo"); }).code() == FAST_E_OVERLOAD);
  server.kick("127.0.0.1", 0ms);
  client.call("echo");
  server.stop();
}

static void servers_that_accept_no_more() {
  fast::server server;
  std::promise<void> entered;
  std::atomic<bool> told{false};
  server.method("hang", [&](fast::request& request) {
    entered.set_value();
    while (!request.half_closed()) std::this_thread::yield();
    told = true;
    request.end();
  });
  std::string address = server.start();
  CHECK(server.wait_connections_closed(0ms));
  {
    fast::client client(address);
    client.ready(10s);
    fast::stream stream = client.stream("hang");
    entered.get_future().wait();
    server.stop_accepting();
    CHECK(!server.wait_connections_closed(0ms) && !told);
    CHECK(caught([&] { fast::client(address, {{"retries", 0}}).call("hang"); }).code() == FAST_E_CONNECT);
  }
  CHECK(server.wait_connections_closed() && told);
  server.stop();
}

static void options_and_calls(fast::client& client, const std::string& address) {
  CHECK(std::strstr(caught([] { fast::config{{"polcy", "p2c"}}; }).what(), "policy"));
  CHECK(caught([] { fast::config{{"retries", -1}}; }).code() == FAST_E_INVALID);
  CHECK(std::strstr(caught([] { fast::client(std::string("a\0b", 3)); }).what(), "NUL"));
  fast::config config;
  config.set("retries", 3).set("idempotent", true).set("policy", "round_robin").set("client_name", std::string("test"));
  fast::client other(address, config);
  fast::call_options options;
  options.timeout = 0ms;
  options.idempotent = true;
  options.retries = 0;
  CHECK(other.call("echo", "[\"\xc3\xbc\"]", options) == "[[\"\xc3\xbc\"]]");
  options.timeout = -5ms;
  CHECK(std::strstr(caught([&] { other.call("echo", "[]", options); }).what(), "timeout_ms"));
  CHECK(caught([&] { client.call("echo", "{}"); }).code() == FAST_E_INVALID);

  std::string values = "before";
  CHECK(client.try_call("own", "[]", values) == FAST_E_REMOTE && values == "before");
  CHECK(client.try_call("echo", "[1]", values) == FAST_OK && values == "[[1]]");
  fast::pick pick = client.pick();
  CHECK(pick.endpoint() == address);
  pick.report(150us, true);
  CHECK(caught([&] { pick.report(150us, true); }).code() == FAST_E_STATE);
  CHECK(client.stats().find(address) != std::string::npos);
}

static void kang_and_metrics() {
  fast::server server({{"listen", "127.0.0.1:0"}});
  server.method("echo", [](fast::request& request) { request.end(request.args()); });
  fast::client client(server.start());
  client.call("echo", "[1]");
  CHECK(client.kang().find("\"fastclient\"") != std::string::npos);
  CHECK(server.kang().find("\"fastconnection\"") != std::string::npos);
  CHECK(fast::metrics_text().find("rpc_server_call_duration_seconds_count") != std::string::npos);
}

static void a_blocked_handler_holds_up_no_other() {
  std::promise<void> go, entered;
  std::shared_future<void> gone = go.get_future().share();
  fast::server server({}, 2);
  server.method("block", [&, gone](fast::request& request) {
    entered.set_value();
    gone.wait();
    request.end("1");
  });
  server.method("echo", [](fast::request& request) { request.end(request.args()); });
  fast::client client(server.start());
  auto blocked = std::async(std::launch::async, [&] { return client.call("block"); });
  entered.get_future().wait();
  for (int i = 0; i < 300; i++) CHECK(client.call("echo") == "[[]]");
  go.set_value();
  CHECK(blocked.get() == "[1]");
  server.stop();
}

static void announcements() {
  fast::server server({{"announce", "cpp-test"}});
  server.method("echo", [](fast::request& request) { request.end(request.args()); });
  std::string address = server.start();
  fast::client client("cpp-test");
  client.ready(10s);
  CHECK(client.call("echo") == "[[]]");
  fast::announcement entry = fast::announce({{"announce", "cpp-other"}, {"advertise", address}});
  CHECK(!std::strcmp(entry.state(), "registered"));
  CHECK(fast::client("cpp-other").call("echo") == "[[]]");
  entry.set_weight(7);
  entry.set_metadata("version=2");
  CHECK(fast::client("cpp-other").call("echo") == "[[]]");
  CHECK(caught([&] { entry.set_metadata("version"); }).code() == FAST_E_INVALID);
  std::promise<void> closed;
  entry.on_announcement([&](const char* state, const char*) {
    if (!std::strcmp(state, "closed")) closed.set_value();
  });
  entry.withdraw();
  CHECK(!std::strcmp(entry.state(), "closed"));
  closed.get_future().get();
  fast::announcement withdrawn = fast::announce({{"announce", "cpp-other"}, {"advertise", address}});
  withdrawn.withdraw();
  std::promise<void> late;
  withdrawn.on_announcement([&](const char* state, const char*) {
    if (!std::strcmp(state, "closed")) late.set_value();
  });
  late.get_future().get();
  server.stop(1s);
}

static void a_server_that_says_when_it_is_ready() {
  fast::server server({{"announce", "cpp-ready"}, {"announce_at_start", "false"}});
  server.method("echo", [](fast::request& request) { request.end(request.args()); });
  std::promise<void> registered, closed;
  server.on_announcement([&](const char* state, const char* why) {
    CHECK(why == nullptr);
    if (!std::strcmp(state, "registered")) registered.set_value();
    if (!std::strcmp(state, "closed")) closed.set_value();
  });
  server.start();
  CHECK(!std::strcmp(server.announcement(), "closed"));
  fast::client client("cpp-ready");
  CHECK(caught([&] { client.call("echo"); }).code() == FAST_E_NO_ENDPOINT);
  server.announce();
  registered.get_future().get();
  CHECK(!std::strcmp(server.announcement(), "registered"));
  client.ready(10s);
  server.set_weight(7);
  CHECK(caught([&] { server.set_weight(1'000'001); }).code() == FAST_E_INVALID);
  server.set_metadata("version=2,shard=7");
  while (client.stats().find(R"("metadata":{"shard":"7","version":"2"})") == std::string::npos) std::this_thread::yield();
  fast::error malformed = caught([&] { server.set_metadata("version"); });
  CHECK(malformed.code() == FAST_E_INVALID);
  CHECK(std::strstr(malformed.what(), "option \"metadata\": \"version\" has no ="));
  CHECK(client.call("echo") == "[[]]");
  server.stop();
  closed.get_future().get();
}

int main() {
  fast::server server = make_server();
  std::string address = server.start();
  CHECK(address == server.address());
  fast::client client(address);
  client.ready(10s);
  errors_of_servers(client);
  streams(client);
  buffered_calls(client);
  abandoned_streams(client);
  slow_callers_are_waited_for();
  servers_that_accept_no_more();
  how_long_callers_wait();
  clients_that_ask_too_often();
  options_and_calls(client, address);
  a_blocked_handler_holds_up_no_other();
  kang_and_metrics();
  announcements();
  a_server_that_says_when_it_is_ready();

  fast::client moved = std::move(client);
  moved.close(1s);
  CHECK(caught([&] { moved.call("echo"); }).code() == FAST_E_CLOSED);
  CHECK(caught([&] { client.call("echo"); }).code() == FAST_E_NULL);
  server.stop();
  server = make_server();
  server.start();
  CHECK(fast_shutdown(10000) == FAST_OK);
}
