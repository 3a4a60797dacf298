// gRPC: callbacks serve; in the client, calls complete in a queue, which one thread polls. A stream is a server stream, one
// message for each object.

#include <grpcpp/grpcpp.h>

#include <memory>

#include "bench.grpc.pb.h"
#include "measured.hpp"

using measured::Clock, measured::Meter, measured::Order;

/// One answer of many objects.
class Objects : public grpc::ServerWriteReactor<bench::Object> {
 public:
  explicit Objects(std::uint64_t objects) : objects(objects) { next(); }
  void OnWriteDone(bool ok) override { ok ? next() : Finish(grpc::Status::CANCELLED); }
  void OnDone() override { delete this; }

 private:
  void next() {
    if (i == objects) return Finish(grpc::Status::OK);
    grpc::WriteOptions options;
    // More follows: it need not be sent alone. The first one goes with the metadata, which must not wait.
    if (i > 0) options.set_buffer_hint();
    object.set_i(i++);
    object.set_on(true);
    StartWrite(&object, options);
  }

  std::uint64_t i = 0, objects;
  bench::Object object;
};

class Answers : public bench::Bench::CallbackService {
 public:
  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context, const bench::Text* request,
                                 bench::Text* answer) override {
    answer->set_value(request->value());
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerWriteReactor<bench::Object>* Stream(grpc::CallbackServerContext*, const bench::Count* request) override {
    return new Objects(request->objects());
  }
};

static void serve() {
  Answers answers;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port).RegisterService(&answers);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  measured::serve_until_input_ends(port);
}

/// One call under way, and after it the next one.
class Running {
 public:
  Running(std::shared_ptr<bench::Bench::Stub> stub, const Order& order, grpc::CompletionQueue& queue)
      : stub(std::move(stub)), order(order), queue(queue) {
    text.set_value(order.text);
    count.set_objects(order.size);
  }

  void start() {
    began = Clock::now();
    // Those live in the memory of the call, which the context holds.
    echo.reset();
    objects.reset();
    context = std::make_unique<grpc::ClientContext>();
    came = 0;
    state = order.stream ? State::Starting : State::Finishing;
    if (order.stream) {
      objects = stub->AsyncStream(context.get(), count, &queue, this);
    } else {
      echo = stub->AsyncEcho(context.get(), text, &queue);
      echo->Finish(&answer, &status, this);
    }
  }

  /// What was started last has come to its end; true if the call has.
  bool advance(bool ok) {
    if (state == State::Finishing) {
      if (!status.ok()) measured::fail(status.error_message());
      measured::expect(order.stream ? came : answer.value().size(), order);
      return true;
    }
    if (state == State::Reading && ok) came += object.i() == came && object.on();
    state = ok ? State::Reading : State::Finishing;
    ok ? objects->Read(&object, this) : objects->Finish(&status, this);
    return false;
  }

  Clock::time_point began;

 private:
  enum class State { Starting, Reading, Finishing };

  std::shared_ptr<bench::Bench::Stub> stub;
  const Order& order;
  grpc::CompletionQueue& queue;
  bench::Text text, answer;
  bench::Count count;
  bench::Object object;
  grpc::Status status;
  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<grpc::ClientAsyncResponseReader<bench::Text>> echo;
  std::unique_ptr<grpc::ClientAsyncReader<bench::Object>> objects;
  std::size_t came = 0;
  State state = State::Finishing;
};

static std::shared_ptr<bench::Bench::Stub> connect(const Order& order) {
  grpc::ChannelArguments arguments;
  // Otherwise all channels of a process share one connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  auto target = "127.0.0.1:" + std::to_string(order.port);
  auto channel = grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(5))) measured::fail("not connected");
  return bench::Bench::NewStub(channel);
}

static std::vector<Meter> load(const Order& order) {
  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<Running>> calls;
  for (int i = 0; i < order.connections; i++) {
    std::shared_ptr<bench::Bench::Stub> stub = connect(order);
    for (int j = 0; j < order.in_flight; j++) calls.push_back(std::make_unique<Running>(stub, order, queue));
  }
  Meter meter(order);
  for (auto& call : calls) call->start();
  std::size_t under_way = calls.size();
  void* tag = nullptr;
  for (bool ok = false; under_way > 0 && queue.Next(&tag, &ok);) {
    auto call = static_cast<Running*>(tag);
    if (!call->advance(ok)) continue;
    if (meter.count(call->began, Clock::now())) {
      call->start();
    } else {
      under_way--;
    }
  }
  return {meter};
}

int main(int argc, char** argv) { return measured::run(argc, argv, serve, load); }
