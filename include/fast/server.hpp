// Servers, requests and announcements. Part of fast.hpp.

#ifndef FAST_SERVER_HPP
#define FAST_SERVER_HPP
#include "config.hpp"
#include "interceptors.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fast {
// A request before its handler runs, as the interceptors of its server see it.
class incoming_call : public intercepted {
 public:
  const char* method() const noexcept { return fast_request_method(request_); }
  // The arguments as the JSON text of an array.
  std::string_view args() const noexcept {
    std::size_t len = 0;
    const char* data = fast_request_args(request_, &len);
    return {data, len};
  }
  // The caller's address.
  const char* peer() const noexcept { return fast_request_peer(request_); }
  ~incoming_call() { over(std::make_exception_ptr(remote_error("HandlerDropped", "the handler ended without an answer"))); }

 private:
  friend class request;
  friend class server;
  explicit incoming_call(fast_request* request) : request_(request) {}
  void over(std::exception_ptr error) noexcept { ended(std::move(error), peer(), 1); }
  fast_request* request_;
};

// What each request is led through. What it throws fails the request.
using server_interceptor = std::function<void(incoming_call&)>;

// A request to be answered with any number of values and one end or failure. A handler may move it elsewhere and answer later,
// from any thread. Destroyed without an answer, it fails as HandlerDropped.
class request {
 public:
  const char* method() const noexcept { return fast_request_method(handle_.get()); }
  // The arguments as the JSON text of an array.
  std::string_view args() const noexcept {
    std::size_t len = 0;
    const char* data = fast_request_args(handle_.get(), &len);
    return {data, len};
  }
  // The caller's address.
  const char* peer() const noexcept { return fast_request_peer(handle_.get()); }
  // True once nobody waits for the answer any more.
  bool cancelled() const noexcept { return fast_request_cancelled(handle_.get()); }

  // True once the caller has ended its side of the connection: it may be gone, or read on and wait for the answer.
  bool half_closed() const noexcept { return fast_request_half_closed(handle_.get()); }

  // How long the caller goes on waiting, 0 once it has stopped; nothing if it does not say.
  std::optional<std::chrono::milliseconds> remaining() const noexcept {
    const std::int64_t ms = fast_request_remaining_ms(handle_.get());
    return ms < 0 ? std::nullopt : std::optional<std::chrono::milliseconds>(ms);
  }

  // Sends one value, the JSON text of anything but null; waits while the caller is slow. FAST_E_CLOSED: the caller is gone.
  void send(std::string_view value) {
    fast_code code = when_writable([&] { return fast_request_send(handle_.get(), value.data(), value.size()); });
    while (code == FAST_AGAIN) code = wait();
    if (seen_) seen_->saw(value);
  }
  // Ends the answer, if `value` is given with that as the last one; then it waits as send().
  void end(std::optional<std::string_view> value = std::nullopt) {
    when_writable([&] { return fast_request_end(handle_.get(), value ? value->data() : nullptr, value ? value->size() : 0); });
    if (seen_ && value) seen_->saw(*value);
    if (seen_) seen_->over(nullptr);
  }
  // Ends the answer with an error; `info` is the JSON text of an object, `context` and `ase_errors` of any value; or empty.
  void fail(const std::string& name, const std::string& message, const std::string& info = {},
            const std::string& context = {}, const std::string& ase_errors = {}) {
    using detail::terminated;
    detail::check(fast_request_fail_with(handle_.get(), terminated(name), terminated(message), terminated(info),
                                         terminated(context), terminated(ase_errors)));
    if (seen_) seen_->over(std::make_exception_ptr(remote_error(name, message, info, context, ase_errors)));
  }

 private:
  friend class server;
  explicit request(fast_request* handle) : handle_(handle) {}

