// The server of ../README.md: calc_server TARGET [NAME]

#include <csignal>
#include <fast.hpp>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>
#include <unistd.h>

using nlohmann::json;

static void serve(fast::server& server, const std::string& name) {
  server.method("add", [name](fast::request& request) {
    json args = json::parse(request.args());
    // Integers stay integers.
    bool whole = args.at(0).is_number_integer() && args.at(1).is_number_integer();
    json sum = whole ? json(args[0].get<std::int64_t>() + args[1].get<std::int64_t>())
                     : json(args[0].get<double>() + args[1].get<double>());
    request.end(json{{"sum", sum}, {"server", name}}.dump());
  });
  server.method("echo", [](fast::request& request) {
    for (const json& value : json::parse(request.args())) request.send(json{{"value", value}}.dump());
    request.end();
  });
  server.method("range", [](fast::request& request) {
    auto n = json::parse(request.args()).at(0).get<std::int64_t>();
    // send() waits while the caller is slow, and throws when it is gone.
    for (std::int64_t i = 0; i < n; i++) request.send(json{{"value", i}}.dump());
    request.end();
  });
  server.method("slow", [](fast::request& request) {
    auto ms = json::parse(request.args()).at(0).get<std::int64_t>();
    // Answered by a thread of its own, so that the server's threads stay free.
    std::thread([ms, request = std::move(request)]() mutable {
      for (auto left = ms; left > 0 && !request.cancelled(); left -= 50)
        std::this_thread::sleep_for(std::chrono::milliseconds(std::min<std::int64_t>(left, 50)));
      if (!request.cancelled()) request.end(json{{"slept", ms}}.dump());
    }).detach();
  });
  server.method("fail", [](fast::request&) { throw fast::remote_error("CalcError", "asked to fail", R"({"code": 42})"); });
}

int main(int argc, char** argv) try {
  if (argc < 2) return std::cerr << "usage: calc_server TARGET [NAME]\n", 2;
  // Blocked before there are threads, so that only sigwait() gets it.
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &term, nullptr);

  fast::server server({{"announce", argv[1]}});
  serve(server, argc > 2 ? argv[2] : "cpp");
  std::cout << "listening " << server.start() << std::endl;

  std::thread([] {
    while (std::cin.get() != EOF) continue;
    kill(getpid(), SIGTERM);
  }).detach();
  int signal = 0;
  sigwait(&term, &signal);
  server.stop();
  // Threads that may still wait for input need not be waited for.
  std::_Exit(0);
} catch (const std::exception& failure) {
  std::cerr << failure.what() << '\n';
  return 1;
}
