// fast.hpp: what programs put around calls, on both sides.

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fast.hpp>
#include <mutex>
#include <vector>

using namespace std::chrono_literals;

#define CHECK(condition) \
  ((condition) ? (void)0 : (std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition), std::_Exit(1)))

// Lines that several threads write.
class lines {
 public:
  void add(std::string line) {
    std::lock_guard guard(mutex_);
    all_.push_back(std::move(line));
    grown_.notify_all();
  }
  // All of them, once there are `count`.
  std::vector<std::string> take(std::size_t count) {
    std::unique_lock guard(mutex_);
    CHECK(grown_.wait_for(guard, 20s, [&] { return all_.size() >= count; }));
    return std::exchange(all_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable grown_;
  std::vector<std::string> all_;
};

static std::string shown(std::exception_ptr error) {
  if (!error) return "ok";
  try {
    std::rethrow_exception(error);
  } catch (const fast::error& known) {
    return known.code_name();
  } catch (const fast::remote_error& known) {
    return known.name();
  } catch (const std::exception& other) {
    return other.what();
  }
}

template <class Call>
static auto writes_down(const std::string& name, lines& log) {
  return [name, &log](Call& call) {
    log.add(name + " " + std::string(call.method()) + " " + std::string(call.args));
    call.on_end([name, &log](const fast::outcome& end) {
      log.add(name + " ended: " + std::to_string(end.values) + " values, " + shown(end.error));
    });
  };
}

static fast::server make_server() {
  fast::server server({{"listen", "127.0.0.1:0"}});
  server.method("echo", [](fast::request& request) { request.end(request.args()); })
      .method("range", [](fast::request& request) {
        for (int i = 0; i < 3; i++) request.send(std::to_string(i));
        request.end();
      })
      .method("nothing", [](fast::request&) {});
  return server;
}

static void in_order_and_back() {
  lines here, there;
  fast::server server = make_server();
  for (const char* name : {"first", "second", "third"}) {
    server.intercept([name, &there](fast::incoming_call& call) {
      there.add(std::string(name) + " " + call.method() + " " + std::string(call.args()));
      call.on_end([name, &there](const fast::outcome& end) {
        there.add(std::string(name) + " ended: " + std::to_string(end.values) + " values, " + shown(end.error));
      });
    });
  }
  std::string address = server.start();
  fast::client client(address);
  for (const char* name : {"first", "second", "third"}) client.intercept(writes_down<fast::outgoing_call>(name, here));
  CHECK(client.call("echo", "[1]") == "[[1]]");
  std::vector<std::string> expected = {"first echo [1]",           "second echo [1]",          "third echo [1]",
                                       "third ended: 1 values, ok", "second ended: 1 values, ok", "first ended: 1 values, ok"};
  CHECK(here.take(6) == expected);
  CHECK(there.take(6) == expected);
  try {
    client.call("nothing");
    CHECK(!"it fails");
  } catch (const fast::error& error) {
    CHECK(error.remote_name() == std::string("HandlerDropped"));
  }
  CHECK(here.take(6)[3] == "third ended: 0 values, FAST_E_REMOTE");
  CHECK(there.take(6)[3] == "third ended: 0 values, HandlerDropped");
}

static void a_client_answers_or_fails() {
  lines log;
  // Nobody listens there.
  fast::client client("127.0.0.1:1");
  client.intercept(writes_down<fast::outgoing_call>("outer", log))
      .intercept([](fast::outgoing_call& call) {
        if (call.method() == "two") {
          call.answer("1");
          call.answer("{\"two\":2}");
        } else if (call.method() == "none") {
          call.answer();
        } else {
          throw std::runtime_error("not today");
        }
      })
      .intercept([](fast::outgoing_call&) { CHECK(!"it went on"); });
  CHECK(client.call("two") == "[1,{\"two\":2}]");
  CHECK(client.call("none") == "[]");
  auto some = client.call_buffered("two", "[]", 1);
  CHECK(some.values == "[1]" && some.count == 2 && !some.error);
  std::string values;
  CHECK(client.try_call("two", "[]", values) == FAST_OK && values == "[1,{\"two\":2}]");
  CHECK(client.try_call("other", "[]", values) == FAST_E_PANIC);
  try {
    client.stream("other");
    CHECK(!"it fails");
  } catch (const std::runtime_error& error) {
    CHECK(error.what() == std::string("not today"));
  }
  auto told = log.take(12);
  CHECK(told[1] == "outer ended: 2 values, ok" && told[3] == "outer ended: 0 values, ok");
  CHECK(told[11] == "outer ended: 0 values, not today");
}

static void a_server_answers_or_refuses() {
  fast::server server = make_server();
  std::atomic<int> turn = 0;
  server.intercept([&](fast::incoming_call& call) {
    CHECK(std::string(call.peer()).rfind("127.0.0.1:", 0) == 0);
    switch (turn++) {
      case 0: call.answer("7"), call.answer("8"); break;
      case 1: call.answer(); break;
      case 2: throw fast::remote_error("Denied", "not you");
    }
  });
  fast::client client(server.start());
  CHECK(client.call("echo") == "[7,8]");
  CHECK(client.call("echo") == "[]");
  try {
    client.call("echo");
    CHECK(!"it is refused");
  } catch (const fast::error& error) {
    CHECK(error.remote_name() == std::string("Denied") && error.remote_message() == std::string("not you"));
  }
  CHECK(client.call("echo", "[1]") == "[[1]]");
}

static void values_and_the_way() {
  lines log;
  fast::server server = make_server();
  std::string address = server.start();
  fast::client client("127.0.0.1:1," + address, {{"policy", "round_robin"}});
  std::atomic<std::uint32_t> most = 0;
  client.intercept([&](fast::outgoing_call& call) {
    call.args = "[\"changed\"]";
    call.options.idempotent = true;
    call.on_value([&](std::string_view value) {
      log.add(std::string(value));
      throw 7;
    });
    call.on_end([&](const fast::outcome& end) {
      CHECK(end.endpoint == address && end.duration > 0ns);
      most = std::max(most.load(), end.attempts);
      log.add(shown(end.error));
    });
  });
  for (int i = 0; i < 2; i++) CHECK(client.call("echo", "[1]") == "[[\"changed\"]]");
  CHECK(most == 2);
  log.take(4);
  std::string all;
  for (std::string_view value : client.stream("range")) all += value;
  CHECK(all == "012");
  CHECK((log.take(4) == std::vector<std::string>{"0", "1", "2", "ok"}));
  for (std::string_view value : client.stream("range")) {
    CHECK(value == "0");
    break;
  }
  CHECK((log.take(2) == std::vector<std::string>{"0", "FAST_E_ABANDONED"}));
}

int main() {
  in_order_and_back();
  a_client_answers_or_fails();
  a_server_answers_or_refuses();
  values_and_the_way();
}