  // Answers FAST_AGAIN after a while, so that a caller that never reads can be told from one that is gone.
  fast_code wait() { return detail::check(fast_request_wait(handle_.get(), 60'000)); }
  // Repeats what is refused because too much waits for the caller.
  template <class Try>
  fast_code when_writable(Try attempt) {
    fast_code code = attempt();
    for (; code == FAST_E_OVERLOAD; code = attempt()) wait();
    if (seen_ && code == FAST_E_CLOSED) seen_->over(std::make_exception_ptr(error(code, "the caller is gone")));
    return detail::check(code);
  }
  // Leads it through; false if it was answered.
  bool pass(const std::vector<server_interceptor>& interceptors) {
    seen_.reset(new incoming_call(handle_.get()));
    for (const server_interceptor& interceptor : interceptors) {
      interceptor(*seen_);
      if (!seen_->answered_) continue;
      for (const std::string& value : seen_->given_) send(value);
      end();
      return false;
    }
    return true;
  }
  void failed(std::exception_ptr why) const noexcept {
    if (seen_) seen_->over(std::move(why));
  }

  detail::owner<fast_request, fast_request_free> handle_;
  // None unless there are interceptors. Gone before the request is.
  std::unique_ptr<incoming_call> seen_;
};

// Hears of an entry in a registry: "registered", "connecting", "suspended", "lost" or "closed", and why it is not listed if that
// is known, else null.
using announcement_handler = std::function<void(const char* state, const char* why)>;

namespace detail {
// To what hears of it. On a thread of the library: nothing may be thrown out of here.
inline void tell_announcement(const fast_event* event) noexcept {
  try {
    const char* why = event->error != nullptr ? fast_error_message(event->error) : nullptr;
    (*reinterpret_cast<announcement_handler*>(static_cast<std::uintptr_t>(event->tag)))(event->data, why);
  } catch (...) {
    // Nobody waits for what it throws.
  }
}
}  // namespace detail

// A server whose methods run on threads of its own. It must not be destroyed by one of its methods.
class server {
 public:
  // What it throws fails the request: a remote_error as it is, any other std::exception with the name "Error".
  using handler = std::function<void(request&)>;

  // `threads` is how many methods run at the same time.
  explicit server(const config& options = {}, std::uint32_t threads = 16) : state_(new state), threads_(threads) {
    state_->queue = detail::made<queue_owner>(fast_queue_new);
    state_->handle = detail::made<server_owner>([&](fast_error** err) { return fast_server_new(options.get(), err); });
  }

  server& method(std::string_view name, handler run) {
    state_->handlers.push_back(std::move(run));
    // Elements of a list stay where they are, so their address can go through the queue.
    auto tag = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&state_->handlers.back()));
    detail::checked([&](fast_error** err) {
      return fast_server_handle(state_->handle.get(), name.data(), name.size(), state_->queue.get(), tag, err);
    });
    return *this;
  }

  // Has requests go through `interceptor` before their methods, behind those that were installed before. Before the start.
  server& intercept(server_interceptor interceptor) {
    state_->interceptors.push_back(std::move(interceptor));
    return *this;
  }

  // Listens, then announces if the option `announce` is set and `announce_at_start` is not off; returns the address. It serves also
  // while its registry cannot be reached, and is listed when that answers.
  std::string start() {
    if (!state_->dispatching) {
      detail::checked([&](fast_error** err) {
        return fast_queue_dispatch(state_->queue.get(), threads_, dispatch, state_.get(), nullptr, err);
      });
      state_->dispatching = true;
    }
    detail::checked([&](fast_error** err) { return fast_server_start(state_->handle.get(), err); });
    return address();
  }

  // Announces a server that was started with `announce_at_start` off, now that it is ready. Waits until it is listed, or
  // until it is known that its registry cannot be reached, at most 5 s; then it is listed when that answers.
  void announce() {
    detail::checked([&](fast_error** err) { return fast_server_announce(state_->handle.get(), err); });
  }
  // Gives the server another share of calls, from 0 (no new calls) to 1000000; waits until that is listed.
  void set_weight(std::uint64_t weight) {
    detail::checked([&](fast_error** err) { return fast_server_set_weight(state_->handle.get(), weight, err); });
  }
  // Says something else of the server, in place of all that was said: text as of the option `metadata`, empty for nothing.
  void set_metadata(std::string_view metadata) {
    detail::checked([&](fast_error** err) {
      return fast_server_set_metadata(state_->handle.get(), metadata.data(), metadata.size(), err);
    });
  }
  // "registered", "connecting", "suspended", "lost" or "closed".
  const char* announcement() const noexcept { return fast_server_announcement(state_->handle.get()); }
  // `hear` is told of each change of that, on a thread of the library. Once, before the start.
  server& on_announcement(announcement_handler hear) {
    state_->hear = std::move(hear);
    auto tag = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&state_->hear));
    detail::checked([&](fast_error** err) {
      return fast_server_watch_announcement(state_->handle.get(), state_->queue.get(), tag, err);
    });
    return *this;
  }

  // The address listened on; empty before the start.
  std::string address() const { return fast_server_address(state_->handle.get()); }
  // Counters, connections and running requests in the words of kang, as the JSON text of an object.
  std::string kang() const {
    return detail::text([&](fast_buf** json, fast_error** err) {
      return fast_server_kang(state_->handle.get(), json, err);
    });
  }
  // Puts other rate limits in the place of those there are: text as of the option `rate_limits`, empty for none.
  void set_rate_limits(std::string_view limits) {
    detail::checked([&](fast_error** err) {
      return fast_server_set_rate_limits(state_->handle.get(), limits.data(), limits.size(), err);
    });
  }
  // Does not serve a client, by IP address or by its `client_name`, for that time; zero serves it again.
  void kick(std::string_view client, std::chrono::milliseconds time) {
    detail::checked([&](fast_error** err) {
      return fast_server_kick(state_->handle.get(), client.data(), client.size(), time.count(), err);
    });
  }
  // Tells clients and the registry, serves on while calls still come, and accepts no more connections; those that are open go
  // on being served.
  void stop_accepting() {
    detail::checked([&](fast_error** err) { return fast_server_stop_accepting(state_->handle.get(), err); });
  }
  // Waits until no connection is open, without `timeout` for ever. False: some are still.
  bool wait_connections_closed(std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
    std::int64_t ms = timeout ? static_cast<std::int64_t>(timeout->count()) : -1;
    return detail::checked([&](fast_error** err) {
      return fast_server_wait_connections_closed(state_->handle.get(), ms, err);
    }) == FAST_OK;
  }
  // Stops so that no call is lost: tells clients and the registry, serves on while calls still come (at most the option
  // `drain_grace_ms`), accepts no more, and answers what runs. Takes at most `drain` (by default the option `drain_ms`) in
  // all; what runs then is cancelled. The destructor does not wait for requests, only for methods that run.
  void stop(std::optional<std::chrono::milliseconds> drain = std::nullopt) {
    std::int64_t ms = drain ? static_cast<std::int64_t>(drain->count()) : -1;
    detail::checked([&](fast_error** err) { return fast_server_stop(state_->handle.get(), ms, err); });
  }

 private:
  using queue_owner = detail::owner<fast_queue, fast_queue_free>;
  using server_owner = detail::owner<fast_server, fast_server_free>;

  // Destroyed from the last member to the first: no handler goes while it may run.
  struct state {
    std::list<handler> handlers;
    std::vector<server_interceptor> interceptors;
    announcement_handler hear;
    queue_owner queue;
    server_owner handle;
    bool dispatching = false;
  };

  // On a thread of the library: nothing may be thrown out of here.
  static void dispatch(void* user, fast_event* event) noexcept {
    if (event->kind == FAST_EV_ANNOUNCEMENT) return detail::tell_announcement(event);
    if (event->kind != FAST_EV_REQUEST) return;
    request taken(std::exchange(event->request, nullptr));
    const auto& interceptors = static_cast<state*>(user)->interceptors;
    try {
      if (!interceptors.empty() && !taken.pass(interceptors)) return;
      (*reinterpret_cast<handler*>(static_cast<std::uintptr_t>(event->tag)))(taken);
    } catch (const remote_error& thrown) {
      answer(taken, thrown);
    } catch (const std::exception& thrown) {
      answer(taken, "Error", thrown.what());
    } catch (...) {
      answer(taken, "Error", "an exception of unknown type");
    }
  }

  // These do nothing if the request was moved elsewhere, was ended, or nobody waits for it any more.
  static fast_code answer(const request& taken, const char* name, const char* message) noexcept {
    taken.failed(std::current_exception());
    return fast_request_fail(taken.handle_.get(), name, message, nullptr);
  }
  static void answer(const request& taken, const remote_error& thrown) noexcept {
    fast_code code = fast_request_fail_with(taken.handle_.get(), thrown.name().c_str(), thrown.what(), thrown.info().c_str(),
                                            thrown.context().c_str(), thrown.ase_errors().c_str());
    if (code != FAST_E_INVALID) taken.failed(std::current_exception());
    else answer(taken, "Error", "the texts of this error are no UTF-8, or no JSON where that is needed");
  }

  std::unique_ptr<state> state_;
  std::uint32_t threads_;
};

