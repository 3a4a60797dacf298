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
  for (const char* method : {"standard", "number", "malformed"})
    CHECK(!std::strcmp(caught([&] { client.call(method); }).remote_name(), "Error"));
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
  entry.withdraw();
  CHECK(!std::strcmp(entry.state(), "closed"));
  server.stop(1s);
}

int main() {
  fast::server server = make_server();
  std::string address = server.start();
  CHECK(address == server.address());
  fast::client client(address);
  client.ready(10s);
  errors_of_servers(client);
  streams(client);
  options_and_calls(client, address);
  a_blocked_handler_holds_up_no_other();
  announcements();

  fast::client moved = std::move(client);
  moved.close(1s);
  CHECK(caught([&] { moved.call("echo"); }).code() == FAST_E_CLOSED);
  CHECK(caught([&] { client.call("echo"); }).code() == FAST_E_NULL);
  server.stop();
  server = make_server();
  server.start();
  CHECK(fast_shutdown(10000) == FAST_OK);
}
