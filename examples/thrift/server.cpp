// A Thrift server that libfast lists: server TARGET NAME [DELAY_MS]. See README.md.

#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/server/TThreadedServer.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/TServerSocket.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fast.hpp>
#include <iostream>
#include <optional>
#include <thread>

#include "Calculator.h"

using namespace apache::thrift;
using std::chrono::milliseconds;

class Answers : public calculator::CalculatorIf {
 public:
  Answers(std::string name, milliseconds delay) : name_(std::move(name)), delay_(delay) {}

  void add(calculator::Sum& answer, std::int64_t a, std::int64_t b) override {
    taken++;
    std::this_thread::sleep_for(delay_);
    answer.sum = a + b;
    answer.server = name_;
  }

  std::atomic<std::uint64_t> taken{0};

 private:
  std::string name_;
  milliseconds delay_;
};

// Lists the server as soon as it accepts connections, which is when Thrift calls preServe().
class Listed : public server::TServerEventHandler {
 public:
  Listed(std::shared_ptr<transport::TServerSocket> socket, std::string target)
      : socket_(std::move(socket)), target_(std::move(target)) {}

  void preServe() override try {
    std::string address = "127.0.0.1:" + std::to_string(socket_->getPort());
    entry_.emplace(fast::announce({{"announce", target_}, {"advertise", address}}));
    std::cout << "listening " << address << std::endl;
  } catch (const fast::error& failure) {
    std::cerr << failure.what() << '\n';
    std::_Exit(1);
  }

  void withdraw() {
    if (entry_) entry_->withdraw();
  }

 private:
  std::shared_ptr<transport::TServerSocket> socket_;
  std::string target_;
  std::optional<fast::announcement> entry_;
};

int main(int argc, char** argv) {
  if (argc < 3) return std::cerr << "usage: server TARGET NAME [DELAY_MS]\n", 2;
  // Blocked before there are threads, so that only sigwait() gets it.
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &term, nullptr);

  auto socket = std::make_shared<transport::TServerSocket>("127.0.0.1", 0);
  auto answers = std::make_shared<Answers>(argv[2], milliseconds(argc > 3 ? std::stoi(argv[3]) : 0));
  auto listed = std::make_shared<Listed>(socket, argv[1]);
  server::TThreadedServer server(std::make_shared<calculator::CalculatorProcessor>(answers), socket,
                                 std::make_shared<transport::TBufferedTransportFactory>(),
                                 std::make_shared<protocol::TBinaryProtocolFactory>());
  server.setServerEventHandler(listed);
  std::thread serving([&] { server.serve(); });

  int signal = 0;
  sigwait(&term, &signal);
  // Off the list first, after it was said. Clients that chose this server just before are still served: until none comes, at
  // most 3 s.
  listed->withdraw();
  for (int look = 0; look < 30; look++) {
    std::uint64_t before = answers->taken;
    std::this_thread::sleep_for(milliseconds(100));
    if (answers->taken == before) break;
  }
  server.stop();
  serving.join();
}