// An entry in a registry for a server of any protocol, with the options `announce` and `advertise`.
class announcement {
 public:
  explicit announcement(const config& options) {
    handle_ = detail::made<owner>([&](fast_error** err) { return fast_announcement_new(options.get(), err); });
  }
  // "registered", "connecting", "suspended", "lost" or "closed".
  const char* state() const noexcept { return fast_announcement_state(handle_.get()); }
  // `hear` is told of each change of that from now on, on a thread of the library. Once.
  announcement& on_announcement(announcement_handler hear) {
    hearing_ = std::make_unique<hearing>();
    hearing_->hear = std::move(hear);
    hearing_->queue = detail::made<queue_owner>(fast_queue_new);
    auto tag = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&hearing_->hear));
    detail::checked([&](fast_error** err) {
      return fast_queue_dispatch(hearing_->queue.get(), 1, dispatch, nullptr, nullptr, err);
    });
    detail::checked([&](fast_error** err) {
      return fast_announcement_watch(handle_.get(), hearing_->queue.get(), tag, err);
    });
    return *this;
  }
  // Gives the entry another share of calls, from 0 (no new calls) to 1000000; waits until that is listed.
  void set_weight(std::uint64_t weight) {
    detail::checked([&](fast_error** err) { return fast_announcement_set_weight(handle_.get(), weight, err); });
  }
  // Says something else of the server, in place of all that was said: text as of the option `metadata`, empty for nothing.
  void set_metadata(std::string_view metadata) {
    detail::checked([&](fast_error** err) {
      return fast_announcement_set_metadata(handle_.get(), metadata.data(), metadata.size(), err);
    });
  }
  // Takes the entry off and waits until the registry acknowledged it. The destructor does not wait.
  void withdraw() {
    detail::checked([&](fast_error** err) { return fast_announcement_withdraw(handle_.get(), err); });
  }

 private:
  using owner = detail::owner<fast_announcement, fast_announcement_free>;
  using queue_owner = detail::owner<fast_queue, fast_queue_free>;

  // Destroyed from the last member to the first: what hears does not go while it may run.
  struct hearing {
    announcement_handler hear;
    queue_owner queue;
  };

  static void dispatch(void*, fast_event* event) noexcept {
    if (event->kind == FAST_EV_ANNOUNCEMENT) detail::tell_announcement(event);
  }

  std::unique_ptr<hearing> hearing_;
  owner handle_;
};

inline announcement announce(const config& options) { return announcement(options); }

}  // namespace fast
#endif  // FAST_SERVER_HPP
