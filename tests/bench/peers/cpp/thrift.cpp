// Apache Thrift: a thread for each connection serves; in the client, a thread for each call under way, which share their
// connection if it has more than one. A stream is one answer that holds a list.

#include <thrift/TProcessor.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/server/TThreadedServer.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/TServerSocket.h>
#include <thrift/transport/TSocket.h>

#include <memory>
#include <thread>

#include "Bench.h"
#include "measured.hpp"

using namespace apache::thrift;
using measured::Clock, measured::Meter, measured::Order;

class Answers : public bench_thrift::BenchIf {
 public:
  void echo(bench_thrift::Wrapped& answer, const std::string& argument) override { answer.value = argument; }

  void stream(std::vector<bench_thrift::Object>& answer, std::int64_t objects) override {
    answer.resize(static_cast<std::size_t>(objects));
    for (std::int64_t i = 0; bench_thrift::Object& object : answer) {
      object.i = i++;
      object.on = true;
    }
  }
};

/// Buffers of a useful size: with the library's own, of 512 bytes, large messages come in thousands of pieces.
class Buffered : public transport::TTransportFactory {
 public:
  std::shared_ptr<transport::TTransport> getTransport(std::shared_ptr<transport::TTransport> socket) override {
    return std::make_shared<transport::TBufferedTransport>(std::move(socket), 64 * 1024);
  }
};

/// Tells the port once there is one.
class Listening : public server::TServerEventHandler {
 public:
  explicit Listening(std::shared_ptr<transport::TServerSocket> socket) : socket(std::move(socket)) {}
  void preServe() override { std::thread(measured::serve_until_input_ends, socket->getPort()).detach(); }

 private:
  std::shared_ptr<transport::TServerSocket> socket;
};

static void serve() {
  auto socket = std::make_shared<transport::TServerSocket>("127.0.0.1", 0);
  server::TThreadedServer server(std::make_shared<bench_thrift::BenchProcessor>(std::make_shared<Answers>()), socket,
                                 std::make_shared<Buffered>(), std::make_shared<protocol::TBinaryProtocolFactory>());
  server.setServerEventHandler(std::make_shared<Listening>(socket));
  server.serve();
}

static std::size_t call(bench_thrift::BenchIf& client, const Order& order) {
  if (order.stream) {
    std::vector<bench_thrift::Object> objects;
    client.stream(objects, static_cast<std::int64_t>(order.size));
    std::int64_t came = 0;
    for (const bench_thrift::Object& object : objects) came += object.i == came && object.on;
    return static_cast<std::size_t>(came);
  }
  bench_thrift::Wrapped wrapped;
  client.echo(wrapped, order.text);
  return wrapped.value.size();
}

static std::shared_ptr<bench_thrift::BenchIf> connect(const Order& order) {
  auto socket = std::make_shared<transport::TSocket>("127.0.0.1", order.port);
  socket->open();
  auto protocol = std::make_shared<protocol::TBinaryProtocol>(Buffered().getTransport(socket));
  if (order.in_flight == 1) return std::make_shared<bench_thrift::BenchClient>(protocol);
  auto shared = std::make_shared<async::TConcurrentClientSyncInfo>();
  return std::make_shared<bench_thrift::BenchConcurrentClient>(protocol, shared);
}

static std::vector<Meter> load(const Order& order) {
  std::vector<std::shared_ptr<bench_thrift::BenchIf>> clients;
  for (int i = 0; i < order.connections; i++) clients.push_back(connect(order));
  std::vector<Meter> meters(static_cast<std::size_t>(order.connections * order.in_flight), Meter(order));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < meters.size(); i++) {
    threads.emplace_back([&, i] {
      Clock::time_point began, ended = Clock::now();
      do {
        began = ended;
        measured::expect(call(*clients[i % clients.size()], order), order);
        ended = Clock::now();
      } while (meters[i].count(began, ended));
    });
  }
  for (std::thread& thread : threads) thread.join();
  return meters;
}

int main(int argc, char** argv) { return measured::run(argc, argv, serve, load); }
